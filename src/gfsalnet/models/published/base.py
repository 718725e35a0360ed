"""What the published models share: shots, frames held back for a look ahead, strict weights, densities."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, groupby
from typing import Any, ClassVar, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gfsalnet.errors import WeightsError
from gfsalnet.flow import FlowEstimator, FlowStream
from gfsalnet.maps import to_density
from gfsalnet.models.base import SaliencyModel, StageSeconds, timed
from gfsalnet.models.classical.base import FloatArray
from gfsalnet.network.weights import State, load_strictly
from gfsalnet.types import RGB, FlowField, Frame, Prediction
from gfsalnet.video import ShotDetector, numbered_frames

Official: TypeAlias = "Mapping[str, NDArray[Any]]"
"""Arrays of an official weights file, under its own names and in its own layout."""
FrameAndFlow: TypeAlias = "tuple[RGB, FlowField | None]"
"""A frame (H, W, 3) and the flow that leads to it, where the model has an estimator."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of red, green and blue in 0…1, by which networks that start from PyTorch's ImageNet
weights see colours."""


class PublishedModel(SaliencyModel):
    """A published network, with its own way of looking at frames.

    Args:
        state: the network's weights under the names of `make_network`.
        weights_hash: identifies them in summaries.
        device: where the network runs.
        estimator: of optical flow, from the previous frame to this one. A model that does not need it only passes the
            flow on with its predictions. None: no flow.
        settings: those of `default_settings` that are to differ.

    Raises:
        ValueError: if the model needs flow and there is no estimator.
        WeightsError: if the weights are of another architecture; or a setting is unknown or no positive number.
    """

    needs_flow: ClassVar[bool] = False
    """Whether saliency depends on flow."""
    default_flow: ClassVar[str] = "dis"
    """The estimator's name where the user gives none."""
    default_settings: ClassVar[Mapping[str, float]] = {}
    """What a user may choose about the model, positive numbers; kept in `config.json` beside the converted weights."""

    def __init__(
        self,
        state: State,
        *,
        weights_hash: str,
        device: torch.device | str = "cpu",
        estimator: FlowEstimator | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = self.checked_settings(settings or {})
        if self.needs_flow and estimator is None:
            raise ValueError(f"{self.name} needs an optical flow estimator")
        self.weights_hash, self.estimator = weights_hash, estimator
        self.computes_flow = estimator is not None
        self.device = torch.device(device)
        # Made with random weights and loaded strictly: a layer without weights is an error, never a random layer.
        network = self.make_network()
        load_strictly(network, state, self.name)
        self.network = network.eval().to(self.device)

    @classmethod
    def checked_settings(cls, chosen: Mapping[str, Any]) -> dict[str, float]:
        """All settings, those chosen among them.

        Raises:
            WeightsError: if one is unknown, or no positive number.
        """
        for name, value in chosen.items():
            if name not in cls.default_settings:
                known = ", ".join(cls.default_settings) or "none"
                raise WeightsError(cls.name, f"has no setting {name}", f"Its settings: {known}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise WeightsError(cls.name, f"{name} is {value!r}, no positive number", "Give one, such as 1")
        return {**cls.default_settings, **{name: float(value) for name, value in chosen.items()}}

    @classmethod
    @abstractmethod
    def make_network(cls) -> nn.Module:
        """The architecture, randomly initialised; parameter names are the official ones where those are PyTorch's."""

    @classmethod
    @abstractmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        """Names and layout of the official weights → those of `make_network`, as copies or views.

        What does not fit is passed on, so that it is reported.

        Raises:
            WeightsError: if the file cannot be of this model at all.
        """

    @abstractmethod
    def predict_shot(self, pictures: Iterator[FrameAndFlow]) -> Iterator[FloatArray]:
        """One map (h, w) ≥ 0, of any scale, for every picture of one shot, in order.

        May take as many pictures ahead of its maps as `lookahead_frames` says. Runs in inference mode.
        """

    def describe(self) -> dict[str, Any]:
        """Name, weights, settings where there are any, and those of the flow."""
        about: dict[str, Any] = {"name": self.name, "weights": self.weights_hash, **self.settings, "flow": None}
        if self.estimator is not None:
            about["flow"] = {"estimator": self.estimator.name, **self.estimator.settings}
            about["flow_version"] = self.estimator.version
        return about

    @torch.inference_mode()
    def stream(self, frames: Iterable[Frame], seconds: StageSeconds | None = None) -> Iterator[Prediction]:
        """One prediction per frame; a cut, or a frame of another size, starts a new shot.

        Raises:
            WeightsError: if the network's output is not a number.
        """
        seconds = {} if seconds is None else seconds
        for _, shot in groupby(_numbered_by_shot(numbered_frames(frames)), key=lambda numbered: numbered[0]):
            yield from self._stream_shot((frame for _, frame in shot), seconds)

    def _stream_shot(self, shot: Iterator[Frame], seconds: StageSeconds) -> Iterator[Prediction]:
        waiting: deque[tuple[Frame, FlowField | None]] = deque()
        # What `predict_shot` takes ahead waits here for its map; maps come in the order of the frames.
        maps = self.predict_shot(self._pictures(shot, waiting, seconds))
        for number in count():
            with timed(seconds, "network"):
                saliency = next(maps, None)
            if saliency is None:
                return
            frame, field = waiting.popleft()
            # Weights of another architecture are refused by name and shape; values that overflow show only in the maps.
            if not np.isfinite(saliency).all():
                problem = f"predicts values that are no numbers, first for frame {frame.index}"
                raise WeightsError(self.name, problem, "Its weights are damaged: convert or download them again")
            yield Prediction(frame=frame, map_density=to_density(saliency), flow=field, starts_shot=number == 0)

    def _pictures(
        self, shot: Iterator[Frame], waiting: deque[tuple[Frame, FlowField | None]], seconds: StageSeconds
    ) -> Iterator[FrameAndFlow]:
        """The shot's frames with their flow; each also joins those that wait for their map."""
        # One for each shot, so that flow never leads over a cut.
        flow = FlowStream(self.estimator) if self.estimator is not None else None
        while True:
            began = time.perf_counter()
            frame = next(shot, None)
            if frame is not None:
                with timed(seconds, "flow"):
                    field = flow.push(frame, starts_shot=False) if flow is not None else None
            # The network's clock runs while the network waits for this.
            seconds["network"] = seconds.get("network", 0.0) - (time.perf_counter() - began)
            if frame is None:
                return
            waiting.append((frame, field))
            yield frame.rgb, field


def _numbered_by_shot(frames: Iterable[Frame]) -> Iterator[tuple[int, Frame]]:
    """Each frame with the number of its shot."""
    # The detector sees every frame, also where the size changes, because it compares with the frames before.
    shots, number, size_hw = ShotDetector(), 0, None
    for frame in frames:
        is_cut = shots.is_cut(frame.rgb)
        if size_hw is not None and (is_cut or frame.size_hw != size_hw):
            number += 1
        size_hw = frame.size_hw
        yield number, frame


def with_counters(state: Official) -> dict[str, NDArray[Any]]:
    """A state whose batch-norms all count their batches, which no network with a momentum ever reads.

    Files of other frameworks lack the count, as do those of PyTorch before 0.4.1.
    """
    suffix = "running_var"
    counters = {
        f"{name.removesuffix(suffix)}num_batches_tracked": np.zeros((), np.int64)
        for name in state
        if name.endswith(suffix)
    }
    return {**counters, **state}
