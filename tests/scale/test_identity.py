"""Ids, shards and URIs."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.errors import SourceError
from gfsalnet.scale.identity import id_of, result_path, shard_range, source_of, uri_of


@given(st.binary(min_size=10, max_size=10), st.integers(1, 300))
def test_every_id_is_in_one_shard(digest: bytes, count: int) -> None:
    shards = [shard_range(f"{number}/{count}") for number in range(1, count + 1)]
    assert [first for first, _ in shards[1:]] == [end for _, end in shards[:-1]]
    assert sum(first <= digest.hex() < end for first, end in shards) == 1


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "-1/4", "1/0", "1/999999", "a/b", "1/2/3", "１/2 "])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(ValueError, match="is no shard"):
        shard_range(text)


def test_a_million_results_make_no_large_folder() -> None:
    folders = [result_path(id_of(f"/data/{number}.mp4")).partition("/")[0] for number in range(20_000)]
    assert len(set(folders)) > 4000
    assert max(map(folders.count, set(folders[:50]))) < 25  # of 20,000: a million makes fifty times as many


def test_names_that_differ_in_case_or_form_alone_are_sources_of_their_own() -> None:
    names = ["/d/Clip.mp4", "/d/clip.mp4", *(f"/d/{unicodedata.normalize(form, 'é')}.mp4" for form in ("NFC", "NFD"))]
    assert len({result_path(id_of(uri_of(name))).casefold() for name in names}) == 4


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name and b"/" not in name and name not in (b".", b"..")))
def test_any_name_of_a_file_has_a_uri(name: bytes) -> None:
    path = os.fsdecode(b"/data/" + name)
    uri = uri_of(path)
    uri.encode()
    assert source_of(uri) == path


@pytest.mark.parametrize(
    "uri",
    ["clip.mp4", "0", "-", "rtsp://camera/1", "s3://ann:pa55@b/x.mp4", "https://h/x.mp4?token=pa55", "concat:a|b"],
)
def test_what_is_not_read_from_a_manifest(uri: str) -> None:
    with pytest.raises(SourceError) as caught:
        source_of(uri)
    assert "pa55" not in str(caught.value)
