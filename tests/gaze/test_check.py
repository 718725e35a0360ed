"""`check_dataset`: official numbers, missing and damaged parts, frames too many, fixations outside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import DATASETS, check_dataset, open_dataset
from gfsalnet.gaze.datasets.ucf_sports import official_videos

SIZE_WH = (24, 16)


@pytest.fixture
def ucf(tmp_path: Path, write_points) -> Path:
    """All official videos, of two frames each; one picture serves as all."""
    write_points(tmp_path / "one.png", [(3, 4)], SIZE_WH)
    data = (tmp_path / "one.png").read_bytes()
    for split, folder in (("train", "training"), ("test", "testing")):
        for video in official_videos(split):
            for part in ("images", "fixation", "maps"):
                target = tmp_path / folder / video / part
                target.mkdir(parents=True)
                for frame in (1, 2):
                    (target / f"x_{frame:03d}.png").write_bytes(data)
    return tmp_path


@pytest.fixture
def two_frames_are_official(monkeypatch: pytest.MonkeyPatch) -> None:
    from gfsalnet.gaze import SplitSize

    sizes = {"train": SplitSize(videos=103, frames=206), "test": SplitSize(videos=47, frames=94)}
    monkeypatch.setattr(DATASETS["ucf-sports"], "official", sizes)


@pytest.mark.usefixtures("two_frames_are_official")
def test_a_whole_dataset(ucf: Path) -> None:
    seen = []
    train, test = check_dataset("ucf-sports", ucf, lambda *event: seen.append(event))
    assert train.is_whole
    assert test.is_whole
    assert (test.videos, test.frames, test.frames_with_gaze, test.fixations, test.fixations_outside) == (
        47,
        94,
        94,
        94,
        0,
    )
    assert not test.notes
    assert seen[0] == ("train", 1, 103)
    assert seen[-1] == ("test", 47, 47)


@pytest.mark.usefixtures("two_frames_are_official")
def test_every_flaw_is_told(ucf: Path) -> None:
    testing = ucf / "testing"
    (testing / "Diving-Side-001" / "fixation" / "x_002.png").unlink()
    (testing / "Diving-Side-002" / "fixation" / "x_002.png").write_bytes(b"junk")
    for path in (testing / "Diving-Side-003" / "maps").iterdir():
        path.unlink()
    (testing / "My-Video-001").mkdir()
    (testing / "Walk-Front-007").rename(ucf / "away")
    train, test = check_dataset("ucf-sports", ucf)
    assert train.is_whole
    assert not test.is_whole
    problems, notes = "\n".join(test.problems), "\n".join(test.notes)
    assert "Diving-Side-003: no density maps (2 pictures, 2 fixation maps, 0 density maps)" in problems
    assert "x_002.png: it is not an image" in problems
    assert "1 of 47 videos are missing" in problems
    assert "Diving-Side-001: 2 pictures, 1 fixation maps, 2 density maps; the frame too many is dropped" in notes
    assert "My-Video-001" in notes
    assert len(test.problems) == 3


def test_fewer_frames_than_official_are_a_problem(ucf: Path) -> None:
    _, test = check_dataset("ucf-sports", ucf)
    assert test.problems == ["94 frames, officially 2929"]


def test_a_split_that_is_not_there(ucf: Path) -> None:
    for path in sorted((ucf / "training").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    train, test = check_dataset("ucf-sports", ucf)
    assert "holds none of the official videos" in train.problems[0]
    assert test.videos == 47


def test_a_wrong_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="training: there is no such folder"):
        check_dataset("ucf-sports", tmp_path)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_reader_refuses_an_empty_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError):
        check_dataset(name, tmp_path)
    with pytest.raises(DatasetError):
        check_dataset(name, tmp_path / "no")


def test_gaze_outside_after_the_end_and_none_at_all(tmp_path: Path, write_video) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, 3)
    rows = ["video,frame,x,y", "a,0,1,1", "a,1,64,1", "a,9,1,1", "a,0,,"]
    (tmp_path / "fixations.csv").write_text("\n".join(rows))
    (check,) = check_dataset("folder", tmp_path)
    assert (check.videos, check.frames, check.frames_with_gaze) == (2, 6, 1)
    assert (check.fixations, check.fixations_outside) == (2, 1)
    assert check.is_whole
    notes = "\n".join(check.notes)
    assert "a: 1 fixations come after the end of the video and are dropped" in notes
    assert "b: nobody looked at it" in notes
    assert "rows of the table without x or y, left out: 1" in notes


def test_a_damaged_video_is_a_problem_of_its_video_only(tmp_path: Path, write_video) -> None:
    for number in (601, 602):
        write_video(tmp_path / "video" / f"{number}.AVI", 3)
        folder = tmp_path / "annotation" / f"{number:04d}" / "fixation" / "maps"
        folder.mkdir(parents=True)
    (tmp_path / "video" / "602.AVI").write_bytes(b"RIFF junk")
    train, val, test = check_dataset("dhf1k", tmp_path)
    assert "none of the videos 0001 to 0600" in train.problems[0]
    assert test.gaze_is_hidden
    assert "none of the videos 0701" in test.problems[0]
    assert [problem.split(":")[0] for problem in val.problems] == [
        "0601",
        "0601",
        "0602",
        "98 of 100 videos are missing",
    ]


def test_names_are_forgiving_and_errors_list_them() -> None:
    with pytest.raises(DatasetError, match=r"dataset 'mnist': is unknown\. Use one of: salicon, ucf-sports"):
        open_dataset("mnist", Path("."))
    with pytest.raises(DatasetError, match=r"diem: has no split 'val'\. Use one of: train, test"):
        open_dataset("diem", Path("."), "val")
    for name, cls in DATASETS.items():
        assert cls.name == name
        assert cls.default_split in cls.splits
        assert cls.default_split not in cls.hidden


def test_sizes_of_the_official_splits() -> None:
    frames = {name: [size.frames for size in DATASETS[name].official.values()] for name in ("dhf1k", "ucf-sports")}
    assert sum(frames["dhf1k"]) == 582_605
    assert np.sum(frames["ucf-sports"]) == 6501 + 2929
