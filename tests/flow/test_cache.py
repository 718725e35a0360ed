from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.errors import OutputError
from gfsalnet.flow import CachedFlow, DISFlow
from gfsalnet.flow.cache import STEPS_PER_PIXEL, _to_steps
from gfsalnet.types import RGB, FlowField

Cached = Callable[..., CachedFlow]


@pytest.fixture
def pair() -> tuple[RGB, RGB]:
    previous, current = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 3), np.uint8)
    return previous, current


def entries(cache: CachedFlow) -> list[Path]:
    return [path for path in cache.folder.rglob("*") if path.is_file()]


def test_a_hit_gives_what_the_miss_gave(moved, tmp_path):
    pair = moved((96, 128), 3.3, -1.6)
    cache = CachedFlow(DISFlow(), tmp_path)
    missed, hit = cache(*pair), cache(*pair)
    np.testing.assert_array_equal(missed.flow_pixels, hit.flow_pixels)
    assert hit.flow_pixels.dtype == np.float32
    assert np.abs(hit.flow_pixels - DISFlow()(*pair).flow_pixels).max() <= 1 / 64


def test_another_process_finds_it(cached, pair):
    first, second = cached(), cached()
    field = first(*pair)
    np.testing.assert_array_equal(second(*pair).flow_pixels, field.flow_pixels)
    assert (first.estimator.calls, second.estimator.calls) == (1, 0)
    (entry,) = entries(first)
    assert len(entry.parent.name) == 2
    assert entry.parent.parent == first.folder


def test_what_the_cache_says_of_itself_is_the_estimators():
    plain = DISFlow("fast", (160, 120))
    cache = CachedFlow(plain, Path("unused"))
    assert (cache.name, cache.settings, cache.version) == (plain.name, plain.settings, plain.version)
    assert cache.field_size_hw((90, 160)) == plain.field_size_hw((90, 160))


def test_any_other_content_misses(cached, pair):
    previous, current = pair
    changed = current.copy()
    changed[-1, -1, 2] ^= 1
    shape = (16, 12, 3)
    others = [
        (previous, changed),
        (current, previous),
        (changed, current),
        (previous[:, ::-1], current[:, ::-1]),
        (previous.reshape(shape), current.reshape(shape)),
    ]
    cache = cached()
    cache(previous, current)
    for frames in others:
        cache(*frames)
    assert cache.estimator.calls == len(entries(cache)) == 1 + len(others)


def test_views_of_the_same_pixels_hit(cached, pair):
    cache = cached()
    cache(*pair)
    cache(*(rgb[:, ::-1].copy()[:, ::-1] for rgb in pair))
    assert cache.estimator.calls == 1


def test_other_settings_or_library_miss(cached, pair):
    caches = [cached(), cached(gain=2.0), cached(version="2")]
    for cache in caches:
        cache(*pair)
    assert [cache.estimator.calls for cache in caches] == [1, 1, 1]
    assert len(entries(caches[0])) == 3


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "flipped", "other size"])
def test_a_damaged_entry_is_made_again(cached, pair, damage):
    whole = cached()(*pair).flow_pixels
    (entry,) = entries(cached())
    if damage == "other size":
        other = cached(size_hw=(3, 4))
        entry.unlink()
        other(*pair)
    else:
        content = entry.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
        entry.write_bytes({"empty": b"", "cut": content[:-3], "text": b"flow", "flipped": flipped}[damage])
    for expected_calls in (1, 0):  # made again, and whole from then on
        cache = cached()
        np.testing.assert_array_equal(cache(*pair).flow_pixels, whole)
        assert cache.estimator.calls == expected_calls


@given(st.floats(-1e5, 1e5, width=32))
def test_rounding_and_range(value):
    stored = _to_steps(FlowField(np.full((1, 1, 2), value, np.float32)))[0, 0, 0] / STEPS_PER_PIXEL
    assert abs(stored - np.clip(value, -1023.96875, 1023.96875)) <= 1 / 64


def test_nothing_half_written_stays(cached, pair, monkeypatch):
    def full_disk(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", full_disk)
    cache = cached()
    with pytest.raises(OutputError, match=r"No space left on device.*flow cache"):
        cache(*pair)
    assert entries(cache) == []


def test_a_folder_that_cannot_be_made(tmp_path, mean_difference, pair):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        CachedFlow(mean_difference(), tmp_path / "file" / "cache")(*pair)


def test_wrong_frames_are_refused_before_anything_is_read(cached, pair):
    cache = cached()
    with pytest.raises(ValueError, match="one size"):
        cache(pair[0], pair[1][1:])
    assert cache.estimator.calls == 0
