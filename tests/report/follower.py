"""A model made by code: viewers follow a bright square, and motion is trusted on its right half."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet.models import SaliencyModel
from gfsalnet.types import FlowField, Frame, Prediction
from gfsalnet.video import VideoWriter

SIZE_WH = (96, 64)
FRAMES = 30


def square_x(index: int) -> int:
    """Left edge of the square, which moves to the right."""
    return 8 + 2 * index


def write_clip(path: Path) -> Path:
    """Three seconds at 10 Hz: a white square on black, which moves two pixels to the right in each frame."""
    with VideoWriter(path, size_wh=SIZE_WH, rate=Fraction(10)) as writer:
        for index in range(FRAMES):
            rgb = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8)
            rgb[24:40, square_x(index) : square_x(index) + 16] = 255
            writer.write(rgb, index / 10)
    return path


class Follower(SaliencyModel):
    """Looks are where it is bright; the gate is 0 on the right of that, else 1."""

    has_gate = True

    def __init__(self, name: str = "follower") -> None:
        self.name = name

    def stream(self, frames: Iterable[Frame], seconds: Any = None) -> Iterator[Prediction]:
        for frame in frames:
            bright = frame.rgb[::2, ::2, 0].astype(np.float32)
            density = np.where(bright > 128, 1, 0.01).astype(np.float32)
            density /= density.sum()
            flow = np.zeros((*density.shape, 2), np.float32)
            flow[bright > 128, 0] = 1  # of a field half as large as the frame
            gate = np.ones_like(density)
            gate[:, (square_x(frame.index) + 8) // 2 :] = 0
            yield Prediction(
                frame=frame,
                map_density=density,
                map_appearance=density,
                map_motion=density,
                map_gate=gate,
                flow=FlowField(flow),
                starts_shot=frame.index in (0, 20),
            )

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "weights": "none"}
