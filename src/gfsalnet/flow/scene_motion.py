"""What moves against the scene, averaged over a short time, independent of the frame rate.

Speeds are pixels of a picture 320 wide per 1/25 s. Each frame is compared with the one about that long before, so that
24, 30 and 60 frames per second give the same values for the same motion. A frame that repeats its predecessor is
skipped; its time counts towards the motion after it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.flow.camera import REFERENCE_WIDTH, against_scene, camera_motion, speed
from gfsalnet.flow.dis import DISFlow
from gfsalnet.flow.estimator import FlowEstimator, zero_flow
from gfsalnet.flow.precomputed import PrecomputedFlow
from gfsalnet.maps import Map, weighted_sum
from gfsalnet.types import RGB, FlowField, Frame

INTERVAL_SECONDS = 0.04
"""The unit of time of speeds, and about the time between two frames that are compared."""
_SHORT_SECONDS, _SHORT_REACH_SECONDS = 0.1, 0.2
"""The shorter exponential mean over time, and how far it reaches."""
_ROUNDING = 1e-6
"""Seconds: times of frames are sums of fractions."""
_LONGEST_SECONDS = 0.5
"""The longest time between two frames that are compared."""
_SMOOTH_PIXELS = 6.0
"""Sigma of the smoothing of speeds, in pixels of `REFERENCE_WIDTH`."""
_REPEATED_LEVELS = 6
"""Largest change of any value, in grey levels, up to which a frame repeats its predecessor: the work of a codec."""
_MAP_WIDTH = 80
"""Width in pixels of the maps that are kept: smoothed maps hold no finer detail."""


@dataclass(frozen=True, eq=False)
class SceneMotion:
    """Motion in one frame and shortly before it."""

    residual: Map
    """(h, w): smoothed speed against the scene."""
    short: Map
    """(h, w): the same over a shorter time: where motion begins it is the larger one."""
    camera_speed: float
    """Mean over the picture of the camera's own speed."""
    inlier_share: float
    """Share of the picture that moves with the camera; 1 if nothing is known."""
    field: FlowField
    """The flow to the later frame of the newest pair; zero if nothing is known."""
    left: FlowField
    """The same with the camera's motion taken out."""
    carried_seconds: tuple[float, ...] = ()
    """Times of all earlier frames that what comes next is computed from."""

    @property
    def mean_residual(self) -> float:
        """Mean of the residual speed: the law of the gate depends on it."""
        return float(self.residual.mean())


@dataclass(eq=False)
class _Seen:
    time_seconds: float
    rgb: RGB
    grey: NDArray[np.uint8] | None = None
    """What DIS sees of it, once that is known."""


@dataclass(frozen=True)
class _Measured:
    """One pair of frames."""

    until_seconds: float
    seconds: float
    residual: Map
    """Speed against the scene."""
    camera_speed: float
    inlier_share: float


class SceneMotionStream:
    """Scene motion for every frame of a stream as it comes.

    Args:
        estimator: of the flow between two frames, or flow that was computed elsewhere.
        tau_seconds: of the exponential mean over time.
        reach_seconds: older pairs have no influence.
    """

    def __init__(self, estimator: FlowEstimator, tau_seconds: float = 0.3, reach_seconds: float = 0.5) -> None:
        self.estimator, self.tau_seconds, self.reach_seconds = estimator, tau_seconds, reach_seconds
        self._seen: deque[_Seen] = deque()
        self._measured: deque[_Measured] = deque()
        self._fields: tuple[FlowField, FlowField] | None = None
        self._fields_seconds = 0.0
        self._now_seconds = -np.inf

    def push(self, frame: Frame, starts_shot: bool) -> SceneMotion:
        """What moves in this frame against the scene.

        Args:
            frame: the next of the stream; its pixels must not be written to afterwards.
            starts_shot: whether the frame starts a new shot.
        """
        before_seconds, seen = self._now_seconds, _Seen(self._time_of(frame), frame.rgb)
        self._now_seconds = seen.time_seconds
        if starts_shot or (self._seen and self._seen[-1].rgb.shape != frame.rgb.shape):
            self._seen.clear()
            self._measured.clear()
        # The start of a shot: nothing is known to move until there is a pair.
        if not self._seen:
            self._fields = (zero_flow(self.estimator.field_size_hw(frame.size_hw)),) * 2
            self._fields_seconds = 0.0
        # 24 frames per second shown at 30 repeat every fifth; counted as stillness they would lower the speed.
        if self._seen and _is_repeated(self._seen[-1], seen):
            return self._over_time(seen.time_seconds)
        if self._seen:
            self._measure(self._before(seen), seen, before_seconds, frame.index)
        self._seen.append(seen)
        return self._over_time(seen.time_seconds)

    def skip(self, frame: Frame) -> None:
        """Remember a frame whose motion is not needed, since the next may be compared with it."""
        seen = _Seen(self._time_of(frame), frame.rgb)
        self._now_seconds = seen.time_seconds
        if self._seen and not _is_repeated(self._seen[-1], seen):
            self._seen.append(seen)

    def _time_of(self, frame: Frame) -> float:
        """The frame's time; frames without one follow each other at `INTERVAL_SECONDS`."""
        last = self._now_seconds
        return frame.time_seconds if frame.time_seconds > last else last + INTERVAL_SECONDS

    def _before(self, seen: _Seen) -> _Seen:
        """The earlier frame whose distance is nearest to the interval; older ones are forgotten."""
        # Its files lead from one frame to the next, whatever the time between them.
        if isinstance(self.estimator, PrecomputedFlow):
            return self._seen[-1]
        # Later frames are only ever compared with this one or newer ones.
        best = min(self._seen, key=lambda s: abs(seen.time_seconds - s.time_seconds - INTERVAL_SECONDS))
        while self._seen[0] is not best:
            self._seen.popleft()
        return best

    def _measure(self, before: _Seen, seen: _Seen, last_seconds: float, index: int) -> None:
        seconds = seen.time_seconds - before.time_seconds
        if seconds > _LONGEST_SECONDS:  # the picture stood still for long, or the frame rate is low
            seconds = seen.time_seconds - last_seconds
        # Too long without a frame to say what moved: the means go on without this pair.
        if seconds > _LONGEST_SECONDS:
            return
        if isinstance(self.estimator, PrecomputedFlow):
            field = self.estimator.leading_to(index)
        else:
            field = self._flow(before, seen)
        camera = camera_motion(field)
        left = against_scene(field, camera)
        self._fields, self._fields_seconds = (field, left), seen.time_seconds
        # From pixels per pair to pixels per unit of time.
        unit = np.float32(INTERVAL_SECONDS / seconds)
        of_camera = camera.speed(field.size_hw) * float(unit)
        residual = _small(speed(left)) * unit
        self._measured.append(_Measured(seen.time_seconds, seconds, residual, of_camera, camera.inlier_share))

    def _flow(self, before: _Seen, seen: _Seen) -> FlowField:
        if not isinstance(self.estimator, DISFlow):
            return self.estimator(before.rgb, seen.rgb)
        # Grey pictures are kept with their frames: each frame is the later one of a pair, and then the earlier one.
        before.grey = self.estimator.grey(before.rgb) if before.grey is None else before.grey
        seen.grey = self.estimator.grey(seen.rgb)
        return self.estimator.between(before.grey, seen.grey)

    def _over_time(self, now_seconds: float) -> SceneMotion:
        """Means over the reach, and over a shorter time."""
        assert self._fields is not None
        # Times are sums of fractions: one that is just at the reach is to be out of it at every frame rate.
        while self._measured and self._measured[0].until_seconds < now_seconds - self.reach_seconds + _ROUNDING:
            self._measured.popleft()
        pairs = list(self._measured)
        # Whoever cuts a video into segments learns from it how far back this frame looks.
        carried = (self._fields_seconds, *(seen.time_seconds for seen in self._seen), *(p.until_seconds for p in pairs))
        if not pairs:
            nothing = _small(np.zeros(self._fields[0].size_hw, np.float32))
            return SceneMotion(nothing, nothing, 0.0, 1.0, *self._fields, carried)
        # At low frame rates the short reach may hold no pair: the newest one then stands for it.
        newest = [p for p in pairs if p.until_seconds > now_seconds - _SHORT_REACH_SECONDS + _ROUNDING] or pairs[-1:]
        weights = _weights(pairs, self.tau_seconds)
        residual, short = _mean(pairs, weights), _mean(newest, _weights(newest, _SHORT_SECONDS))
        camera, share = (
            float(weights @ [getattr(p, name) for p in pairs]) for name in ("camera_speed", "inlier_share")
        )
        return SceneMotion(residual, short, camera, share, *self._fields, carried)


def _weights(pairs: list[_Measured], tau_seconds: float) -> NDArray[np.float64]:
    """(N,), sum to 1: a pair counts by the time that it spans and by its age."""
    # Relative to the newest pair: exponentials of absolute times would underflow.
    newest = pairs[-1].until_seconds
    weights = np.array([p.seconds * math.exp((p.until_seconds - newest) / tau_seconds) for p in pairs])
    return np.asarray(weights / weights.sum())


def _mean(pairs: list[_Measured], weights: NDArray[np.float64]) -> Map:
    return weighted_sum([pair.residual for pair in pairs], weights.tolist())


def _is_repeated(before: _Seen, seen: _Seen) -> bool:
    # The largest difference and not the mean: something small that moves must not count as a repetition.
    return cv2.norm(before.rgb, seen.rgb, cv2.NORM_INF) <= _REPEATED_LEVELS


def _small(speed_HW: Map) -> Map:
    """(h, w): the map reduced to `_MAP_WIDTH` and smoothed."""
    height, width = speed_HW.shape
    size_wh = _MAP_WIDTH, max(round(_MAP_WIDTH * height / width), 1)
    small = cv2.resize(speed_HW, size_wh, interpolation=cv2.INTER_AREA)
    sigma = _SMOOTH_PIXELS * _MAP_WIDTH / REFERENCE_WIDTH
    return np.asarray(cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101), np.float32)
