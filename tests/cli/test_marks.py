"""`gfsalnet marks`: the same marks whether a prediction lies on the disk or not, and bad input in one line."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from command import gfsalnet, one_line_error

from gfsalnet.video import VideoWriter


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two scenes of ten frames, and in each a square that flashes up."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    with VideoWriter(tmp_path / "clip.mp4", size_wh=(128, 96), rate=Fraction(25)) as writer:
        for index in range(20):
            if index % 10 == 0:
                scene = np.repeat(np.repeat(rng.integers(0, 255, (12, 16, 3), np.uint8), 8, 0), 8, 1)
            frame = scene.copy()
            if index % 10 in (5, 6):
                frame[30:60, 40:70] = 255 * (index % 2)
            writer.write(frame, index / 25)
    return tmp_path / "clip.mp4"


def marks(*arguments: object, model: str = "pqft") -> object:
    return gfsalnet("marks", "--model", model, "--output", "out", *arguments)


def rows(path: str = "out/clip/marks/marks.csv") -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_marks_from_a_stored_prediction(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("clip.mp4", "--smooth", "0", "--prominence", "1.05", "--at-least", "0")
    done = marks(*options)
    assert done.exit_code == 0, done.output
    now = rows()
    assert [row["start_timecode"] for row in now if row["kind"] == "cut"] == ["00:00:00:10"]
    assert "Cut 1" in done.output
    assert gfsalnet("predict", clip, "--model", "pqft", "--output", "out", "--save", "npz,csv").exit_code == 0
    assert "already in" in marks(*options).output
    monkeypatch.setattr("gfsalnet.apply.marks.course.predictions", None)  # which is not to be called
    assert marks(*options, "--overwrite").exit_code == 0
    assert [row["start_timecode"] for row in rows()] == [row["start_timecode"] for row in now]


def test_timecodes_and_formats_are_chosen(clip: Path) -> None:
    done = marks(
        "clip.mp4", "--save", "edl,resolve", "--rate", "29.97", "--timecode", "02:00:00:00", model="centre-bias"
    )
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in Path("out/clip/marks").iterdir()) == [
        "marks.edl",
        "resolve.edl",
        "summary.json",
    ]
    assert "02:00:00;00" in Path("out/clip/marks/marks.edl").read_text()


def test_one_bad_source_stops_no_other(clip: Path) -> None:
    Path("bad.mp4").write_bytes(b"no video")
    one_line_error(marks("bad.mp4", "clip.mp4", model="centre-bias"), "bad.mp4")
    assert sorted(path.name for path in Path("out").iterdir()) == ["clip"]


@pytest.mark.parametrize("wrong", [("--drop-frame",), ("--timecode", "00:00:00:25")], ids=str)
def test_what_the_rate_shows_to_be_wrong_ends_with_2(clip: Path, wrong: tuple[str, ...]) -> None:
    one_line_error(marks("clip.mp4", *wrong, model="centre-bias"), wrong[0], status=2)
    assert not Path("out").exists()
