"""A model made by code: viewers follow a bright square, and motion is trusted on its right half."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from gfsalnet.models import SaliencyModel
from gfsalnet.types import Frame, Prediction

SIZE_WH = (96, 64)
FRAMES = 30


def square_x(index: int) -> int:
    """Left edge of the square, which moves to the right."""
    return 8 + 2 * index


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
            gate = np.ones_like(density)
            gate[:, (square_x(frame.index) + 8) // 2 :] = 0
            yield Prediction(
                frame=frame,
                map_density=density,
                map_appearance=density,
                map_motion=density,
                map_gate=gate,
                starts_shot=frame.index in (0, 20),
            )

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "weights": "none"}
