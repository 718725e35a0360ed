"""A model with a memory, videos that are long enough for segments, and what the results of two runs are."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from gfsalnet.models import SaliencyModel
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import ShotDetector

RATE = 4
"""Frames per second: segments have at least half a minute, and tests few frames."""


class RememberingModel(SaliencyModel):
    """Looks where it was bright in the last two seconds, and will be in the next frame."""

    name = "remembering"
    input_size_hw = (6, 8)
    reach_seconds = 2.0
    lookahead_frames = 1

    def __init__(self, forgets: bool = True) -> None:
        self.forgets = forgets

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "forgets": self.forgets}

    def stream(self, frames: Iterable[Frame], seconds: dict[str, float] | None = None) -> Iterator[Prediction]:
        shots, memory = ShotDetector(), deque[tuple[float, np.ndarray]]()
        seen = ((frame, shots.is_cut(frame.rgb), self._small(frame)) for frame in frames)
        last, total = None, np.zeros(self.input_size_hw)
        for frame, cut, small in itertools.chain(seen, [(None, False, None)]):
            if last is not None:
                now, starts, own = last
                memory.append((now.time_seconds, own))
                while memory[0][0] < now.time_seconds - self.reach_seconds:
                    memory.popleft()
                total = sum(values for _, values in memory) if self.forgets else total + own
                density = total + (own if small is None else small)
                yield Prediction(
                    frame=now, map_density=(density / density.sum()).astype(np.float32), starts_shot=starts
                )
            last = (frame, cut, small)

    def _small(self, frame: Frame) -> np.ndarray:
        small = cv2.resize(frame.rgb, self.input_size_hw[::-1], interpolation=cv2.INTER_AREA)
        return small.astype(np.float64).mean(2) + 1


def forgetful() -> RememberingModel:
    """As it says: what a process of a pool loads."""
    return RememberingModel()


def write_long(
    path: Path, seconds: float = 150, *, codec: str = "libx264", options: str = "", stamps: list[int] | None = None
) -> Path:
    """A square that goes round over a changing background with a cut every 20 s; stamps are thousandths of a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stamps = [1000 * n // RATE for n in range(round(seconds * RATE))] if stamps is None else stamps
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 64, 48, "yuv420p", Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.max_b_frames = 2
        kind = {"libx264": "x264-params", "libx265": "x265-params"}.get(codec, "")
        base = "keyint=16:min-keyint=16:scenecut=0:log-level=none"
        stream.options = {kind: f"{base}:{options}".rstrip(":"), "preset": "ultrafast"} if kind else {"g": "16"}
        for index, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(_picture(index), format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _picture(index: int) -> np.ndarray:
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[..., index // (20 * RATE) % 3] = np.linspace(20, 160, 64).astype(np.uint8)
    rgb[:, :, 1] += np.uint8(index % 40)
    x, y = (3 * index) % 56, (5 * index) % 40
    rgb[y : y + 8, x : x + 8] = 255
    return rgb


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a result but for its summary, which tells times."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "summary.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
