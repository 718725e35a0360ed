"""A model, a flow estimator and a dataset, as small as they can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from gfsalnet.gaze import FrameGaze, GazeDataset
from gfsalnet.maps import to_density
from gfsalnet.models import SaliencyModel
from gfsalnet.types import RGB, Fixations, FlowField, Frame, Prediction


class BrightnessModel(SaliencyModel):
    """Viewers look where it is bright."""

    name = "brightness"
    input_size_hw = (48, 64)

    def __init__(self, *, device: str = "cpu") -> None:
        self.device = device

    def describe(self) -> dict[str, Any]:
        return {"name": self.name}

    def stream(self, frames: Iterable[Frame], seconds: dict[str, float] | None = None) -> Iterator[Prediction]:
        for frame in frames:
            yield Prediction(frame=frame, map_density=to_density(frame.rgb.mean(axis=2)))


class StillFlow:
    """Nothing moves."""

    name = "still"
    version = "1"

    def __init__(self, scale: float = 1.0) -> None:
        self.settings: Mapping[str, object] = {"scale": scale}

    def field_size_hw(self, frame_size_hw: tuple[int, int]) -> tuple[int, int]:
        return frame_size_hw

    def __call__(self, previous_rgb: RGB, current_rgb: RGB) -> FlowField:
        return FlowField(np.zeros((*current_rgb.shape[:2], 2), np.float32))


class OnePicture(GazeDataset):
    """One grey picture, at whose middle one viewer looked."""

    name = "one-picture"
    kind = "image"
    splits = ("all",)
    default_split = "all"
    layout = "ROOT, whatever is in it"

    @property
    def videos(self) -> list[str]:
        return ["grey"]

    def frames(self, video: str) -> Iterator[Frame]:
        yield Frame(np.full((48, 64, 3), 128, np.uint8))

    def gaze(self, video: str) -> list[FrameGaze]:
        return [FrameGaze(index=0, fixations=Fixations(x=[31.5], y=[23.5], size_wh=(64, 48)))]

    def sigma_pixels(self, video: str) -> float:
        return 4.0
