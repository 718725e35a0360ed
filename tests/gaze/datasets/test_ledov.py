"""LEDOV and LEDOV-Meta on a miniature tree: the lists, the first fixations, frames of a fixation, 30 Hz."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import av.filter
import numpy as np
import pytest

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import check_dataset, open_dataset
from gfsalnet.gaze.datasets.ledov import LEDOV
from gfsalnet.gaze.datasets.meta import at_rate, read_frame_list
from gfsalnet.types import Frame

SIZE_WH = (1280, 720)
"""Its cross: 604 < x < 676 or 324 < y < 396."""
NAMES = ["animal_bear01", "human_car02", "manmade_suv03"]
ROWS = [
    # viewer, start ms, duration ms, x, y
    (1, 0, 50, 640, 360),  # in the centre: the eye has not left it
    (1, 60, 50, 640, 100),  # still on the cross
    (1, 120, 100, 100, 200),  # frames ceil(3) to ceil(5.5), 1-based: 2 … 5
    (1, 230, 10, 640, 360),  # the centre counts now: frame 5
    (1, 250, 30, -5, 10),  # outside: the eye tracker had lost the eye
    (2, 0, 33, 1000, 700),  # frames 1 (not 0) to 1
    (2, 180, 5000, 2, 3),  # to the end of the video
]


@pytest.fixture
def root(tmp_path: Path, write_mat73, write_mat, write_video) -> Path:
    """Ten frames at 25 a second."""
    write_mat73(tmp_path / "VideoNameList.mat", VideoNameList=NAMES)
    lists = {"trainlist": 1, "vaildlist": 2, "testlist": 3}
    write_mat(tmp_path / "namelist.mat", **{key: np.array([[float(place)]]) for key, place in lists.items()})
    for name in NAMES:
        write_video(tmp_path / name / f"{name}.mp4", 10, rate=25)
        record = {
            "VideoName": name,
            "VideoFrames": np.array([[10.0]]),
            "VideoFrameRate": np.array([[25.0]]),
            "VideoSize": np.array([[float(side) for side in SIZE_WH]]),
            "fixdata": np.array(ROWS, np.float64),
        }
        write_mat(tmp_path / name / "Data.mat", Data=(record,))
    return tmp_path


@pytest.mark.parametrize(("split", "name"), [("train", NAMES[0]), ("val", NAMES[1]), ("test", NAMES[2])])
def test_the_lists_are_1_based_places(root: Path, split: str, name: str) -> None:
    assert open_dataset("LEDOV", root, split).videos == [name]


def test_the_lists_may_hold_names(root: Path, write_mat) -> None:
    write_mat(root / "namelist.mat", testlist=[NAMES[0], f"{NAMES[1]}.mp4"])
    assert open_dataset("ledov", root).videos == NAMES[:2]


def test_fixations_lie_on_the_frames_they_touch(root: Path) -> None:
    """At 25 frames per second: a frame is 40 ms, so 120 … 220 ms touch frames 3 … 6 as MATLAB counts."""
    dataset = open_dataset("ledov", root)
    gaze = dataset.gaze(NAMES[2])
    assert [item.index for item in gaze] == list(range(10))
    assert gaze[0].fixations.size_wh == SIZE_WH
    seen = {
        (int(x), int(y)): [item.index for item in gaze if x - 0.5 in item.fixations.x]
        for _, _, _, x, y in ROWS
        if y != 360
    }
    assert seen == {
        (640, 100): [5],  # only the central one at 230 ms has this x
        (100, 200): [2, 3, 4, 5],
        (-5, 10): [],
        (1000, 700): [0],
        (2, 3): [4, 5, 6, 7, 8, 9],
    }
    assert gaze[5].fixations.subject.tolist() == [1, 1, 2]
    assert np.floor(gaze[0].fixations.x) == 999  # MATLAB's pixel 1000 is the 999th from 0
    assert np.floor(gaze[0].fixations.y) == 699
    assert dataset.sigma_pixels(NAMES[2]) == pytest.approx(80 / (2 * np.sqrt(2 * np.log(2))), abs=1e-2)
    assert dataset.frame_counts(NAMES[2]) == {"pictures": 10, "frames in Data.mat": 10}


def test_a_name_that_is_listed_twice_is_one_video(root: Path, write_mat) -> None:
    places = {"trainlist": [1, 2, 1], "vaildlist": [2], "testlist": [3]}
    write_mat(root / "namelist.mat", **{key: np.array(held, np.float64)[:, None] for key, held in places.items()})
    train, val, test = check_dataset("ledov", root)
    assert open_dataset("ledov", root, "train").videos == NAMES[:2]
    assert (train.videos, val.videos, test.videos) == (2, 1, 1)
    assert not [problem for check in (train, val, test) for problem in check.problems if "missing" in problem]
    assert f"trainlist of namelist.mat names {NAMES[0]} more than once" in "\n".join(train.notes)
    assert "trainlist of namelist.mat has 3 entries, the authors' 462" in "\n".join(train.notes)


def test_the_authors_lists() -> None:
    assert [LEDOV.entries[split] for split in ("train", "val", "test")] == [462, 36, 41]
    assert sum(size.videos for size in LEDOV.official.values()) == 538


def test_a_video_of_varying_rate_shows_its_own_frames(root: Path) -> None:
    """Frames at 0, 100, 200 and 500 ms: from 120 to 220 ms the second and third are seen."""
    path = root / NAMES[2] / f"{NAMES[2]}.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10, options={"g": "1"})
        stream.width, stream.height = 64, 48
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for start in (0, 100, 200, 500):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = start, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    gaze = open_dataset("ledov", root).gaze(NAMES[2])
    assert [item.index for item in gaze if 99.5 in item.fixations.x] == [1, 2]


def test_every_viewer_starts_anew(root: Path, write_mat) -> None:
    rows = [(1, 0, 10, 10, 10), (2, 0, 10, 640, 360), (2, 50, 10, 20, 20), (3, 0, 10, -1, 5), (3, 50, 10, 30, 700)]
    record = {
        "VideoFrames": np.array([[3.0]]),
        "VideoFrameRate": np.array([[25.0]]),
        "VideoSize": np.array([[1280.0, 720.0]]),
        "fixdata": np.array(rows, np.float64),
    }
    write_mat(root / NAMES[2] / "Data.mat", Data=(record,))
    gaze = open_dataset("ledov", root).gaze(NAMES[2])
    assert [item.fixations.x.tolist() for item in gaze] == [[9.5], [19.5, 29.5], []]


def test_damaged_records_and_lists(root: Path, write_mat) -> None:
    dataset = open_dataset("ledov", root)
    write_mat(root / NAMES[2] / "Data.mat", Data=({"fixdata": np.zeros((2, 5))},))
    with pytest.raises(DatasetError, match="Data is not a struct with VideoFrames"):
        dataset.gaze(NAMES[2])
    write_mat(root / NAMES[2] / "Data.mat", data=np.eye(2))
    with pytest.raises(DatasetError, match="it lacks Data and holds data"):
        dataset.gaze(NAMES[2])
    write_mat(root / "namelist.mat", testlist=np.array([[4.0]]))
    with pytest.raises(DatasetError, match="no cell of names that testlist"):
        open_dataset("ledov", root)
    write_mat(root / "namelist.mat", testlist=np.array([[1.0]]), validlist=np.array([[1.0]]))
    with pytest.raises(DatasetError, match="it lacks vaildlist and holds"):
        open_dataset("ledov", root, "val")


def test_a_wrong_root(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"namelist\.mat: there is no such file"):
        open_dataset("ledov", tmp_path)


def grey_frames(count: int, rate: Fraction) -> list[Frame]:
    return [
        Frame(np.full((8, 8, 3), index, np.uint8), time_seconds=float(index / rate), index=index)
        for index in range(count)
    ]


def as_ffmpeg_does(frames: list[Frame], rate: Fraction) -> list[int]:
    """The greys after FFmpeg's own filter."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=8, height=8, format="rgb24", time_base=1 / rate)
    fps, sink = graph.add("fps", "30"), graph.add("buffersink")
    source.link_to(fps)
    fps.link_to(sink)
    graph.configure()
    greys = []
    for frame in [*frames, None]:
        video_frame = None if frame is None else av.VideoFrame.from_ndarray(frame.rgb, format="rgb24")
        if frame is not None and video_frame is not None:
            video_frame.pts, video_frame.time_base, video_frame.duration = frame.index, 1 / rate, 1
        graph.push(video_frame)
        while True:
            try:
                greys.append(int(graph.pull().to_ndarray()[0, 0, 0]))
            except (av.BlockingIOError, av.EOFError):
                break
    return greys


@pytest.mark.skipif(
    not hasattr(av.VideoFrame, "duration"), reason="PyAV 14 cannot tell the filter how long a frame lasts"
)
@pytest.mark.parametrize("count", [1, 2, 7, 40])
@pytest.mark.parametrize("rate", ["24", "25", "24000/1001", "30000/1001", "30", "50", "60"])
def test_resampling_is_that_of_ffmpeg(rate: str, count: int) -> None:
    frames = grey_frames(count, Fraction(rate))
    resampled = list(at_rate(iter(frames), Fraction(rate), Fraction(30)))
    assert [int(frame.rgb[0, 0, 0]) for frame in resampled] == as_ffmpeg_does(frames, Fraction(rate))
    assert [frame.index for frame in resampled] == list(range(len(resampled)))
    assert [frame.time_seconds for frame in resampled] == pytest.approx([i / 30 for i in range(len(resampled))])


def frame_list(path: Path, selected: dict[str, list[int]], frames: int) -> None:
    rows = [f"{name},{frame},{frame in chosen}" for name, chosen in selected.items() for frame in range(frames)]
    path.write_text("\n".join(["video,frame,mask", *rows]) + "\n")


def test_the_meta_benchmark_at_30_frames_a_second(root: Path) -> None:
    frame_list(root / "mask-ledov-test-30hz.csv", {NAMES[0]: [], NAMES[2]: [3, 5, 11]}, 12)
    dataset = open_dataset("LEDOV-Meta", root)
    assert dataset.videos == [NAMES[2]]
    gaze = dataset.gaze(NAMES[2])
    assert [item.index for item in gaze] == [3, 5, 11]
    # 120 … 220 ms are frames ceil(3.6) … ceil(6.6) of 30 a second as MATLAB counts: 3 … 6
    assert [99.5 in item.fixations.x for item in gaze] == [True, True, False]
    samples = list(dataset.samples(NAMES[2]))
    assert [sample.frame.index for sample in samples] == [3, 5, 11]
    assert int(samples[2].frame.rgb.mean()) == pytest.approx(8 * 9, abs=4)
    assert dataset.frame_counts(NAMES[2])["frames in the list"] == 12
    assert dataset.frame_counts(NAMES[2])["pictures"] == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,frame\na,0\n", "lacks one of the columns"),
        ("video,frame,mask\na,0,True\na,2,True\n", "line 3 is not the next frame"),
        ("video,frame,mask\na,0,yes\n", "line 2"),
        ("video,frame,mask\na,x,True\n", "line 2 is not the next frame"),
    ],
)
def test_bad_frame_lists(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_frame_list(tmp_path / "list.csv")


@pytest.mark.shared
def test_the_real_frame_lists(shared_dir: Path) -> None:
    folder = shared_dir / "data" / "meta_benchmark"
    for split, videos, frames, selected, scored in (("test", 41, 14438, 2674, 38), ("val", 36, 12916, 2506, 33)):
        masks = read_frame_list(folder / f"mask-ledov-{split}-30hz.csv")
        assert len(masks) == videos
        assert sum(map(len, masks.values())) == frames
        assert sum(int(mask.sum()) for mask in masks.values()) == selected
        assert sum(bool(mask.any()) for mask in masks.values()) == scored
    test = read_frame_list(folder / "mask-ledov-test-30hz.csv")
    assert (test["human_dancing07"].sum(), len(test["human_dancing07"])) == (683, 903)
