"""`gfsalnet reframe` and `gfsalnet thumbnail`: statuses, lines, and that nothing is half written."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from command import gfsalnet, one_line_error

from gfsalnet.video import VideoWriter, count_frames


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    scenery = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    (tmp_path / "in").mkdir()
    with VideoWriter(tmp_path / "in" / "clip.mp4", size_wh=(64, 48), rate=Fraction(10)) as writer:
        for index in range(5):
            writer.write(np.roll(scenery, index, axis=1), index / 10)
    return tmp_path


def test_a_folder_is_reframed_and_the_bad_file_is_named(folder: Path) -> None:
    (folder / "in" / "damaged.mp4").write_bytes(b"no video")
    done = gfsalnet("reframe", "in", "--aspect", "1:1", "--model", "centre-bias", "--output", "out")
    one_line_error(done, "damaged.mp4")
    assert "clip.mp4: 5 frames, 1 shot (1 still)" in done.stdout
    assert count_frames(folder / "out" / "clip" / "reframe" / "reframed.mp4") == 5
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["clip"]


def test_again_is_skipped_and_predict_shares_the_folder(folder: Path) -> None:
    command = ("reframe", "in/clip.mp4", "--model", "centre-bias", "--output", "out", "--split", "crop", "--no-video")
    assert gfsalnet(*command).exit_code == 0
    again = gfsalnet(*command)
    assert (again.exit_code, "already in" in again.stdout) == (0, True)
    other = gfsalnet(*command, "--aspect", "1:1")
    one_line_error(other, "settings.aspect was 9:16, is 1:1", "--overwrite")
    predicted = gfsalnet("predict", "in/clip.mp4", "--model", "centre-bias", "--output", "out", "--save", "csv")
    assert predicted.exit_code == 0
    assert sorted(p.name for p in (folder / "out" / "clip").iterdir()) == ["frames.csv", "reframe", "summary.json"]
    files = sorted(path.name for path in (folder / "out" / "clip" / "reframe").iterdir())
    assert files == ["crop.cmd", "filter.txt", "path.json", "summary.json"]


@pytest.mark.parametrize(
    ("options", "words", "status"),
    [
        (("--aspect", "1:500"), ("less extreme --aspect",), 1),
        (("--areas", "none.json"), ("none.json",), 1),
        (("--start", "9"), ("--start",), 1),
    ],
)
def test_what_cannot_be_done_is_one_line(folder: Path, options, words, status) -> None:
    done = gfsalnet("reframe", "in/clip.mp4", "--model", "centre-bias", "--output", "out", *options)
    one_line_error(done, *words, status=status)
    assert not (folder / "out").exists() or not list((folder / "out").iterdir())


@pytest.mark.parametrize(
    "command",
    [
        ("reframe", "--aspect", "wide"),
        ("thumbnail", "--crop", "0:1"),
        ("thumbnail", "-n", "0"),
        ("reframe", "--split", "half"),
    ],
)
def test_wrong_commands(folder: Path, command) -> None:
    assert gfsalnet(command[0], "in/clip.mp4", *command[1:]).exit_code == 2


def test_thumbnails_of_a_folder(folder: Path) -> None:
    done = gfsalnet("thumbnail", "in", "-n", 2, "--crop", "1:1", "--model", "centre-bias", "--output", "out")
    assert done.exit_code == 0, done.output
    found = folder / "out" / "clip" / "thumbnails"
    assert sorted(path.name for path in found.iterdir()) == ["1.jpg", "2.jpg", "summary.json", "thumbnails.csv"]
    assert len(json.loads((found / "summary.json").read_text())["thumbnails"]) == 2
    assert "1.jpg at 0." in done.stdout
