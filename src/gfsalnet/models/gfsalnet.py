"""GFSalNet as a model: frames in, flow where the motion stream needs it, the network, densities out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gfsalnet.errors import WeightsError
from gfsalnet.flow import FlowEstimator, FlowStream, flow_image, resize_flow
from gfsalnet.models.base import SaliencyModel
from gfsalnet.network import GFSalNet
from gfsalnet.network.gfsalnet import Maps
from gfsalnet.types import RGB, FlowField, Frame, Map, Prediction
from gfsalnet.video import Resize, ShotDetector, fitted_size_hw


class GFSalNetModel(SaliencyModel):
    """The network of the paper, of either size, with one stream or two.

    Args:
        network: with its weights; moved to `device` and set to evaluation.
        name: what it is called in summaries.
        weights_hash: identifies the weights in summaries.
        estimator: of optical flow, from the previous frame to this one. Needed by a network with a motion stream;
            for any other the flow is only passed on with the predictions. None: no flow.
        trained_with: the estimator at whose size flow images are drawn, so that a speed has the colour that the network
            knows whatever the size of the field; None: that of the field.
        flow_scale_pixels: the speed that is drawn in full colour; None scales every frame by its fastest pixel.
        device: where the network runs.

    Raises:
        ValueError: if the network has a motion stream and there is no estimator.
    """

    frames_back = 1

    def __init__(
        self,
        network: GFSalNet,
        *,
        name: str,
        weights_hash: str,
        estimator: FlowEstimator | None = None,
        trained_with: FlowEstimator | None = None,
        flow_scale_pixels: float | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        if network.motion is not None and estimator is None:
            raise ValueError(f"{name} has a motion stream and needs an optical flow estimator")
        self.name, self.weights_hash = name, weights_hash
        self.network = network.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # documented, not in the stub
        self.estimator, self.flow_scale_pixels = estimator, flow_scale_pixels
        self._trained_with = trained_with or estimator
        self.device = torch.device(device)
        self.input_size_hw = network.config.input_size_hw
        self.has_gate = network.config.streams == "both" and network.config.fusion == "gated"
        self.computes_flow = estimator is not None

    def describe(self) -> dict[str, Any]:
        """Name, weights and flow settings."""
        flow = None
        if self.estimator is not None:
            flow = {"estimator": self.estimator.name, **self.estimator.settings, "scale_pixels": self.flow_scale_pixels}
        return {
            "name": self.name,
            "weights": self.weights_hash,
            "streams": self.network.config.streams,
            "flow": flow,
            "flow_version": self.estimator.version if self.estimator is not None else None,
        }

    def stream(self, frames: Iterable[Frame]) -> Iterator[Prediction]:
        """One prediction a frame; across a shot cut there is no flow.

        Raises:
            WeightsError: if the network's output is not a number.
        """
        self.seconds = {"flow": 0.0, "network": 0.0}
        shots = ShotDetector()
        flow = FlowStream(self.estimator) if self.estimator is not None else None
        for position, frame in enumerate(frames):
            starts_shot = shots.is_cut(frame.rgb) or position == 0
            with self._timed("flow"):
                field = flow.push(frame, starts_shot) if flow is not None else None
            with self._timed("network"):
                maps = self._maps(frame.rgb, field)
            if not torch.isfinite(maps.saliency).all():
                problem = f"predicts values that are no numbers, first for frame {frame.index}"
                raise WeightsError(self.name, problem, "Its weights are damaged or its training diverged: use others")
            yield _prediction(frame, maps, field, starts_shot, self.has_gate)

    @torch.inference_mode()
    def _maps(self, rgb: RGB, field: FlowField | None) -> Maps:
        config = self.network.config
        height, width = config.input_size_hw
        size_hw = (height, width)
        if config.keep_aspect:
            size_hw = fitted_size_hw((rgb.shape[0], rgb.shape[1]), height * width)
        motion = None
        if config.streams != "appearance" and field is not None and self._trained_with is not None:
            field = resize_flow(field, self._trained_with.field_size_hw((rgb.shape[0], rgb.shape[1])))
            motion = self._tensor(flow_image(field, self.flow_scale_pixels), size_hw)
        appearance = self._tensor(rgb, size_hw) if config.streams != "motion" else None
        maps: Maps = self.network(appearance, motion)
        return maps

    def _tensor(self, rgb: RGB, size_hw: tuple[int, int]) -> Tensor:
        """(1, 3, h, w) in 0…1 on the device, channels last in memory."""
        resized = Resize((rgb.shape[0], rgb.shape[1]), size_hw).apply(rgb)
        return torch.from_numpy(resized).to(self.device).permute(2, 0, 1)[None].float() / 255


def _prediction(frame: Frame, maps: Maps, field: FlowField | None, starts_shot: bool, two_streams: bool) -> Prediction:
    return Prediction(
        frame=frame,
        map_density=_density(maps.saliency),
        map_appearance=_density(maps.appearance) if two_streams and maps.appearance is not None else None,
        map_motion=_density(maps.motion) if two_streams and maps.motion is not None else None,
        map_gate=maps.gate[0, 0].float().cpu().numpy() if maps.gate is not None else None,
        flow=field,
        starts_shot=starts_shot,
    )


def _density(saliency_B1HW: Tensor) -> Map:
    """(h, w), sums to 1; a map without mass says nothing, so it becomes uniform."""
    saliency = saliency_B1HW[0, 0].double()
    total = saliency.sum()
    density = saliency / total if total > 0 else torch.full_like(saliency, 1 / saliency.numel())
    return np.asarray(density.float().cpu().numpy())
