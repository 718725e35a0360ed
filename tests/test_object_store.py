"""Objects in a store: listed, read and written against a server that speaks S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gfsalnet.errors import SourceError
from gfsalnet.object_store import describe, fetch, names_under, objects_under, read, write, write_folder

fsspec = pytest.importorskip("fsspec")


def test_what_is_written_is_listed_and_read(s3: Any, tmp_path: Path) -> None:
    for name in ("a/1.mp4", "a/2.mp4", "a/b/Ä #?.mp4", "c.txt"):
        write(f"{s3.bucket}/{name}", name.encode(), SourceError)
    below = [stored.address.removeprefix(f"{s3.bucket}/") for stored in objects_under(f"{s3.bucket}/a", SourceError)]
    assert below == ["a/1.mp4", "a/2.mp4", "a/b/Ä #?.mp4"]
    matching = [stored.size_bytes for stored in objects_under(f"{s3.bucket}/*.txt", SourceError)]
    assert matching == [5]
    one = describe(f"{s3.bucket}/a/b/Ä #?.mp4", SourceError)
    assert one.version.startswith("ETag ")
    fetch(one.address, tmp_path / "fetched", SourceError)
    assert (tmp_path / "fetched").read_text() == "a/b/Ä #?.mp4"
    assert names_under(f"{s3.bucket}/a", SourceError) == ["1.mp4", "2.mp4"]
    assert read(f"{s3.bucket}/none", SourceError) is None


def test_a_folder_replaces_what_was_there_its_summary_last(s3: Any, tmp_path: Path) -> None:
    folder = tmp_path / "result"
    (folder / "maps").mkdir(parents=True)
    for name in ("maps/0.png", "frames.csv", "summary.json"):
        (folder / name).write_text(name)
    target = f"{s3.bucket}/out/3fa9"
    write_folder(folder, target, "summary.json", SourceError)
    (folder / "maps" / "0.png").unlink()
    (folder / "overlay.mp4").write_text("new")
    write_folder(folder, target, "summary.json", SourceError)
    written = [stored.address.removeprefix(target) for stored in objects_under(target, SourceError)]
    assert written == ["/frames.csv", "/overlay.mp4", "/summary.json"]


def test_who_has_no_credentials_is_told_how_to_give_them(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "nowhere")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(SourceError, match=r"no credentials are found .*Set AWS_ACCESS_KEY_ID and"):
        read(f"{s3.bucket}/x", SourceError)
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.mark.slow
def test_a_store_that_is_overloaded_is_asked_again_and_not_for_ever(s3: Any) -> None:
    write(f"{s3.bucket}/x", b"x", SourceError)
    s3.refusals = 3
    assert read(f"{s3.bucket}/x", SourceError) == b"x"
    assert s3.refused == 3


@pytest.mark.slow
def test_a_store_that_stays_overloaded_is_one_line(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    s3.refusals = 10_000
    with pytest.raises(SourceError, match=r"the store does not do it .*reduce your request rate.*run fewer at a time"):
        write(f"{s3.bucket}/x", b"x", SourceError)
    assert s3.refused < 20
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("{bucket}/none.mp4", "the store has nothing there"),
        ("{bucket}/a", "it is a folder of the store"),
        ("s3://nobody-has-this/x.mp4", "the store "),
        ("s3://ann:pa55@films/x.mp4", "holds no credentials"),
    ],
)
def test_what_is_not_there_is_one_line_without_secrets(s3: Any, address: str, words: str) -> None:
    write(f"{s3.bucket}/a/1.mp4", b"1", SourceError)
    with pytest.raises(SourceError, match=words) as caught:
        describe(address.format(bucket=s3.bucket), SourceError)
    assert "pa55" not in str(caught.value)
