"""Gaze in other units is doubted by the check, and said by the evaluation; good gaze is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import check_dataset, open_dataset
from gfsalnet.gaze.check import doubts_of
from gfsalnet.gaze.quality import Quality
from gfsalnet.types import Fixations

SIZE_WH = (64, 48)


@pytest.fixture
def root(tmp_path: Path, write_video) -> Path:
    """Two videos of 12 frames at 10 a second."""
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, 12, rate=10)
    return tmp_path


def gaze_xy(seed: int = 0) -> np.ndarray:
    """(36, 2): three viewers on each frame."""
    return np.random.default_rng(seed).uniform((2, 2), (62, 46), (36, 2))


def write(root: Path, xy: np.ndarray, *, moments: str = "frame", scale: float = 1.0, extra: str = "") -> Path:
    heading = f"video,subject,{moments},x,y{',width,height' if extra else ''}"
    rows = [
        f"{video},s{row % 3},{row // 3 * scale},{x},{y}{extra}"
        for video in "ab"
        for row, (x, y) in enumerate(xy.tolist())
    ]
    (root / "fixations.csv").write_text("\n".join([heading, *rows]))
    return root


def problems(root: Path) -> str:
    (check,) = check_dataset("folder", root)
    return "\n".join(check.problems)


def test_good_gaze_is_not_doubted(root: Path) -> None:
    assert problems(write(root, gaze_xy())) == ""
    assert problems(write(root, gaze_xy(), moments="time_seconds", scale=0.1)) == ""
    assert problems(write(root, gaze_xy() * 20, extra=",1280,960")) == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda xy: xy / SIZE_WH, "72 of 72 fixations have x and y from 0 to 1, which looks like shares"),
        (lambda xy: xy - np.array(SIZE_WH) / 2, "outside the picture; x and y count from the upper left corner"),
        (lambda xy: xy * 30, "outside the picture; x and y are pixels of the picture and not of the screen"),
        (lambda xy: np.where(np.arange(36)[:, None] % 3 == 0, 0, xy), r"24 of 72 fixations are at exactly (0, 0)"),
        (lambda xy: np.where(np.arange(36)[:, None] % 3 < 2, 31.5, xy), "48 of 72 fixations are at one and the same"),
    ],
)
def test_other_units_fail_the_check_with_their_reason(root: Path, change, message: str) -> None:
    assert message in problems(write(root, change(gaze_xy())))


def test_milliseconds_in_the_column_of_seconds(root: Path) -> None:
    write(root, gaze_xy(), moments="time_seconds", scale=100)
    assert "66 of 72 fixations come after the end of their video; time_seconds looks like milliseconds" in problems(
        root
    )


def test_a_video_that_was_cut_is_not_taken_for_milliseconds(root: Path) -> None:
    write(root, gaze_xy(), moments="time_seconds", scale=0.3)  # up to 3.3 s, of which the video has 1.2
    assert "come after the end of their video" in problems(root)
    assert "milliseconds" not in problems(root)
    doubts = {video: open_dataset("folder", root).quality(video) for video in "ab"}
    assert doubts_of(doubts, but=("late", "alike")).whole == []


def test_a_video_in_other_units_among_good_ones(root: Path) -> None:
    """Too few to tell by the whole, enough to be sure of one."""
    rows = [f"a,{i % 12},{x},{y}" for seed in range(20) for i, (x, y) in enumerate(gaze_xy(seed).tolist())]
    rows += [f"b,{i % 12},{x / 64},{y / 48}" for seed in (1, 2) for i, (x, y) in enumerate(gaze_xy(seed).tolist())]
    (root / "fixations.csv").write_text("\n".join(["video,frame,x,y", *rows]))
    assert "b: 72 of 72 fixations have x and y from 0 to 1" in problems(root)


@pytest.mark.parametrize("size", ["1,1", "0.9,7", "7,480"])
def test_sizes_that_are_no_picture_are_refused(root: Path, size: str) -> None:
    write(root, gaze_xy() / SIZE_WH, extra=f",{size}")
    with pytest.raises(DatasetError, match="which is no picture in pixels"):
        open_dataset("folder", root)


def test_a_size_of_another_shape_is_noted(root: Path) -> None:
    write(root, gaze_xy() * 20, extra=",1280,720")
    (check,) = check_dataset("folder", root)
    assert "a: width and height say 1280x720, it has 64x48: x and y are stretched" in "\n".join(check.notes)


def test_what_is_only_odd_is_noted(root: Path, write_video) -> None:
    write_video(root / "a.mp4", 12, size_wh=(640, 480), rate=10)
    rows = [f"a,{1 + i // 3},{x},{y}" for i, (x, y) in enumerate(gaze_xy().tolist())]
    rows += [f"b,{i // 3},{x},{y}" for i, (x, y) in enumerate(gaze_xy().tolist())] + ["b,3,0,0"]
    (root / "fixations.csv").write_text("\n".join(["video,frame,x,y", *rows]))
    (check,) = check_dataset("folder", root)
    assert check.is_whole
    notes = "\n".join(check.notes)
    assert "a: its frames in the table go from 1 to 12: frame counts from 0" in notes
    assert "a: 3 fixations come after the end of the video and are dropped" in notes
    assert "a: all fixations have x and y from 0 to 100: are they per cent?" in notes
    assert "b: 1 of 37 fixations are at exactly (0, 0)" in notes


def test_shares_from_the_middle(root: Path) -> None:
    assert "have x and y from -1 to 1" in problems(write(root, gaze_xy() / SIZE_WH * 2 - 1))


def test_a_few_fixations_say_nothing() -> None:
    few = np.array([0, 1, 70, -3, 0], np.float32)
    counted = Quality.of([Fixations(x=few, y=few, size_wh=SIZE_WH)])
    assert (counted.fixations, counted.outside, counted.negative, counted.at_origin) == (5, 2, 1, 2)
    assert counted.doubts() == {}
    assert set((counted + Quality(late=9)).doubts()) == {"late"}
    assert Quality().doubts() == {}
