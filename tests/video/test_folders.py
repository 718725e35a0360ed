"""A folder is read as what it holds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.video import expand_sources, open_source
from gfsalnet.video.folders import frame_numbers, frame_positions


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(*names, size_wh=(24, 16)):
        for name in names:
            path = Path(name)
            path.parent.mkdir(exist_ok=True, parents=True)
            if path.suffix in (".png", ".jpg"):
                cv2.imwrite(name, np.zeros((size_wh[1], size_wh[0], 3), np.uint8))
            else:
                path.write_bytes(b"x")

    return make


def expanded(argument, folder_as=None):
    notes = []
    return expand_sources([argument], folder_as, notes), notes


def test_videos_go_before_a_poster_which_is_left_out_with_a_note(place):
    place("d/a.mp4", "d/b.mkv", "d/poster.jpg", "d/notes.txt")
    assert expanded("d") == (["d/a.mp4", "d/b.mkv"], ["d: left out poster.jpg (see --folder-as)"])
    assert expanded("d", "pictures") == (["d/poster.jpg"], ["d: left out a.mp4, b.mkv (see --folder-as)"])
    assert expanded("d", "frames") == (["d"], ["d: left out a.mp4, b.mkv (see --folder-as)"])
    with open_source("d", folder_as="frames") as reader:
        assert (reader.info.kind, len(list(reader))) == ("frames", 1)
    with pytest.raises(SourceError, match="the folder holds 2 videos"):
        open_source("d")


def test_a_link_to_a_video_that_leads_nowhere_is_a_source_that_fails(place):
    place("d/a.mp4", "d/c.mp4")
    Path("d/b.mp4").symlink_to("unplugged.mp4")
    Path("d/b.txt").symlink_to("unplugged.txt")
    assert expanded("d") == (["d/a.mp4", "d/b.mp4", "d/c.mp4"], [])
    with pytest.raises(SourceError, match=r"b\.mp4"):
        open_source("d/b.mp4")


def test_a_video_without_an_ending_is_named(place):
    place("d/a.mp4", "d/LICENSE")
    Path("d/take-2").write_bytes(b"\0\0\0\x20ftypisom")
    Path("d/take-3").write_bytes(b"\x1aE\xdf\xa3" + bytes(20))
    said = "d: left out take-2, take-3, which may be video but has no ending; named on its own, it is read"
    assert expanded("d") == (["d/a.mp4"], [said])


def test_a_long_list_of_what_is_left_out_is_short(place):
    place("d/a.mp4", *(f"d/{n}.png" for n in range(9)))
    assert expanded("d")[1] == ["d: left out 0.png, 1.png, 2.png and 6 more (see --folder-as)"]


def test_photographs_of_several_sizes_are_sources_of_their_own(place):
    place("d/1.jpg", "d/2.jpg")
    place("d/3.jpg", size_wh=(40, 16))
    assert expanded("d") == (["d/1.jpg", "d/2.jpg", "d/3.jpg"], [])
    assert expanded("d/*.jpg") == (["d/1.jpg", "d/2.jpg", "d/3.jpg"], [])
    assert expanded("d", "frames") == (["d"], [])
    assert expanded("d/*.jpg", "frames") == (["d/*.jpg"], [])


def test_photographs_without_numbers_are_sources_of_their_own(place):
    place("d/beach.jpg", "d/dog.jpg")
    assert expanded("d") == (["d/beach.jpg", "d/dog.jpg"], [])
    with pytest.raises(SourceError, match="2 pictures that are not numbered frames of one size"):
        open_source("d")
    with open_source("d", folder_as="frames") as reader:
        assert [frame.index for frame in reader] == [0, 1]


def test_numbered_pictures_of_one_size_are_frames_unless_told_otherwise(place):
    place("d/f08.jpg", "d/f09.jpg", "d/f10.png")
    assert expanded("d") == (["d"], [])
    assert expanded("d", "pictures")[0] == ["d/f08.jpg", "d/f09.jpg", "d/f10.png"]
    assert expanded("d", "videos") == (["d"], [])
    with pytest.raises(SourceError, match="the folder holds no videos"):
        open_source("d", folder_as="videos")


def test_a_single_picture_or_video_is_opened_as_itself(place, encode):
    place("d/a.jpg")
    with open_source("d") as reader:
        assert (reader.info.kind, reader.info.name) == ("image", "a")
    Path("v").mkdir()
    encode("v/clip.mp4", 4)
    with open_source("v") as reader:
        assert (reader.info.kind, len(list(reader))) == ("video", 4)


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["1", "2", "10"], [1, 2, 10]),
        (["f_001", "f_002"], [1, 2]),
        (["2024_cam1_0003_left", "2024_cam1_0004_left"], [3, 4]),
        (["a"], None),
        (["a7"], [7]),
        (["a1", "b2"], None),
        (["a1", "a2b"], None),
        (["1_1", "2_2"], None),
        (["01", "1"], None),
    ],
)
def test_numbers_in_names(names, numbers):
    assert frame_numbers([Path(f"d/{name}.png") for name in names]) == numbers


@pytest.mark.parametrize(
    ("numbers", "positions", "note"),
    [
        ([5, 6, 7], [0, 1, 2], None),
        ([0, 1, 3], [0, 1, 3], "picture number 2 is missing"),
        ([10, 15, 20], [0, 5, 10], "8 picture numbers, the first 11, are missing"),
        ([0, 10_000, 20_000], [0, 1, 2], "far apart"),
    ],
)
def test_a_gap_in_the_numbers_is_a_gap_in_the_frames(numbers, positions, note):
    found, said = frame_positions([Path(f"{number:05d}.png") for number in numbers])
    assert found == positions
    assert (said is None) if note is None else said.startswith(note) or note in said


def test_frames_after_a_gap_keep_their_times(place):
    place(*(f"d/{number:04d}.jpg" for number in range(12) if number != 5))
    with open_source("d") as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert [round(frame.time_seconds * 25) for frame in frames] == [frame.index for frame in frames]
    assert (reader.report.frames_read, reader.report.frames_lost, reader.report.damage) == (11, 0, None)
    assert reader.report.notes == ["picture number 5 is missing: the frames after a gap keep their numbers and times"]
