"""GFSalNet as a model: frames in, flow where the motion stream needs it, the network, densities out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.backends import Backend, MapArrays, Pictures, TorchBackend
from gfsalnet.errors import WeightsError
from gfsalnet.flow import FlowEstimator, FlowStream, flow_image, resize_flow
from gfsalnet.models.base import SaliencyModel
from gfsalnet.network import GFSalNet
from gfsalnet.types import RGB, FlowField, Frame, Map, Prediction
from gfsalnet.video import Resize, ShotDetector, fitted_size_hw, prefetch

_PREPARED = 2
"""Frames whose pictures may wait for the network: so that neither waits for the other."""


class GFSalNetModel(SaliencyModel):
    """The network of the paper, of either size, with one stream or two.

    Args:
        network: with its weights.
        name: what it is called in summaries.
        weights_hash: identifies the weights in summaries.
        estimator: of optical flow, from the previous frame to this one. Needed by a network with a motion stream;
            for any other the flow is only passed on with the predictions. None: no flow.
        trained_with: the estimator at whose size flow images are drawn, so that a speed has the colour that the network
            knows whatever the size of the field; None: that of the field.
        flow_scale_pixels: the speed that is drawn in full colour; None scales every frame by its fastest pixel.
        backend: what runs the network; None: PyTorch on the CPU.

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
        backend: Backend | None = None,
    ) -> None:
        super().__init__()
        if network.motion is not None and estimator is None:
            raise ValueError(f"{name} has a motion stream and needs an optical flow estimator")
        self.name, self.weights_hash = name, weights_hash
        self.backend = backend or TorchBackend(network)
        self.config = network.config
        self.estimator, self.flow_scale_pixels = estimator, flow_scale_pixels
        self._trained_with = trained_with or estimator
        self.input_size_hw = network.config.input_size_hw
        self.has_gate = network.config.streams == "both" and network.config.fusion == "gated"
        self.computes_flow = estimator is not None

    def describe(self) -> dict[str, Any]:
        """Name, weights, what runs them, and flow settings."""
        flow = None
        if self.estimator is not None:
            flow = {"estimator": self.estimator.name, **self.estimator.settings, "scale_pixels": self.flow_scale_pixels}
        return {
            "name": self.name,
            "weights": self.weights_hash,
            "streams": self.config.streams,
            "backend": self.backend.name,
            "flow": flow,
            "flow_version": self.estimator.version if self.estimator is not None else None,
        }

    def stream(self, frames: Iterable[Frame]) -> Iterator[Prediction]:
        """One prediction a frame; across a shot cut there is no flow.

        Flow and pictures of the next frames are made in a thread while the network is busy.

        Raises:
            WeightsError: if the network's output is not a number.
        """
        self.seconds = {"flow": 0.0, "network": 0.0}
        with closing(prefetch(self._prepared(frames), _PREPARED)) as prepared:
            for batch in _batches(prepared, self.backend.batch):
                with self._timed("network"):
                    maps = self.backend(_stacked(batch))
                for ready, own_maps in zip(batch, _each(maps), strict=True):
                    if not np.isfinite(own_maps.saliency).all():
                        problem = f"predicts values that are no numbers, first for frame {ready.frame.index}"
                        remedy = "Its weights are damaged or its training diverged: use others"
                        raise WeightsError(self.name, problem, remedy)
                    yield self._prediction(ready, own_maps)

    def pictures(self, frames: Iterable[Frame]) -> Iterator[Pictures]:
        """What the network's streams see of every frame, (h, w, 3) each: for calibration, and to look at."""
        self.seconds = {"flow": 0.0, "network": 0.0}
        for ready in self._prepared(frames):
            yield ready.pictures

    def _prepared(self, frames: Iterable[Frame]) -> Iterator[_Ready]:
        shots = ShotDetector()
        flow = FlowStream(self.estimator) if self.estimator is not None else None
        for position, frame in enumerate(frames):
            starts_shot = shots.is_cut(frame.rgb) or position == 0
            with self._timed("flow"):
                field = flow.push(frame, starts_shot) if flow is not None else None
                pictures = self._pictures(frame.rgb, field)
            yield _Ready(frame, field, starts_shot, pictures)

    def _pictures(self, rgb: RGB, field: FlowField | None) -> Pictures:
        """What the streams look at, (h, w, 3) each, at the network's size."""
        frame_size_hw = rgb.shape[0], rgb.shape[1]
        size_hw = height, width = self.config.input_size_hw
        if self.config.keep_aspect:
            size_hw = fitted_size_hw(frame_size_hw, height * width)
        pictures = []
        if self.config.streams != "motion":
            pictures.append(Resize(frame_size_hw, size_hw).apply(rgb))
        if self.config.streams != "appearance":
            assert field is not None
            assert self._trained_with is not None
            field = resize_flow(field, self._trained_with.field_size_hw(frame_size_hw))
            pictures.append(Resize(field.size_hw, size_hw).apply(flow_image(field, self.flow_scale_pixels)))
        return tuple(pictures)

    def _prediction(self, ready: _Ready, maps: MapArrays) -> Prediction:
        two_streams = self.has_gate
        return Prediction(
            frame=ready.frame,
            map_density=_density(maps.saliency),
            map_appearance=_density(maps.appearance) if two_streams and maps.appearance is not None else None,
            map_motion=_density(maps.motion) if two_streams and maps.motion is not None else None,
            map_gate=maps.gate,
            flow=ready.field,
            starts_shot=ready.starts_shot,
        )


@dataclass(frozen=True, eq=False)
class _Ready:
    """A frame with all that the network needs of it."""

    frame: Frame
    field: FlowField | None
    starts_shot: bool
    pictures: Pictures


def _batches(prepared: Iterator[_Ready], most: int) -> Iterator[list[_Ready]]:
    """Frames of one size, up to so many at a time."""
    batch: list[_Ready] = []
    for ready in prepared:
        if batch and ready.pictures[0].shape != batch[0].pictures[0].shape:
            yield batch
            batch = []
        batch.append(ready)
        if len(batch) == most:
            yield batch
            batch = []
    if batch:
        yield batch


def _stacked(batch: list[_Ready]) -> Pictures:
    return tuple(np.stack(of_stream) for of_stream in zip(*(ready.pictures for ready in batch), strict=True))


def _each(maps: MapArrays) -> Iterator[MapArrays]:
    """The maps of every frame of a batch, (h, w) each."""
    appearance, motion, gate = (None if of_all is None else of_all[:, 0] for of_all in maps[1:])
    for index, saliency in enumerate(maps.saliency[:, 0]):
        yield MapArrays(saliency, *(None if of_all is None else of_all[index] for of_all in (appearance, motion, gate)))


def _density(saliency_HW: NDArray[np.float32]) -> Map:
    """(h, w), sums to 1; a map without mass says nothing, so it becomes uniform."""
    total = float(saliency_HW.sum(dtype=np.float64))
    if total <= 0:
        return np.full(saliency_HW.shape, 1 / saliency_HW.size, np.float32)
    return (saliency_HW / total).astype(np.float32)
