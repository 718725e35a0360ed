"""What the models without weights share: shots, flow, and the way from a saliency map to a density."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gfsalnet.flow import FlowEstimator, FlowStream
from gfsalnet.maps import to_density
from gfsalnet.models.base import SaliencyModel, StageSeconds, timed
from gfsalnet.types import RGB, FlowField, Frame, Prediction
from gfsalnet.video import ShotDetector, numbered_frames

FloatArray = NDArray[np.float64]
Shot: TypeAlias = "Callable[[RGB, FlowField | None], FloatArray]"
"""Given the frames of one shot in turn, (H, W, 3) uint8 of one size and the flow that leads to each if the model has an
estimator, gives the saliency (h, w) ≥ 0 of each; what it remembers ends with it."""

_FLAT = 1e-9
"""The share of its maximum by which rounding alone may make a map uneven."""


class ClassicalModel(SaliencyModel):
    """A model that nothing was learned for but the constants in its file. It runs on the CPU.

    Args:
        estimator: of optical flow, from the previous frame to this one. A model that does not need it only passes the
            flow on with its predictions. None: no flow.

    Raises:
        ValueError: if the model needs flow and there is no estimator.
    """

    needs_flow: ClassVar[bool] = False
    """Whether saliency depends on flow."""
    default_flow: ClassVar[str] = "dis"
    """The estimator's name where the user gives none."""
    constants: ClassVar[Mapping[str, Any]]
    """All numbers that the saliency depends on, as JSON values."""

    def __init__(self, estimator: FlowEstimator | None = None) -> None:
        if self.needs_flow and estimator is None:
            raise ValueError(f"{self.name} needs an optical flow estimator")
        self.estimator = estimator
        self.computes_flow = estimator is not None

    @abstractmethod
    def start_shot(self, size_hw: tuple[int, int]) -> Shot:
        """What predicts the frames of a new shot, all of `size_hw`."""

    def describe(self) -> dict[str, Any]:
        """Name, constants and flow settings."""
        about: dict[str, Any] = {"name": self.name, "constants": dict(self.constants), "flow": None}
        if self.estimator is not None:
            about["flow"] = {"estimator": self.estimator.name, **self.estimator.settings}
            about["flow_version"] = self.estimator.version
        return about

    def stream(self, frames: Iterable[Frame], seconds: StageSeconds | None = None) -> Iterator[Prediction]:
        """One prediction per frame; a cut, or a frame of another size, starts a new shot."""
        seconds = {} if seconds is None else seconds
        shots = ShotDetector()
        flow = FlowStream(self.estimator) if self.estimator is not None else None
        shot, size_hw = None, None
        for frame in numbered_frames(frames):
            # Asked for every frame, since the detector remembers those it has seen.
            starts_shot = shots.is_cut(frame.rgb) or frame.size_hw != size_hw
            with timed(seconds, "flow"):
                field = flow.push(frame, starts_shot) if flow is not None else None
            with timed(seconds, "saliency"):
                if shot is None or starts_shot:
                    shot, size_hw = self.start_shot(frame.size_hw), frame.size_hw
                density = to_density(shot(frame.rgb, field))
            yield Prediction(frame=frame, map_density=density, flow=field, starts_shot=starts_shot)


def min_max(values_HW: FloatArray) -> FloatArray:
    """(H, W) stretched to 0…1; all 0 where it is flat but for rounding.

    >>> min_max(np.array([[2.0, 3.0, 4.0]])), min_max(np.array([[5.0, 5.0]]))
    (array([[0. , 0.5, 1. ]]), array([[0., 0.]]))
    """
    low, high = float(values_HW.min()), float(values_HW.max())
    # Stretched, the rounding of a constant map would look like saliency.
    if high - low <= _FLAT * max(abs(low), abs(high)):
        return np.zeros_like(values_HW)
    return (values_HW - low) / (high - low)
