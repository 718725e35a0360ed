"""A source that does not wait: what nobody has time for is skipped, no delay builds up, Ctrl-C keeps what was seen."""

from __future__ import annotations

import csv
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gfsalnet.backends.pytorch import TorchBackend
from gfsalnet.flow import DISFlow
from gfsalnet.models import SaliencyModel
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.network import GFSalNet, mobile
from gfsalnet.predict import Outcome, Settings, predict_source
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import VideoInfo, VideoReader
from gfsalnet.video.info import Kind

SIZE_HW = (48, 64)
PATIENCE_SECONDS = 10


class Camera(VideoReader):
    """Takes a picture whenever its clock ticks, whether or not somebody has time for it.

    Time is counted in pictures, so that a busy machine changes nothing: `pass_time` returns when they are handed over.

    Args:
        count: pictures that it takes in all.
        runs: time passes by itself, 2 ms a picture, and nobody needs to call `pass_time`.
        kind: as in `VideoInfo`.
    """

    def __init__(self, count: int = 2000, *, runs: bool = False, kind: Kind = "camera") -> None:
        super().__init__(
            VideoInfo(
                source="0",
                name="camera-0",
                path=None,
                size_wh=SIZE_HW[::-1],
                rate=Fraction(100),
                time_base=Fraction(1, 100),
                estimated_frames=None,
                duration_seconds=None,
                has_audio=False,
                kind=kind,
            )
        )
        self.count, self.runs, self.clock, self.closed = count, runs, 1, False
        self._ticks, self._handed_over = threading.Semaphore(1), threading.Semaphore(0)

    def pass_time(self, pictures: int) -> None:
        for _ in range(min(pictures, self.count - self.clock)):
            self.clock += 1
            self._ticks.release()
            assert self._handed_over.acquire(timeout=PATIENCE_SECONDS), "the camera has to wait"

    def frames(self) -> Iterator[Frame]:
        for index in range(self.count):
            if self.runs:
                time.sleep(0.002)
            elif not self._ticks.acquire(timeout=PATIENCE_SECONDS):
                return
            self.report.frames_read += 1
            yield Frame(np.full((*SIZE_HW, 3), index % 50, np.uint8), index / 100, index)
            if index > 0:
                self._handed_over.release()

    def close(self) -> None:
        self.closed = True


class Looking(SaliencyModel):
    """Sees nothing special, and does something else meanwhile."""

    name = "looking"
    input_size_hw = (6, 8)

    def __init__(self, meanwhile: Callable[[Frame], object] = lambda frame: None) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    def describe(self) -> dict[str, Any]:
        return {"name": self.name}

    def stream(self, frames: Iterable[Frame], seconds: dict[str, float] | None = None) -> Iterator[Prediction]:
        for frame in frames:
            self.meanwhile(frame)
            yield Prediction(frame=frame, map_density=np.full((6, 8), 1 / 48, np.float32))


def predict(
    model: SaliencyModel, camera: Camera, output: Path, on_frame: Callable[[int], object] = lambda done: None
) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gfsalnet.predict.job.open_source", lambda source, **_: camera)
        settings = Settings(output=output, save=("csv", "npz"))
        return predict_source(model, "0", settings, lambda source, done, total: on_frame(done))


def written(output: Path) -> tuple[list[int], dict[str, Any]]:
    """Which frames there are results of, and the summary."""
    folder = output / "camera-0"
    assert sorted(path.name for path in folder.iterdir()) == ["frames.csv", "maps.npz", "summary.json"]
    with (folder / "frames.csv").open(newline="") as file:
        indices = [int(row["frame_index"]) for row in csv.DictReader(file)]
    times = np.load(folder / "maps.npz")["time_seconds"]
    assert times == pytest.approx(np.array(indices) / 100)
    return indices, json.loads((folder / "summary.json").read_text())


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert [thread for thread in threading.enumerate() if thread.name == "prefetch"] == []


def test_a_slow_model_sees_the_newest_frame_each_time(tmp_path: Path) -> None:
    """Ten pictures are taken while it looks at one; and the very last one is not missed."""
    camera, ages = Camera(205), []

    def look(frame: Frame) -> None:
        ages.append(camera.clock - 1 - frame.index)
        camera.pass_time(10)

    outcome = predict(Looking(look), camera, tmp_path)
    indices, summary = written(tmp_path)
    assert indices == [*range(0, 201, 10), 204]
    assert set(ages) == {0}
    assert (summary["frames"], summary["frames_skipped"], summary["frames_lost"]) == (22, 183, 0)
    assert (outcome.status, outcome.frames) == ("done", 22)
    assert camera.closed


def small_gfsalnet() -> GFSalNetModel:
    torch.manual_seed(0)
    network = GFSalNet(replace(mobile(), input_size_hw=(64, 64)))
    return GFSalNetModel(
        network.config,
        TorchBackend(network),
        name="small",
        weights_hash="0",
        estimator=DISFlow("ultrafast", size_wh=(64, 48)),
    )


@pytest.mark.slow
@pytest.mark.parametrize(("make_model", "waiting"), [(Looking, 4), (small_gfsalnet, 8)])
def test_no_delay_builds_up_where_writing_is_slow(
    make_model: Callable[[], SaliencyModel], waiting: int, tmp_path: Path
) -> None:
    """Ten pictures are taken while one is written: it is as old as those are many that wait in and between the stages.

    One or two wait between two stages, and each stage has one in hand.
    """
    camera, clocks = Camera(400), []

    def on_frame(done: int) -> None:
        clocks.append(camera.clock)
        camera.pass_time(10)

    predict(make_model(), camera, tmp_path, on_frame)
    indices, summary = written(tmp_path)
    assert indices == sorted(set(indices))
    assert indices[-1] == 399
    assert len(indices) <= 40 + waiting
    assert max(clock - 1 - index for clock, index in zip(clocks, indices, strict=True)) <= 10 * waiting
    assert (summary["frames"], summary["frames_skipped"]) == (len(indices), 400 - len(indices))


def test_a_file_is_waited_for(tmp_path: Path) -> None:
    file = Camera(40, runs=True, kind="video")
    predict(Looking(lambda frame: time.sleep(0.004)), file, tmp_path)
    indices, summary = written(tmp_path)
    assert indices == list(range(40))
    assert (summary["frames"], summary["frames_skipped"]) == (40, 0)


def interrupt() -> None:
    """Ctrl-C: the main thread is told."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


signals = pytest.mark.skipif(os.name != "posix", reason="sends signals as POSIX knows them")


@pytest.fixture
def cut_short(tmp_path: Path) -> tuple[Camera, Outcome]:
    """A recording that Ctrl-C ends when five frames are written and the next prediction is waited for."""
    five_are_written = threading.Event()

    def look(frame: Frame) -> None:
        looked.append(frame.index)
        if len(looked) == 6:
            assert five_are_written.wait(PATIENCE_SECONDS)
            time.sleep(0.05)
            interrupt()
            time.sleep(0.05)

    looked: list[int] = []
    camera = Camera(runs=True)
    return camera, predict(Looking(look), camera, tmp_path, lambda done: five_are_written.set() if done == 5 else None)


@signals
def test_ctrl_c_keeps_what_was_seen(cut_short: tuple[Camera, Outcome], tmp_path: Path) -> None:
    camera, outcome = cut_short
    assert outcome.status == "done"
    assert len(written(tmp_path)[0]) == 5
    assert camera.closed


@signals
def test_the_summary_counts_what_was_predicted_not_what_was_on_its_way(
    cut_short: tuple[Camera, Outcome], tmp_path: Path
) -> None:
    camera, outcome = cut_short
    indices, summary = written(tmp_path)
    assert summary["frames"] == outcome.frames == len(indices)
    assert summary["frames_skipped"] == camera.report.frames_read - len(indices)


@signals
def test_ctrl_c_while_a_frame_is_written_keeps_it(tmp_path: Path) -> None:
    try:
        predict(Looking(), Camera(runs=True), tmp_path, lambda done: interrupt() if done == 5 else None)
    except KeyboardInterrupt:
        pytest.fail("nothing is kept")
    assert len(written(tmp_path)[0]) == 5


@signals
@pytest.mark.parametrize(("kind", "after"), [("camera", 0), ("video", 5)])
def test_ctrl_c_before_there_is_anything_to_keep_and_in_a_file_leaves_nothing(
    kind: Kind, after: int, tmp_path: Path
) -> None:
    interrupted = threading.Event()

    def look(frame: Frame) -> None:
        time.sleep(0.02)
        if frame.index >= after and not interrupted.is_set():
            interrupted.set()  # once: a second would interrupt the clearing up
            interrupt()
            time.sleep(0.05)

    with pytest.raises(KeyboardInterrupt):
        predict(Looking(look), Camera(runs=True, kind=kind), tmp_path)
    assert list(tmp_path.iterdir()) == []
