"""Composed videos are read back as any user's own videos with gaze."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gfsalnet.composed import Stock, write_clips
from gfsalnet.errors import OutputError
from gfsalnet.gaze import open_dataset

from .conftest import disc_photograph


@pytest.fixture(scope="module")
def stock() -> Stock:
    return Stock([disc_photograph((60, 50)), disc_photograph((100, 70), seed=3)])


def test_videos_and_gaze_are_read_back(stock: Stock, tmp_path: Path) -> None:
    assert list(write_clips(stock, tmp_path / "out", clips=2, frames=4, seed=0)) == [1, 2]
    dataset = open_dataset("folder", tmp_path / "out")
    assert dataset.videos == ["0000", "0001"]
    for video in dataset.videos:
        assert sum(1 for _ in dataset.frames(video)) == 4
        gaze = dataset.gaze(video)
        assert [item.index for item in gaze] == [0, 1, 2, 3]
        assert all(len(item.fixations) == 15 and item.fixations.inside.all() for item in gaze)


def test_the_seed_decides(stock: Stock, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        list(write_clips(stock, tmp_path / name, clips=1, frames=2, seed=seed))
    a, b, c = ((tmp_path / name / "fixations.csv").read_bytes() for name in "abc")
    assert a == b != c


def test_what_is_there_is_not_overwritten(stock: Stock, tmp_path: Path) -> None:
    list(write_clips(stock, tmp_path, clips=1, frames=2, seed=0))
    with pytest.raises(OutputError, match="already"):
        list(write_clips(stock, tmp_path, clips=1, frames=2, seed=0))


def test_what_is_stopped_leaves_nothing(stock: Stock, tmp_path: Path) -> None:
    run = write_clips(stock, tmp_path / "out", clips=3, frames=2, seed=0)
    assert next(run) == 1
    run.close()
    assert list(tmp_path.iterdir()) == []


def test_objects_come_from_all_photographs(stock: Stock) -> None:
    scenes = [stock.scene(0, (96, 128), 8, np.random.default_rng(seed)) for seed in range(12)]
    assert len({id(obj.cutout) for scene in scenes for obj in scene.objects}) == 2
