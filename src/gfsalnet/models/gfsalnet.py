"""GFSalNet as a model: frames in, flow where the motion stream needs it, the network, densities out."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any, TypeVar

import numpy as np

from gfsalnet.backends import Backend, MapArrays, NetworkInputs
from gfsalnet.backends.base import StreamName
from gfsalnet.errors import WeightsError
from gfsalnet.flow import FlowEstimator, FlowStream, flow_image, resize_flow
from gfsalnet.flow.scene_motion import SceneMotion, SceneMotionStream
from gfsalnet.maps import FrameMaps, Map, resize_density, resize_map, to_density
from gfsalnet.models.base import SaliencyModel, StageSeconds, timed
from gfsalnet.models.interpolate import interpolate
from gfsalnet.models.memory import Timed, remembered
from gfsalnet.models.over_time import Kind, MapsOverTime, OverTime, density_of, log_of
from gfsalnet.network.config import NetworkConfig
from gfsalnet.types import RGB, FlowField, Frame, Prediction
from gfsalnet.video import ShotDetector, fitted_size_hw, numbered_frames, prefetch
from gfsalnet.video.geometry import quickly_resized, resize_rgb

log = logging.getLogger(__name__)

T = TypeVar("T")

_PREPARED = 1
"""Frames whose pictures may wait for the network: so that neither waits for the other."""
_MOST_WAITING = 32
"""Frames that wait for a full batch, with those between that the network skips."""


class GFSalNetModel(SaliencyModel):
    """The network of the paper, of either size, with one stream or two.

    Args:
        config: of the network.
        backend: what runs it.
        name: what it is called in summaries.
        weights_hash: identifies the weights in summaries.
        estimator: of optical flow, from the previous frame to this one. Needed by a network with a motion stream;
            for any other the flow is only passed on with the predictions. None: no flow.
        trained_with: the estimator at whose size flow images are drawn, so that a speed has the colour that the network
            knows whatever the size of the field; None: that of the field.
        flow_scale_pixels: the speed that is drawn in full colour; None scales every frame by its fastest pixel.
        every: predict every Nth frame of a shot, its first one included; the maps between are interpolated
            (`interpolate`), and their frames have no flow.
        over_time: what is done with the map of an appearance stream; None: nothing.
        centre_strength: of the centre that `over_time` knows; 1 is as fitted, 0 none.
        shown: the stream that is meant where `over_time` makes motion and fusion; None: the fused map.
        lookahead: how many later frames of the shot the memory of `over_time` takes in; each frame waits for them.

    Raises:
        ValueError: if the network or `over_time` has a motion stream and there is no estimator, `every` is under 1, or
            there is a lookahead without `over_time`.
    """

    reach_frames: float = 1  # flow leads from the frame before

    def __init__(
        self,
        config: NetworkConfig,
        backend: Backend,
        *,
        name: str,
        weights_hash: str,
        estimator: FlowEstimator | None = None,
        trained_with: FlowEstimator | None = None,
        flow_scale_pixels: float | None = None,
        every: int = 1,
        over_time: OverTime | None = None,
        centre_strength: float = 1.0,
        shown: StreamName | None = None,
        lookahead: int = 0,
    ) -> None:
        if every < 1:
            raise ValueError(f"every must be at least 1, not {every}")
        if lookahead and over_time is None:
            raise ValueError(f"{name} has no memory that could look ahead")
        sees_motion = over_time is not None and over_time.gate is not None
        if (config.streams != "appearance" or sees_motion) and estimator is None:
            raise ValueError(f"{name} has a motion stream and needs an optical flow estimator")
        self.name, self.weights_hash = name, weights_hash
        self.backend, self.config, self.every = backend, config, every
        self.estimator, self.flow_scale_pixels = estimator, flow_scale_pixels
        # Only its field size counts: with another estimator at work, speeds keep their colours.
        self._trained_with = trained_with or estimator
        self.input_size_hw = config.input_size_hw
        self.over_time, self.centre_strength, self.shown = over_time, centre_strength, shown
        self.has_gate = (config.streams == "both" and config.fusion == "gated") or (sees_motion and shown is None)
        self.reach_seconds = over_time.reach_seconds if over_time is not None else 0.0
        # Whether there is a second frame tells a picture from a video; a frame between two that are predicted waits.
        self.lookahead = lookahead
        self.lookahead_frames = max(lookahead, 0 if over_time is None else 1) + every - 1
        if every > 1:  # which frames are predicted is counted from the cut
            self.reach_frames = math.inf
        self.computes_flow = estimator is not None
        self.backend_name = backend.name
        flow = "no flow" if estimator is None else f"flow by {estimator.name} {estimator.settings}"
        log.info("model %s, weights %s, run by %s, %s", name, weights_hash, backend.name, flow)

    def describe(self) -> dict[str, Any]:
        """Name, weights, what runs them, and flow settings."""
        flow = None
        if self.estimator is not None:
            flow = {"estimator": self.estimator.name, **self.estimator.settings, "scale_pixels": self.flow_scale_pixels}
        return {
            "name": self.name,
            "weights": self.weights_hash,
            "streams": self.config.streams,
            "backend": self.backend_name,
            "every": self.every,
            "flow": flow,
            "flow_version": self.estimator.version if self.estimator is not None else None,
            **({} if self.over_time is None else self._over_time_settings(self.over_time)),
        }

    def _over_time_settings(self, how: OverTime) -> dict[str, Any]:
        shown, lookahead = self.shown or "fused", self.lookahead
        return {
            "over_time": how.digest,
            "centre_strength": self.centre_strength,
            "shown": shown,
            "lookahead": lookahead,
        }

    def stream(self, frames: Iterable[Frame], seconds: StageSeconds | None = None) -> Iterator[Prediction]:
        """One prediction per frame; across a shot cut there is no flow, but what was seen before it is remembered.

        A stream of one frame is a picture that stands still.

        Flow and pictures of the next frames are made in a thread while the network is busy.

        Raises:
            WeightsError: if the network's output is not a number.
        """
        seconds = {} if seconds is None else seconds
        # Closed also when the caller stops early: the thread would wait for ever to hand over the frame that it holds.
        with closing(prefetch(self._prepared(frames, seconds), _PREPARED)) as prepared:
            first: list[_Ready] = []
            read: Callable[[_Ready, FrameMaps], FrameMaps] = self._densities
            if self.over_time is not None:
                # Whether there is a second frame tells a picture from a video. No other model waits for it: a camera
                # may be slow to give one.
                first = list(islice(prepared, 2))
                if len(first) == 1:
                    yield self._of_picture(self.over_time, first[0], seconds)
                    return
                read = partial(self._fused, MapsOverTime(self.over_time, "video", self.centre_strength))
            predicted = self._predicted(chain(_drained(first), prepared), read, seconds)
            if self.over_time is not None:
                timed_maps = (Timed(r, r.frame.time_seconds, r.starts_shot, maps) for r, maps in predicted)
                means = remembered(timed_maps, self.over_time.memory, self.lookahead)
                # The stream is picked behind the memory: fused map, streams and gate are averaged alike.
                predicted = ((ready, maps and self._shown(maps)) for ready, maps in means)
            for ready, densities in interpolate(predicted, lambda ready: ready.starts_shot):
                yield self._prediction(ready, densities)

    def unread(self, frames: Iterable[Frame], kind: Kind) -> Iterator[Unread]:
        """For every frame that the network sees, its map before `over_time` reads it, and what moves in the frame.

        Args:
            frames: of a video, or pictures that have nothing to do with one another.
            kind: of pictures.
        """
        areas = self.over_time.still.areas if self.over_time is not None else (1.0,)
        seen: Iterator[tuple[_Ready, Map | None]]
        with closing(prefetch(self._prepared(frames, {}), _PREPARED)) as prepared:
            if kind == "still":
                seen = ((ready, self._looked_at(ready, areas)) for ready in prepared)
            else:
                seen = self._predicted(prepared, self._unread, {})
            for ready, density in seen:
                if density is not None:
                    yield Unread(ready.frame.index, ready.frame.time_seconds, density, ready.motion)

    def _predicted(
        self, prepared: Iterable[_Ready], read: Callable[[_Ready, FrameMaps], T], seconds: StageSeconds
    ) -> Iterator[tuple[_Ready, T | None]]:
        """Every frame, and what is read of the network's maps if it is one that the network sees."""
        for batch in _batches(prepared, self.backend.batch):
            seen = [ready for ready in batch if ready.pictures]
            with timed(seconds, "network"):
                # A batch may hold skipped frames alone.
                maps = _each(self.backend(_stacked(seen))) if seen else iter(())
            for ready in batch:
                yield ready, read(ready, next(maps)) if ready.pictures else None

    def _shown(self, fused: FrameMaps) -> FrameMaps:
        """The maps of the stream that is meant."""
        if self.shown == "motion":
            assert fused.motion is not None
            return FrameMaps(fused.motion, None, None, None)
        if self.shown == "appearance" or fused.gate is None:
            assert fused.appearance is not None
            return FrameMaps(fused.appearance, None, None, None)
        return fused

    def pictures(self, frames: Iterable[Frame]) -> Iterator[NetworkInputs]:
        """What the network's streams see of each frame that it predicts, (h, w, 3) each."""
        for ready in self._prepared(frames, {}):
            if ready.pictures:
                yield ready.pictures

    def _prepared(self, frames: Iterable[Frame], seconds: StageSeconds) -> Iterator[_Ready]:
        shots = ShotDetector()
        flow = self._flow_stream()
        since_predicted, size_hw = 0, (0, 0)
        for frame in numbered_frames(frames):
            starts_shot = shots.is_cut(frame.rgb) or frame.size_hw != size_hw
            # The first frame may be a picture that stands still: on photographs area means are a little better.
            quickly = self.over_time is not None and size_hw != (0, 0)
            size_hw = frame.size_hw
            # Counted from the cut: the first frame of a shot has maps, so none have to be carried over the cut.
            since_predicted = 0 if starts_shot else (since_predicted + 1) % self.every
            field: FlowField | None = None
            motion: SceneMotion | None = None
            pictures: NetworkInputs = ()
            with timed(seconds, "flow"):
                if since_predicted == 0:
                    if isinstance(flow, SceneMotionStream):
                        motion = flow.push(frame, starts_shot)
                        field = motion.field
                    elif flow is not None:
                        field = flow.push(frame, starts_shot)
                    pictures = self._pictures(frame.rgb, field, quickly)
                elif flow is not None:
                    # The next flow still leads from this frame: the network knows motion over one frame interval.
                    flow.skip(frame)
            yield _Ready(frame, field, starts_shot, pictures, motion)

    def _flow_stream(self) -> FlowStream | SceneMotionStream | None:
        gate = self.over_time.gate if self.over_time is not None else None
        if self.estimator is None:
            return None
        if gate is None:
            return FlowStream(self.estimator)
        return SceneMotionStream(self.estimator, gate.tau_seconds, gate.reach_seconds)

    def _pictures(self, rgb: RGB, field: FlowField | None, quickly: bool = False, area: float = 1.0) -> NetworkInputs:
        """What the streams look at, (h, w, 3) each: of the network's size, or of so many times its area."""
        frame_size_hw = rgb.shape[0], rgb.shape[1]
        size_hw = height, width = self.config.input_size_hw
        if self.config.keep_aspect:
            size_hw = fitted_size_hw(frame_size_hw, round(area * height * width))
        pictures = []
        if self.config.streams != "motion":
            pictures.append(quickly_resized(rgb, size_hw) if quickly else resize_rgb(rgb, size_hw))
        if self.config.streams != "appearance":
            assert field is not None
            assert self._trained_with is not None
            # To the size of the fields in training: the colours of a flow image go by pixels of the field.
            field = resize_flow(field, self._trained_with.field_size_hw(frame_size_hw))
            pictures.append(resize_rgb(flow_image(field, self.flow_scale_pixels), size_hw))
        return tuple(pictures)

    def _densities(self, ready: _Ready, maps: FrameMaps) -> FrameMaps:
        """The maps with a sum of 1 each, the gate as it is; those of the streams only beside a gate.

        Raises:
            WeightsError: if they hold what is no number.
        """
        self._check(ready, maps)
        appearance, motion = (
            to_density(of_stream) if self.has_gate and of_stream is not None else None
            for of_stream in (maps.appearance, maps.motion)
        )
        return FrameMaps(to_density(maps.saliency), appearance, motion, maps.gate)

    def _unread(self, ready: _Ready, maps: FrameMaps) -> Map:
        """The map that `over_time` reads: at half its size, as its cells are larger still; its sum is 1.

        Raises:
            WeightsError: if it holds what is no number.
        """
        self._check(ready, maps)
        height, width = maps.saliency.shape
        return to_density(resize_map(maps.saliency, (height // 2, width // 2)))

    def _of_picture(self, over_time: OverTime, ready: _Ready, seconds: StageSeconds) -> Prediction:
        """What is predicted of a picture that stands still."""
        with timed(seconds, "network"):
            density = self._looked_at(ready, over_time.still.areas)
        maps = MapsOverTime(over_time, "still", self.centre_strength).fused(density, ready.motion)
        return self._prediction(ready, self._shown(maps))

    def _looked_at(self, ready: _Ready, areas: Sequence[float]) -> Map:
        """The mean of what the network says when it sees a picture so large, every second time mirrored."""
        log_maps: list[Map] = []
        for number, area in enumerate(areas):
            # -1 turns columns around, both of the picture and of what is said of it.
            way = -1 if number % 2 else 1
            pictures = self._pictures(ready.frame.rgb, ready.field, area=area)
            seen = tuple(np.ascontiguousarray(picture[None, :, ::way]) for picture in pictures)
            density = self._unread(ready, next(_each(self.backend(seen))))
            if log_maps:
                density = resize_density(density, log_maps[0].shape)
            log_maps.append(log_of(density[:, ::way]))
        return density_of(np.mean(log_maps, 0))

    def _fused(self, over_time: MapsOverTime, ready: _Ready, maps: FrameMaps) -> FrameMaps:
        return over_time.fused(self._unread(ready, maps), ready.motion)

    def _check(self, ready: _Ready, maps: FrameMaps) -> None:
        if not np.isfinite(maps.saliency.sum()):  # the values are ≥ 0: no sum hides one that is no number
            problem = f"predicts values that are no numbers, first for frame {ready.frame.index}"
            raise WeightsError(self.name, problem, "Its weights are damaged or its training diverged: use others")

    def _prediction(self, ready: _Ready, densities: FrameMaps) -> Prediction:
        return Prediction(
            frame=ready.frame,
            map_density=densities.saliency,
            map_appearance=densities.appearance,
            map_motion=densities.motion,
            map_gate=densities.gate,
            flow=ready.field,
            flow_against_scene=None if ready.motion is None else ready.motion.left,
            starts_shot=ready.starts_shot,
            carried_seconds=() if ready.motion is None else ready.motion.carried_seconds,
        )


@dataclass(frozen=True, eq=False)
class Unread:
    """What `MapsOverTime` is given of a frame."""

    index: int
    time_seconds: float
    density: Map
    motion: SceneMotion | None


@dataclass(frozen=True, eq=False)
class _Ready:
    """A frame with all that the network needs of it; without pictures if the network is to skip it."""

    frame: Frame
    field: FlowField | None
    starts_shot: bool
    pictures: NetworkInputs
    motion: SceneMotion | None = None
    """What moves in it against the scene, where that is asked for."""


def _drained(items: list[_Ready]) -> Iterator[_Ready]:
    """All of them, none of which is held afterwards."""
    while items:
        yield items.pop(0)


def _batches(prepared: Iterable[_Ready], most: int) -> Iterator[list[_Ready]]:
    """Frames in order, up to so many of one size for the network at a time, and those that it skips."""
    batch: list[_Ready] = []
    pictures: list[NetworkInputs] = []
    for ready in prepared:
        if ready.pictures and pictures and ready.pictures[0].shape != pictures[0][0].shape:
            yield batch  # one array holds pictures of one size only
            batch, pictures = [], []
        batch.append(ready)
        if ready.pictures:
            pictures.append(ready.pictures)
        if len(pictures) == most or len(batch) == _MOST_WAITING:
            yield batch
            batch, pictures = [], []
    if batch:
        yield batch


def _stacked(batch: list[_Ready]) -> NetworkInputs:
    if len(batch) == 1:
        return tuple(picture[None] for picture in batch[0].pictures)  # nothing is copied
    return tuple(np.stack(of_stream) for of_stream in zip(*(ready.pictures for ready in batch), strict=True))


def _each(maps: MapArrays) -> Iterator[FrameMaps]:
    """The maps of each frame of a batch, (h, w) each and not yet normalised."""
    appearance, motion, gate = (None if of_all is None else of_all[:, 0] for of_all in maps[1:])
    for index, saliency in enumerate(maps.saliency[:, 0]):
        yield FrameMaps(saliency, *(None if of_all is None else of_all[index] for of_all in (appearance, motion, gate)))
