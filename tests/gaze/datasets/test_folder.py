"""The `folder` reader: photographs of a data pack, the user's own videos and pictures, one recording."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.gaze import open_dataset


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Two pictures stored at half size; rows of the table deliberately out of order."""
    (tmp_path / "images").mkdir()
    for name, grey in (("b.png", 60), ("a.png", 200), ("unlisted.png", 0)):
        cv2.imwrite(str(tmp_path / "images" / name), np.full((30, 40, 3), grey, np.uint8))
    np.savez(
        tmp_path / "fixations.npz",
        image_index=np.array([1, 0, 1, 0, 1], np.int32),
        subject=np.array([0, 0, 1, 3, 2], np.int16),
        x=np.array([10, 1, 20, 2, 30], np.float32),
        y=np.array([11, 3, 21, 4, 31], np.float32),
        image_names=np.array(["b.png", "a.png"]),
        original_sizes_wh=np.array([[80, 60], [80, 60]], np.int32),
    )
    return tmp_path


def test_every_picture_of_a_pack_gets_its_own_fixations(pack: Path) -> None:
    dataset = open_dataset("folder", pack)
    assert (dataset.kind, dataset.videos) == ("image", ["b", "a"])
    first, second = (next(dataset.samples(name)) for name in dataset.videos)
    assert first.name == f"{pack.name}/b"
    assert first.frame.rgb[0, 0].tolist() == [60, 60, 60]
    assert first.frame.size_hw == (30, 40)
    assert first.fixations.size_wh == (80, 60)
    assert first.fixations.x.tolist() == [1, 2]
    assert first.fixations.subject.tolist() == [0, 3]
    assert second.fixations.y.tolist() == [11, 21, 31]
    assert dataset.sigma_pixels("a") == pytest.approx(0.03 * 80)
    sent = pickle.loads(pickle.dumps(dataset))
    assert (sent.name, sent.kind, sent.videos) == (dataset.name, "image", ["b", "a"])


def test_a_picture_nobody_looked_at_has_no_fixations(pack: Path) -> None:
    table = dict(np.load(pack / "fixations.npz"))
    rows = table["image_index"] == 0
    for column in ("image_index", "subject", "x", "y"):
        table[column] = table[column][rows]
    np.savez(pack / "fixations.npz", **table)
    dataset = open_dataset("folder", pack)
    assert [len(dataset.gaze(name)[0].fixations) for name in dataset.videos] == [2, 0]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / "fixations.npz").unlink(), "no such file"),
        (lambda root: (root / "fixations.npz").write_bytes(b"PK junk"), "not a readable NPZ"),
        (lambda root: np.savez(root / "fixations.npz", x=np.zeros(3)), "lacks image_index, subject, y"),
        (lambda root: (root / "images" / "a.png").unlink(), r"1 of 2 files .* are missing, the first is a\.png"),
        (lambda root: (root / "images" / "a.png").rename(root / "images" / "b.jpg"), "differ in their suffix only"),
    ],
)
def test_a_damaged_pack_says_what_is_wrong(pack: Path, damage, message: str) -> None:
    damage(pack)
    with pytest.raises(DatasetError, match=message):
        open_dataset("folder", pack)


def test_columns_of_other_lengths_are_refused(pack: Path) -> None:
    table = dict(np.load(pack / "fixations.npz"))
    np.savez(pack / "fixations.npz", **{**table, "x": table["x"][:2]})
    with pytest.raises(DatasetError, match="differ in length"):
        open_dataset("folder", pack)


def test_a_damaged_picture_is_named(pack: Path) -> None:
    (pack / "images" / "a.png").write_bytes(b"junk")
    with pytest.raises(SourceError, match=r"a\.png"):
        next(open_dataset("folder", pack).samples("a"))


@pytest.fixture
def videos(tmp_path: Path, write_video) -> Path:
    for name in ("clip2.mp4", "clip10.mp4"):
        write_video(tmp_path / "videos" / name, 6, rate=10)
    return tmp_path


def table(root: Path, *lines: str) -> Path:
    (root / "fixations.csv").write_text("\n".join(lines) + "\n")
    return root


def test_frames_times_and_durations(videos: Path) -> None:
    """Ten frames per second: a frame is 100 ms."""
    table(
        videos,
        "video,frame,x,y,subject,duration_ms",
        "clip10.mp4,4,1.5,2.5,anna,100",
        "clip2,0,63.9,47.9,bob,250",
        "clip2,2,70,1,anna,0",
    )
    dataset = open_dataset("folder", videos)
    assert (dataset.kind, dataset.videos) == ("video", ["clip2", "clip10"])
    gaze = dataset.gaze("clip2")
    assert [(item.index, item.fixations.x.tolist()) for item in gaze] == [
        (0, pytest.approx([63.9])),
        (1, pytest.approx([63.9])),
        (2, pytest.approx([63.9, 70])),
    ]
    assert gaze[2].fixations.subject.tolist() == [1, 0]
    assert gaze[2].fixations.inside.tolist() == [True, False]
    assert gaze[0].fixations.size_wh == (64, 48)
    (sample,) = dataset.samples("clip10")
    assert (sample.name, sample.frame.index) == (f"{videos.name}/clip10/000004", 4)


def test_absurd_frames_and_durations_stay_small(videos: Path) -> None:
    table(videos, "video,frame,x,y,duration_ms", "clip2,4,1,1,1e15", "clip2,1e12,2,2,5")
    gaze = open_dataset("folder", videos).gaze("clip2")
    assert [(item.index, item.fixations.x.tolist()) for item in gaze] == [(4, [1]), (5, [1])]


def test_times_in_seconds(videos: Path) -> None:
    table(videos, "video;time_seconds;x;y", *(f"clip2;{index / 10};5;6" for index in range(6)), "clip2;0.399;7;8")
    gaze = open_dataset("folder", videos).gaze("clip2")
    assert [item.index for item in gaze] == list(range(6))
    assert gaze[3].fixations.x.tolist() == [5, 7]


def test_a_video_without_rows_has_no_gaze(videos: Path) -> None:
    table(videos, "video,frame,x,y", "clip2,0,1,1")
    assert open_dataset("folder", videos).gaze("clip10") == []


def test_positions_of_another_size_and_lost_ones(videos: Path) -> None:
    table(
        videos,
        "video,frame,x,y,width,height",
        "clip2,0,640,240,1280,960",
        "clip2,1,,,1280,960",
        "clip2,1,nan,2,1280,960",
    )
    dataset = open_dataset("folder", videos)
    (item,) = dataset.gaze("clip2")
    assert item.fixations.size_wh == (1280, 960)
    assert dataset.remarks() == ["rows of the table without x or y, left out: 2"]
    assert dataset.sigma_pixels("clip2") == pytest.approx(0.03 * 1280)


def test_pictures_with_a_csv(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("10.png", "9.png"):
        cv2.imwrite(str(tmp_path / "images" / name), np.zeros((30, 40, 3), np.uint8))
    (tmp_path / "fixations.csv").write_bytes("\ufeffimage,x,y\r\n9,1,2\r\n9.png,3,4\r\n".encode())
    dataset = open_dataset("folder", tmp_path)
    assert (dataset.kind, dataset.videos) == ("image", ["9", "10"])
    assert dataset.gaze("9")[0].fixations.x.tolist() == [1, 3]
    assert dataset.gaze("9")[0].fixations.size_wh == (40, 30)


def test_a_folder_of_frames_is_a_video(tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    for index in range(3):
        cv2.imwrite(str(tmp_path / "walk" / f"{index}.png"), np.full((30, 40, 3), index, np.uint8))
    dataset = open_dataset("folder", table(tmp_path, "video,frame,x,y", "walk,1,2,3"))
    assert dataset.kind == "video"
    assert [(sample.frame.index, sample.frame.rgb[0, 0, 0]) for sample in dataset.samples("walk")] == [(1, 1)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("video,frame,x", "clip2,0,1"), "lacks the column y"),
        (("name,frame,x,y", "clip2,0,1,1"), "lacks the column image"),
        (("video,x,y", "clip2,1,1"), "neither frame nor time_seconds"),
        (("video,frame,x,y", "clip3,0,1,1"), "the first is clip3"),
        (("video,frame,x,y", "clip2,-1,1,1"), "a value of frame is missing or negative"),
        (("video,frame,x,y", "clip2,,1,1"), "a value of frame is missing or negative"),
        (("video,frame,x,y", "clip2,0,left,1"), "x holds something else than numbers"),
        (("video,frame,x,y", "clip2,0,1"), "row 2 has 3 fields, the first 4"),
        (("video,frame,x,y,width,height", "clip2,0,1,1,8,8", "clip2,1,1,1,9,8"), "differ within a video"),
    ],
)
def test_bad_tables(videos: Path, lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        open_dataset("folder", table(videos, *lines))


def test_an_empty_folder_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no such file\. A table has the columns"):
        open_dataset("folder", tmp_path)
    with pytest.raises(DatasetError, match="it holds no videos or pictures"):
        open_dataset("folder", table(tmp_path, "video,frame,x,y"))
    with pytest.raises(DatasetError, match="there is no such folder"):
        open_dataset("folder", tmp_path / "no")


def test_parquet(videos: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    columns = {"video": ["clip2", "clip2"], "frame": [0, 5], "x": [1.5, None], "y": [2.5, 3.5], "subject": [7, 8]}
    parquet.write_table(pyarrow.table(columns), videos / "fixations.parquet")
    dataset = open_dataset("folder", videos)
    (item,) = dataset.gaze("clip2")
    assert (item.fixations.x.tolist(), item.fixations.y.tolist()) == ([1.5], [2.5])
    (videos / "fixations.parquet").write_bytes(b"junk")
    with pytest.raises(DatasetError, match="not a readable Parquet"):
        open_dataset("folder", videos)


def test_parquet_without_its_package_names_the_extra(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (videos / "fixations.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DatasetError, match=r"pip install 'gfsalnet\[parquet\]'"):
        open_dataset("folder", videos)


def test_one_recording(tmp_path: Path, write_video) -> None:
    write_video(tmp_path / "video.avi", 3)
    arrays = {"fix_frame": [2, 0], "fix_subject": [1, 4], "fix_x": [5.5, 1], "fix_y": [6.5, 2], "video_wh": [64, 48]}
    np.savez(tmp_path / "gaze.npz", **{name: np.array(values) for name, values in arrays.items()})
    dataset = open_dataset("folder", tmp_path)
    first, second = dataset.samples("video")
    assert (first.frame.index, first.fixations.x.tolist(), first.fixations.subject.tolist()) == (0, [1], [4])
    assert (second.frame.index, second.fixations.y.tolist()) == (2, [6.5])
    (tmp_path / "video.avi").unlink()
    with pytest.raises(DatasetError, match="there must be one video, not 0"):
        open_dataset("folder", tmp_path)


def test_every_seventh_is_held_out(tmp_path: Path) -> None:
    for index in range(15):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.zeros((8, 8, 3), np.uint8))
    table(tmp_path, "image,x,y", "3,1,1")
    assert open_dataset("folder", tmp_path, "val").videos == ["6", "13"]
    assert len(open_dataset("folder", tmp_path, "train").videos) == 13
    assert len(open_dataset("folder", tmp_path).videos) == 15


@pytest.mark.shared
@pytest.mark.parametrize(("name", "images", "viewers"), [("osie", 600, 15), ("crowd", 430, 16), ("scene", 430, 12)])
def test_the_real_folders(shared_dir: Path, name: str, images: int, viewers: int) -> None:
    dataset = open_dataset("folder", shared_dir / "data" / name)
    assert len(dataset.videos) == images
    fixations = [dataset.gaze(video)[0].fixations for video in dataset.videos]
    assert sum(map(len, fixations)) == {"osie": 84224, "crowd": 108588, "scene": 37764}[name]
    subjects = {int(subject) for one in fixations for subject in one.subject}
    assert len(subjects) <= viewers or name == "scene"
    sample = next(dataset.samples(dataset.videos[3]))
    assert sample.frame.size_hw[0] <= sample.fixations.size_wh[1]


@pytest.mark.shared
def test_the_real_recording(shared_dir: Path) -> None:
    dataset = open_dataset("folder", shared_dir / "data" / "dhf1k_0002")
    (video,) = dataset.videos
    gaze = dataset.gaze(video)
    assert sum(len(item.fixations) for item in gaze) == 8983
    assert dataset.frame_counts(video) == {"pictures": 783}
    assert gaze[-1].index <= 782


def test_pictures_in_any_order(pack: Path) -> None:
    assert open_dataset("folder", pack).pictures("a") == {0: pack / "images" / "a.png"}
    videos = pack / "videos"
    (pack / "images").rename(videos)
    for name in ("1.png", "0.png", "._9.png", "notes.txt"):
        (videos / "clip").mkdir(exist_ok=True)
        cv2.imwrite(str(videos / "clip" / "x.png"), np.zeros((8, 8, 3), np.uint8))
        (videos / "clip" / "x.png").rename(videos / "clip" / name)
    (pack / "fixations.npz").unlink()
    (pack / "fixations.csv").write_text("video,frame,x,y\nclip,0,1,1\n")
    dataset = open_dataset("folder", pack)
    assert {index: path.name for index, path in dataset.pictures("clip").items()} == {0: "0.png", 1: "1.png"}
    assert dataset.frames_folder("clip") is None


def test_a_dataset_has_a_length_and_recordings_by_position_and_name(pack: Path) -> None:
    dataset = open_dataset("folder", pack)
    assert len(dataset) == 2
    assert [recording.name for recording in dataset] == ["b", "a"]
    assert dataset[-1] == dataset["a"]
    (sample,) = dataset["a"]
    assert sample.fixations.x.tolist() == [10, 20, 30]
    assert [len(item.fixations) for item in dataset[0].gaze()] == [2]
    with pytest.raises(IndexError):
        dataset[2]
    with pytest.raises(KeyError, match="none of the 2"):
        dataset["c"]
    assert repr(dataset) == f"Folder({str(pack)!r}, split='all': 2 pictures)"
