"""The toy data are gaze folders that the readers take, and the gaze is on the right discs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gfsalnet.gaze import open_dataset
from gfsalnet.training.data.toy import draw_toy


def test_the_viewers_of_photographs_look_at_what_is_red(toy: Path) -> None:
    data = open_dataset("folder", toy / "toy" / "photographs", "train")
    assert data.kind == "image"
    sample = next(data.samples(data.videos[0]))
    x, y = sample.fixations.x.astype(int), sample.fixations.y.astype(int)
    assert (sample.frame.rgb[y, x, 0] > 200).mean() > 0.9


def test_the_viewers_of_clips_look_at_what_moves(toy: Path) -> None:
    data = open_dataset("folder", toy / "toy" / "clips", "all")
    assert data.kind == "video"
    for video in data.videos:
        frames = [frame.rgb.astype(int) for frame in data.frames(video)]
        change = np.abs(frames[1] - frames[0]).sum(2) > 0
        gaze = data.gaze(video)[1].fixations
        rows, columns = np.nonzero(change)
        assert abs(columns.mean() - gaze.x.mean()) < 9
        assert abs(rows.mean() - gaze.y.mean()) < 9


def test_they_are_always_the_same_and_drawn_once(toy: Path, tmp_path: Path) -> None:
    draw_toy(tmp_path / "toy")
    table = Path("clips", "fixations.csv")
    assert (tmp_path / "toy" / table).read_bytes() == (toy / "toy" / table).read_bytes()
    (tmp_path / "toy" / table).write_text("mine")
    draw_toy(tmp_path / "toy")
    assert (tmp_path / "toy" / table).read_text() == "mine"
