"""When frames are shown: videos of varying rate, headers that lie, frames cut out of videos, folders of frames."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from gfsalnet.errors import SourceError
from gfsalnet.gaze import open_dataset
from gfsalnet.gaze.video_files import Timeline, picture_frames, video_timeline
from gfsalnet.prepare import prepare_dataset
from gfsalnet.video import count_frames

STARTS_MS = (0, 100, 300, 600, 900, 1000, 1900)
"""Of a video of varying rate."""


@pytest.fixture
def uneven(tmp_path: Path):
    """Writes a video whose frames start at given times, of any container that keeps them."""

    def write(name: str, starts_ms: Sequence[int] = STARTS_MS, codec: str = "mpeg4") -> Path:
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=10, options={"g": "1"})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            for index, start in enumerate(starts_ms):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * index, np.uint8), format="rgb24")
                frame.pts, frame.time_base = start, Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return write


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
def test_a_time_belongs_to_the_frame_that_the_video_shows_then(tmp_path: Path, uneven, name: str) -> None:
    path = uneven(name)
    assert video_timeline(path).starts_seconds == pytest.approx([start / 1000 for start in STARTS_MS], abs=1e-3)
    rows = [f"a,{start / 1000 + 0.02},{index + 1},5" for index, start in enumerate(STARTS_MS)]
    (tmp_path / "fixations.csv").write_text("\n".join(["video,time_seconds,x,y", *rows]))
    gaze = open_dataset("folder", tmp_path).gaze("a")
    assert [(item.index, item.fixations.x.tolist()) for item in gaze] == [(i, [i + 1]) for i in range(len(STARTS_MS))]
    for sample in open_dataset("folder", tmp_path).samples("a"):
        assert int(sample.frame.rgb.mean()) == pytest.approx(20 * sample.frame.index, abs=6)


@pytest.mark.parametrize("moment", ["time_seconds", "frame"])
def test_a_duration_covers_the_frames_that_are_shown_in_it(tmp_path: Path, uneven, moment: str) -> None:
    """From 0.3 s for 650 ms: the frames at 0.3, 0.6 and 0.9 s."""
    uneven("a.mp4")
    start = {"time_seconds": "0.3", "frame": "2"}[moment]
    (tmp_path / "fixations.csv").write_text(f"video,{moment},x,y,duration_ms\na,{start},1,1,650\n")
    assert [item.index for item in open_dataset("folder", tmp_path).gaze("a")] == [2, 3, 4]


def test_extracted_frames_keep_the_video_s_frames_and_gaze(tmp_path: Path, uneven) -> None:
    uneven("a.mp4")
    (tmp_path / "fixations.csv").write_text("video,time_seconds,x,y\na,0.65,1,1\na,1.5,2,2\n")
    (done,) = (done for done, _ in prepare_dataset("folder", tmp_path, frames=True))
    assert (done.problem, done.frames) == (None, len(STARTS_MS))
    dataset = open_dataset("folder", tmp_path)
    gaze, pictures = dataset.gaze_by_index("a"), dataset.pictures("a")
    assert list(gaze) == [3, 5]
    for index in gaze:
        assert int(cv2.imread(str(pictures[index])).mean()) == pytest.approx(20 * index, abs=6)


def test_frames_of_a_dhf1k_video_keep_its_times(tmp_path: Path, write_video, write_png) -> None:
    write_video(tmp_path / "video" / "601.AVI", 4, rate=10)
    for number in (1, 2, 4):
        picture = np.full((48, 64, 3), number, np.uint8)
        write_png(tmp_path / "annotation" / "0601" / "images" / f"{number:04d}.png", picture)
    frames = list(open_dataset("dhf1k", tmp_path).frames("0601"))
    assert [(frame.index, round(frame.time_seconds, 6)) for frame in frames] == [(0, 0), (1, 0.1), (3, 0.3)]


def test_a_folder_of_frames_has_the_rate_that_is_told_or_assumed(tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    for index in range(30):
        cv2.imwrite(str(tmp_path / "walk" / f"{index:03d}.png"), np.full((30, 40, 3), index, np.uint8))
    (tmp_path / "fixations.csv").write_text("video,time_seconds,x,y\nwalk,0.5,1,1\n")
    dataset = open_dataset("folder", tmp_path)
    assert [item.index for item in dataset.gaze("walk")] == [12]
    assert "read at 25 frames per second" in "".join(dataset.quality("walk").notes)
    (tmp_path / "fixations.csv").write_text("video,time_seconds,x,y,frames_per_second\nwalk,0.5,1,1,10\n")
    dataset = open_dataset("folder", tmp_path)
    (sample,) = dataset.samples("walk")
    assert (sample.frame.index, sample.frame.time_seconds) == (5, 0.5)
    assert "the table says 10 frames per second" in "".join(dataset.quality("walk").notes)


def test_gaze_after_the_end_is_left_out_and_counted(tmp_path: Path, uneven) -> None:
    uneven("a.mp4")
    (tmp_path / "fixations.csv").write_text("video,time_seconds,x,y\na,0,1,1\na,1.95,2,2\na,60,3,3\na,61,3,3\n")
    dataset = open_dataset("folder", tmp_path)
    assert [item.index for item in dataset.gaze("a")] == [0, 6]
    assert (dataset.quality("a").fixations, dataset.quality("a").late) == (2, 2)


def test_times_rounded_to_milliseconds_stay_on_their_frame() -> None:
    timeline = Timeline.steady(90, Fraction(30000, 1001))
    rounded = np.round(timeline.starts_seconds, 3)
    assert timeline.frame_at(rounded).tolist() == list(range(90))
    assert timeline.frame_at(timeline.starts_seconds + 0.03).tolist() == list(range(90))
    assert timeline.frame_at([timeline.end_seconds, 1e9]).tolist() == [90, 90]


def test_frames_are_counted_and_not_taken_from_the_header(tmp_path: Path, write_video) -> None:
    """Cut off: the index of an AVI is at the end, its header still promises all."""
    path = write_video(tmp_path / "a.avi", 20)
    assert count_frames(path) == 20
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(SourceError, match=r"a\.avi"):
        count_frames(path)


def test_pictures_of_two_sizes_are_no_video(tmp_path: Path, write_png) -> None:
    for index, size_hw in enumerate([(20, 30), (20, 31)]):
        write_png(tmp_path / f"{index}.png", np.zeros((*size_hw, 3), np.uint8))
    pictures = {index: tmp_path / f"{index}.png" for index in (0, 1)}
    with pytest.raises(SourceError, match=r"1\.png: it has 31x20 pixels, the first picture 30x20"):
        list(picture_frames(pictures, Fraction(25)))
