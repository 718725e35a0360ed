"""DHF1K on miniature trees: maps of both formats, videos, hidden test gaze, and the raw gaze of the viewers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.gaze import fixation_counts, open_dataset

SIZE_WH = (640, 360)


@pytest.fixture
def root(tmp_path: Path, write_video, write_points, write_png) -> Path:
    """Video 601: a video of five frames and annotation of four."""
    write_video(tmp_path / "video" / "601.AVI", 5)
    write_video(tmp_path / "video" / "701.AVI", 3)
    for number in range(1, 5):
        points = [(100 + number, 50), (639, 359)]
        write_points(tmp_path / "annotation" / "0601" / "fixation" / f"{number:04d}.png", points, SIZE_WH)
        write_png(tmp_path / "annotation" / "0601" / "maps" / f"{number:04d}.png", np.full((360, 640), 9, np.uint8))
    return tmp_path


def test_video_and_binary_maps(root: Path) -> None:
    dataset = open_dataset("DHF1K", root)
    assert (dataset.split, dataset.videos) == ("val", ["0601"])
    samples = list(dataset.samples("0601"))
    assert [sample.frame.index for sample in samples] == [0, 1, 2, 3]  # the fifth frame has no gaze
    for sample in samples:
        assert int(sample.frame.rgb.mean()) == pytest.approx(8 * sample.frame.index, abs=2)
        assert np.floor(sample.fixations.x).tolist() == [101 + sample.frame.index, 639]
        assert np.floor(sample.fixations.y).tolist() == [50, 359]
    assert dataset.sigma_pixels("0601") == pytest.approx(30 / (2 * np.sqrt(2 * np.log(2))), abs=1e-2)
    assert dataset.density("0601", dataset.gaze("0601")[0], (36, 64)) == pytest.approx(1 / (36 * 64))
    assert dataset.frame_counts("0601") == {"pictures": 5, "fixation maps": 4, "density maps": 4}


def test_extracted_frames_go_before_the_video(root: Path, write_png) -> None:
    folder = root / "annotation" / "0601" / "images"
    for number in (1, 2):
        write_png(folder / f"{number:04d}.png", np.full((36, 64, 3), 100 + number, np.uint8))
    dataset = open_dataset("dhf1k", root)
    assert [(frame.index, frame.rgb[0, 0, 0]) for frame in dataset.frames("0601")] == [(0, 101), (1, 102)]
    assert dataset.frames_folder("0601") == folder
    assert dataset.pictures("0601") == {0: folder / "0001.png", 1: folder / "0002.png"}


def test_matlab_maps_where_there_are_no_png(root: Path, write_mat) -> None:
    folder = root / "annotation" / "0601" / "fixation"
    for path in folder.glob("*.png"):
        path.unlink()
    matrix = np.zeros(SIZE_WH[::-1])
    matrix[7, 600] = 1
    write_mat(folder / "maps" / "0002.mat", I=matrix)
    (item,) = open_dataset("dhf1k", root).gaze("0601")
    assert item.index == 1
    assert (np.floor(item.fixations.x), np.floor(item.fixations.y)) == (600, 7)
    write_mat(folder / "maps" / "0002.mat", fixations=matrix)
    with pytest.raises(DatasetError, match=r"0002\.mat: it lacks I and holds fixations"):
        open_dataset("dhf1k", root).gaze("0601")
    write_mat(folder / "maps" / "0002.mat", I="text")
    with pytest.raises(DatasetError, match="I is no matrix"):
        open_dataset("dhf1k", root).gaze("0601")


def test_the_flat_layout_of_other_programs(tmp_path: Path, write_points, write_png) -> None:
    write_png(tmp_path / "0001" / "images" / "0001.png", np.zeros((36, 64, 3), np.uint8))
    write_points(tmp_path / "0001" / "fixation" / "0001.png", [(3, 4)], SIZE_WH)
    (sample,) = open_dataset("dhf1k", tmp_path, "train").samples("0001")
    assert np.floor(sample.fixations.x).tolist() == [3]


FRAMES = ("video/{:04d}", "{:04d}/images", "{}/images", "annotation/{:04d}/images", "train/{:04d}/images")


@pytest.mark.parametrize("frames", FRAMES)
@pytest.mark.parametrize("fixations", ["fixation", "fixations", "fixation/maps", "fixations.mat", "fixations/maps.mat"])
def test_layouts_of_tased_net_and_vinet(
    tmp_path: Path, write_points, write_png, write_mat5, frames: str, fixations: str
) -> None:
    """The middle one of three frames has no fixation map; the test has frames alone."""
    size_wh, home = (64, 36), "annotation/{:04d}" if frames.startswith("video") else str(Path(frames).parent)
    folder, _, suffix = fixations.partition(".")
    for number in (1, 601, 701):
        for frame in (1, 2, 3):
            picture = np.full((36, 64, 3), 40 * frame, np.uint8)
            write_png(tmp_path / frames.format(number) / f"{frame:04d}.png", picture)
            if number == 701:
                continue
            write_png(tmp_path / home.format(number) / "maps" / f"{frame:04d}.png", picture[..., 0])
            path = tmp_path / home.format(number) / folder / f"{frame:04d}.{suffix or 'png'}"
            if frame != 2 and suffix:
                write_mat5(path, I=np.eye(36, 64, frame))
            elif frame != 2:
                write_points(path, [(column, column - frame) for column in range(frame, frame + 36)], size_wh)
    for split, video in (("train", "0001"), ("val", "0601")):
        dataset = open_dataset("dhf1k", tmp_path, split)
        assert dataset.videos == [video]
        seen = [(s.frame.index, int(s.frame.rgb[0, 0, 0]), int(s.fixations.x.min())) for s in dataset.samples(video)]
        assert seen == [(0, 40, 1), (2, 120, 3)]
        assert dataset.density(video, dataset.gaze(video)[1], (36, 64)).max() == pytest.approx(1 / (36 * 64))
        assert dataset.frame_counts(video) == {"pictures": 3, "fixation maps": 2, "density maps": 3}
    test = open_dataset("dhf1k", tmp_path, "test")
    assert (test.videos, test.frame_counts("0701")) == (["0701"], {"pictures": 3})


def test_matlab_maps_fill_the_gaps_between_png(root: Path, write_mat5) -> None:
    folder = root / "annotation" / "0601" / "fixation"
    (folder / "0003.png").unlink()
    write_mat5(folder / "maps" / "0003.mat", I=np.eye(360, 640))
    gaze = open_dataset("dhf1k", root).gaze("0601")
    assert [(item.index, len(item.fixations)) for item in gaze] == [(0, 2), (1, 2), (2, 360), (3, 2)]


def test_the_gaze_of_the_test_is_hidden_and_its_frames_are_not(root: Path) -> None:
    dataset = open_dataset("dhf1k", root, "test")
    assert dataset.videos == ["0701"]
    assert len(list(dataset.frames("0701"))) == 3
    for read in (dataset.gaze, dataset.gaze_by_index):
        with pytest.raises(DatasetError, match="not public"):
            read("0701")


def test_a_cut_off_video_is_an_error_not_a_shift(root: Path) -> None:
    video = root / "video" / "601.AVI"
    video.write_bytes(video.read_bytes()[:-3000])
    with pytest.raises(SourceError, match=r"601\.AVI"):
        list(open_dataset("dhf1k", root).frames("0601"))


def test_wrong_roots(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no such folder"):
        open_dataset("dhf1k", tmp_path / "no")
    with pytest.raises(DatasetError, match=r"none of the videos 0601 to 0700\. DHF1K has video/001\.AVI"):
        open_dataset("dhf1k", tmp_path)
    with pytest.raises(DatasetError, match="no split 'public'"):
        open_dataset("dhf1k", tmp_path, "public")


def record(path: Path, rows: list[tuple[float, float, float, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{time:.0f}\t{x}\t{y}\t{event}" for time, x, y, event in rows]
    path.write_text("\n".join(["Time\tX\tY\tEvent", *lines]) + "\n")


def test_raw_gaze_goes_from_the_screen_to_the_video(root: Path) -> None:
    """1440 pixels of screen are 640 of video; 45 pixels above and below are black."""
    start = 5_000_000
    record(
        root / "exportdata_train" / "P002" / "P002_Trail0601.txt",
        [
            (start, 720, 450, "S"),
            (start + 4_000, 720, 450, "Fixation"),
            (start + 8_000, 724, 454, "Fixation"),
            (start + 40_000, 0, 45, "Fixation"),
            (start + 70_000, 720, 20, "Fixation"),  # on the bar
            (start + 104_000, 720, 450, "Blink"),
        ],
    )
    record(root / "exportdata_train" / "P011" / "P011_Trail0601.txt", [(7, 900, 450, "F")])
    dataset = open_dataset("dhf1k-viewers", root)
    first, second, third = dataset.gaze("0601")
    assert first.fixations.subject.tolist() == [2, 11]
    assert first.fixations.x == pytest.approx([722 * 640 / 1440, 400])
    assert first.fixations.y == pytest.approx([(452 - 45) * 640 / 1440, 180])
    assert (second.fixations.x.tolist(), second.fixations.y.tolist()) == ([0], [0])
    assert not third.fixations.inside.any()
    assert list(dataset.gaze_by_index("0601")) == [0, 1]  # the third was looked at beside the video
    density = dataset.density("0601", first, (360, 640))
    assert density.max() < 0.01  # made from points, not the grey map that lies there
    assert density.std() > 0


def test_raw_gaze_that_is_missing_or_damaged(root: Path) -> None:
    with pytest.raises(DatasetError, match="exportdata_train"):
        open_dataset("dhf1k-viewers", root)
    path = root / "exportdata_train" / "P001" / "P001_Trail0601.txt"
    record(path, [])
    dataset = open_dataset("dhf1k-viewers", root)
    assert dataset.gaze("0601") == []
    path.write_text("Time X Y Event\n1 2\nnonsense 3 4 F\n")
    with pytest.raises(DatasetError, match="not a readable gaze record"):
        dataset.gaze("0601")
    path.unlink()
    with pytest.raises(DatasetError, match=r"no P001_Trail0601\.txt"):
        dataset.gaze("0601")


@pytest.mark.slow
@pytest.mark.shared
def test_raw_gaze_of_a_real_video_gives_the_published_points(shared_dir: Path, tmp_path: Path) -> None:
    """Write the samples of video 0002 as the authors do, and read the points that others made of them."""
    gaze = np.load(shared_dir / "data" / "dhf1k_0002" / "gaze.npz")
    events = [{"unlabelled": "-", "fixation": "Fixation"}.get(name, name.title()) for name in gaze["event_names"]]
    for subject in np.unique(gaze["sample_subject"]):
        rows = np.flatnonzero(gaze["sample_subject"] == subject)
        x, y = gaze["sample_x"][rows].astype(float) * 1440 / 640, gaze["sample_y"][rows].astype(float) * 1440 / 640 + 45
        event = [events[code] for code in gaze["sample_event"][rows]]
        path = tmp_path / "exportdata_train" / f"P{subject + 1:03d}" / f"P{subject + 1:03d}_Trail0002.txt"
        record(path, list(zip(gaze["sample_t_us"][rows] + 12345, x, y, event, strict=True)))
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "002.AVI").symlink_to(shared_dir / "data" / "dhf1k_0002" / "video.avi")
    read = open_dataset("dhf1k-viewers", tmp_path, "train").gaze("0002")[:783]
    assert sum(fixation_counts(item.fixations, (360, 640)).sum() for item in read) == len(gaze["fix_x"])
    for item in read[::50]:
        rows, inside = gaze["fix_frame"] == item.index, item.fixations.inside
        order = np.argsort(gaze["fix_subject"][rows])
        assert item.fixations.x[inside] == pytest.approx(gaze["fix_x"][rows][order], abs=1e-2)
        assert item.fixations.y[inside] == pytest.approx(gaze["fix_y"][rows][order], abs=1e-2)
