"""Preparing a dataset: whole folders of frames, cached flow, resumed after an interruption, in several processes."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from gfsalnet.errors import DatasetError
from gfsalnet.flow import CachedFlow, DISFlow, FlowStream, flow_folder
from gfsalnet.gaze import open_dataset
from gfsalnet.prepare import Prepared, prepare_dataset
from gfsalnet.types import FlowField

FLOW = DISFlow("ultrafast", (64, 48))


def write_video(path: Path, count: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        noise = np.random.default_rng(count).integers(0, 255, (64, 160, 3), dtype=np.uint8)
        for index in range(count):
            picture = np.ascontiguousarray(noise[:, 2 * index : 2 * index + 96])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def dhf1k(tmp_path: Path) -> Path:
    for number, count in ((1, 3), (601, 4), (701, 2)):
        write_video(tmp_path / "video" / f"{number:03d}.AVI", count)
        (tmp_path / "annotation" / f"{number:04d}" / "fixation").mkdir(parents=True)
    return tmp_path


def run(root: Path, **options) -> dict[str, Prepared]:
    results = list(prepare_dataset("dhf1k", root, **options))
    assert {total for _, total in results} <= {len(results)}
    return {done.video: done for done, _ in results}


def frames_of(root: Path, number: str) -> list[str]:
    return sorted(path.name for path in (root / "annotation" / number / "images").iterdir())


@pytest.mark.parametrize("workers", [1, 2])
def test_frames_are_extracted_and_flow_is_cached(dhf1k: Path, workers: int) -> None:
    before = list(open_dataset("dhf1k", dhf1k).frames("0601"))
    done = run(dhf1k, flow=FLOW, workers=workers)
    assert {video: (one.split, one.frames, one.flows) for video, one in done.items()} == {
        "0001": ("train", 3, 2),
        "0601": ("val", 4, 3),
        "0701": ("test", 2, 1),
    }
    assert frames_of(dhf1k, "0601") == ["0001.png", "0002.png", "0003.png", "0004.png"]
    after = list(open_dataset("dhf1k", dhf1k).frames("0601"))
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one.rgb, other.rgb)
        assert one.time_seconds == pytest.approx(other.time_seconds)
    entries = list(flow_folder(dhf1k).rglob("*.flow"))
    assert len(entries) == 6

    class Refusing(DISFlow):
        def __call__(self, *_):
            raise AssertionError("the cache should have it")

    stream = FlowStream(CachedFlow(Refusing("ultrafast", (64, 48)), flow_folder(dhf1k)))
    for frame in after:
        stream.push(frame, starts_shot=False)


def test_opencv_works_on_one_thread_as_in_the_processes(dhf1k: Path) -> None:
    counts = []

    class Noting(DISFlow):
        def __call__(self, previous_rgb: np.ndarray, current_rgb: np.ndarray) -> FlowField:
            counts.append(cv2.getNumThreads())
            return super().__call__(previous_rgb, current_rgb)

    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        for _ in prepare_dataset("dhf1k", dhf1k, flow=Noting("ultrafast", (64, 48)), split="val"):
            assert cv2.getNumThreads() == 2  # while the caller has the result, its setting counts
        assert counts == [1, 1, 1]
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


def test_what_is_there_is_not_made_again(dhf1k: Path) -> None:
    run(dhf1k, flow=FLOW, split="val")
    picture = dhf1k / "annotation" / "0601" / "images" / "0001.png"
    stamp = picture.stat().st_mtime_ns
    again = run(dhf1k, flow=FLOW)
    assert (again["0601"].frames, again["0601"].flows) == (0, 3)
    assert again["0001"].frames == 3
    assert picture.stat().st_mtime_ns == stamp


def test_what_an_interrupted_run_left_is_made_anew(dhf1k: Path) -> None:
    partial = dhf1k / "annotation" / "0601" / ".images.4711-1f2e3d4c.partial"
    partial.mkdir()
    (partial / "0009.png").write_bytes(b"half")
    run(dhf1k, split="val")
    assert len(frames_of(dhf1k, "0601")) == 4
    assert not partial.exists()


def test_a_damaged_video_leaves_no_frames_and_does_not_stop_the_rest(dhf1k: Path) -> None:
    path = dhf1k / "video" / "001.AVI"
    path.write_bytes(path.read_bytes()[:-900])
    done = run(dhf1k, flow=FLOW)
    assert "001.AVI" in str(done["0001"].problem)
    assert not (dhf1k / "annotation" / "0001" / "images").exists()
    assert done["0601"].problem is None
    assert done["0601"].flows == 3


def test_a_folder_that_cannot_be_written_is_told(dhf1k: Path) -> None:
    (dhf1k / "flow-cache").write_text("in the way")
    done = run(dhf1k, flow=FLOW, split="val")
    assert "cannot be written" in str(done["0601"].problem)


def test_pictures_and_videos_without_flow_need_nothing(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "fixations.csv").write_text("image,x,y\na,1,1\n")
    assert list(prepare_dataset("folder", tmp_path, flow=FLOW)) == []


def test_a_wrong_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="none of the videos"):
        list(prepare_dataset("dhf1k", tmp_path))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    write_video(tmp_path / "videos" / "clip.mp4", 3)
    (tmp_path / "fixations.csv").write_text("video,frame,x,y\nclip,0,1,1\n")
    return tmp_path


def prepare_own(root: Path, **options) -> Prepared:
    ((done, total),) = prepare_dataset("folder", root, **options)
    assert total == 1
    return done


def test_videos_without_a_place_for_frames_are_extracted_only_on_demand(own: Path) -> None:
    assert prepare_own(own, flow=FLOW).frames == 0
    assert not (own / "frames").exists()
    assert prepare_own(own, frames=True).frames == 3
    assert prepare_own(own, frames=True).frames == 0
    dataset = open_dataset("folder", own)
    pictures = dataset.pictures("clip")
    assert {index: path.relative_to(own).as_posix() for index, path in pictures.items()} == {
        index: f"frames/clip/{index + 1:04d}.jpg" for index in range(3)
    }
    for frame in dataset.frames("clip"):
        stored = cv2.cvtColor(cv2.imread(str(pictures[frame.index])), cv2.COLOR_BGR2RGB)
        assert not np.array_equal(stored, frame.rgb), "the video itself is read, not the extracted frames"
        assert cv2.PSNR(stored, frame.rgb) > 25


def test_the_flow_of_extracted_frames_is_that_of_their_files(own: Path) -> None:
    prepare_own(own, flow=FLOW)
    of_video = set(flow_folder(own).rglob("*.flow"))
    assert prepare_own(own, frames=True, flow=FLOW).flows == 2
    added = set(flow_folder(own).rglob("*.flow")) - of_video
    assert len(of_video) == len(added) == 2
    prepare_own(own, flow=FLOW)
    assert set(flow_folder(own).rglob("*.flow")) == of_video | added


def test_a_damaged_video_leaves_no_extracted_frames(own: Path) -> None:
    write_video(own / "videos" / "clip.mp4", 30)
    data = (own / "videos" / "clip.mp4").read_bytes()
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 3
    (own / "videos" / "clip.mp4").write_bytes(data[:middle] + b"\0" * 4000 + data[middle + 4000 :])
    assert "clip.mp4" in str(prepare_own(own, frames=True).problem)
    assert not list((own / "frames").iterdir())


def test_only_the_frames_of_the_split_are_extracted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gfsalnet.gaze.datasets.diem.TEST_FRAMES", 2)
    for name in ("pingpong_no_bodies_960x720", "other_96x64"):
        write_video(tmp_path / name / "video" / "clip.mp4", 4)
    counts = {one.video: one.frames for one, _ in prepare_dataset("diem", tmp_path, frames=True)}
    assert counts == {"pingpong_no_bodies_960x720": 2, "other_96x64": 4}
    names = sorted(path.name for path in (tmp_path / "frames" / "pingpong_no_bodies_960x720").iterdir())
    assert names == ["0001.jpg", "0002.jpg"]


def test_a_folder_of_frames_is_not_extracted_again(tmp_path: Path) -> None:
    for index in range(3):
        (tmp_path / "videos" / "clip").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "videos" / "clip" / f"{index}.png"), np.full((48, 64, 3), 9 * index, np.uint8))
    (tmp_path / "fixations.csv").write_text("video,frame,x,y\nclip,0,1,1\n")
    assert list(prepare_dataset("folder", tmp_path, frames=True)) == []
    done = prepare_own(tmp_path, frames=True, flow=FLOW)
    assert (done.frames, done.flows) == (0, 2)
    assert [path.name for path in open_dataset("folder", tmp_path).pictures("clip").values()] == [
        "0.png",
        "1.png",
        "2.png",
    ]
