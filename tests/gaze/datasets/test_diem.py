"""DIEM and DIEM-Meta on a miniature tree: two eyes, the screen's offset, 1-based frames, the 300 of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.gaze import open_dataset
from gfsalnet.gaze.datasets.diem import TEST_VIDEOS, size_in_name_wh

TEST = "ami_ib4010_left_720x576"
"""On the screen from (280, 192) on."""
TRAIN = "arctic_bears_1066x710"


def line(frame: int, left: tuple[float, float, int], right: tuple[float, float, int]) -> str:
    return f"{frame}\t{left[0]}\t{left[1]}\t3.1\t{left[2]}\t{right[0]}\t{right[1]}\t3.2\t{right[2]}\n"


@pytest.fixture
def root(tmp_path: Path, write_video) -> Path:
    for name, frames in ((TEST, 310), (TRAIN, 4)):
        write_video(tmp_path / name / "video" / f"{name}.mp4", greys=[min(index, 250) for index in range(frames)])
    events = tmp_path / TEST / "event_data"
    events.mkdir()
    (events / "s01.txt").write_text(
        line(1, (380, 292, 1), (384, 296, 1))  # both eyes: their mean
        + line(2, (380, 292, 1), (0, 0, -1))  # the left one
        + line(3, (0, 0, 0), (290.5, 202.25, 1))  # the right one
        + line(4, (380, 292, 2), (380, 292, 2))  # a saccade
        + line(5, (100, 100, 1), (100, 100, 1))  # beside the video
        + line(301, (380, 292, 1), (380, 292, 1))  # after the frames of the test
    )
    (events / "s02.txt").write_text(line(1, (280, 192, 1), (280, 192, 1)) + "\n")
    (tmp_path / TRAIN / "event_data").mkdir()
    (tmp_path / TRAIN / "event_data" / "s01.txt").write_text(line(4, (107, 125, 1), (107, 125, 1)))
    return tmp_path


def test_the_official_test_videos() -> None:
    assert len(TEST_VIDEOS) == 20
    assert all(min(size_in_name_wh(name)) > 500 for name in TEST_VIDEOS)


def test_gaze_is_read_back_in_pixels_of_the_video(root: Path) -> None:
    dataset = open_dataset("DIEM", root)
    assert dataset.videos == [TEST]
    gaze = dataset.gaze(TEST)
    assert [item.index for item in gaze] == list(range(300))
    first = gaze[0].fixations
    assert (first.x.tolist(), first.y.tolist(), first.subject.tolist()) == ([102, 0], [102, 0], [0, 1])
    assert first.size_wh == (720, 576)
    assert (gaze[1].fixations.x.tolist(), gaze[1].fixations.y.tolist()) == ([100], [100])
    assert (gaze[2].fixations.x.tolist(), gaze[2].fixations.y.tolist()) == ([10.5], [10.25])
    assert len(gaze[3].fixations) == 0
    assert gaze[4].fixations.inside.tolist() == [False]
    assert dataset.sigma_pixels(TEST) == pytest.approx(14.4)


def test_the_test_ends_after_300_frames_and_the_training_does_not(root: Path) -> None:
    test = open_dataset("diem", root)
    assert [frame.index for frame in test.frames(TEST)][-1] == 299
    assert test.frame_counts(TEST) == {"pictures": 300}
    assert (test.whole_length(TEST) or 0) > 300
    train = open_dataset("diem", root, "train")
    assert train.videos == [TRAIN]
    gaze = train.gaze(TRAIN)
    assert [len(item.fixations) for item in gaze] == [0, 0, 0, 1]
    assert gaze[3].fixations.x.tolist() == [0]
    assert [sample.frame.index for sample in train.samples(TRAIN)] == [0, 1, 2, 3]


def test_gaze_in_any_order_leaves_out_what_nobody_looked_at(root: Path) -> None:
    dataset = open_dataset("diem", root)
    assert list(dataset.gaze_by_index(TEST)) == [0, 1, 2]
    assert dataset.frames_folder(TEST) == root / "frames" / TEST
    assert dataset.pictures(TEST) == {}


def test_damaged_and_missing_gaze(root: Path) -> None:
    events = root / TEST / "event_data"
    dataset = open_dataset("diem", root)
    (events / "s02.txt").write_text("1 2 3\n")
    with pytest.raises(DatasetError, match=r"s02\.txt: it is not a table of 9 numbers"):
        dataset.gaze(TEST)
    (events / "s02.txt").write_text("")
    assert len(dataset.gaze(TEST)[0].fixations) == 1
    for path in events.iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match="it holds no gaze"):
        dataset.gaze(TEST)
    next((root / TEST / "video").iterdir()).unlink()
    with pytest.raises(SourceError, match="it holds no MP4"):
        list(dataset.frames(TEST))


def test_a_wrong_root(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="it holds no video of the split test"):
        open_dataset("diem", tmp_path)


def test_the_meta_benchmark_selects_frames_beyond_the_first_300(root: Path) -> None:
    with pytest.raises(DatasetError, match=r"mask-diem\.csv: there is no such file\. Get it from"):
        open_dataset("diem-meta", root)
    lines = [f"{TEST},{frame},{frame in (0, 2, 300)}" for frame in range(310)]
    (root / "meta-benchmark").mkdir()
    (root / "meta-benchmark" / "mask-diem.csv").write_text("\n".join(["video,frame,mask", *lines, f"{TRAIN},0,False"]))
    dataset = open_dataset("DIEM-Meta", root)
    assert dataset.videos == [TEST]
    assert [item.index for item in dataset.gaze(TEST)] == [0, 2, 300]
    assert dataset.gaze(TEST)[2].fixations.x.tolist() == [100]
    samples = list(dataset.samples(TEST))
    assert [sample.frame.index for sample in samples] == [0, 2, 300]
    assert dataset.frames_folder(TEST) != open_dataset("diem", root).frames_folder(TEST)  # it has more frames
