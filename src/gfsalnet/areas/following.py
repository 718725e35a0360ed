"""Areas that move with what they were drawn on: by optical flow, forwards and back.

After the median-flow tracker of Kalal, Mikolajczyk and Matas ("Forward-backward error", ICPR 2010), on the dense flow
of DIS: points in the area go along with the flow to the next frame and with that frame's own flow back. The half of
them that come back nearest to where they began tell how the area has moved; how far off they end is its error.

A box around a person holds more scenery than person: if some of an area moves against what is around it, only that
part tells where it goes. An area that moves as a whole also grows with its points, and is laid where it looks most like
it did at its last keyframe, if that is near (`Template`): steps alone would drift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.areas.area import TIME_TOLERANCE_SECONDS, Area, Corners
from gfsalnet.areas.shapes import holds
from gfsalnet.areas.template import Template
from gfsalnet.flow import DISFlow
from gfsalnet.types import RGB, FlowField, Frame
from gfsalnet.video import ShotDetector

LEAST_FLOW_PIXELS, MOST_FLOW_PIXELS = 320 * 240, 640 * 480
"""The flow is estimated at four times the frame's pixels within these limits: areas may be small."""
POINTS_A_SIDE = 16
"""Points on each side of the grid over the box around an area."""
FEWEST_POINTS = 4
AROUND = 1.8
"""Width and height of what lies around an area, relative to the area's own."""
REACH = 1.3
"""The same of where the moving part of an area is looked for: a little beyond it."""
PULL = 0.3
"""How much of its way off the middle of the moving part an area is brought back in each frame."""
MOVES_PIXELS = 0.5
"""Pixels of the flow's own size per frame: what moves faster against the surroundings is no scenery."""
LEAST_PART, WHOLE_PART = 0.12, 0.6
"""Parts of an area that move against its surroundings: from the first on they alone count, from the second on it moves
as a whole."""
PAIRS = 200
"""Pairs of points whose distances tell how the area has grown."""
MOST_GROWTH = 0.1
"""Largest change of size from frame to frame, either way: more is a mistake."""
LOST_SHARE = 0.1
"""An area is lost where its error is more than this part of its shorter side …"""
LEAST_LOST_PIXELS = 1.5
"""… and more than this many pixels of the flow's own size: a flow is no more exact."""

State = Literal["drawn", "followed", "lost"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Place:
    """Where an area is in one frame."""

    state: State
    corners: Corners | None
    """(K, 2) pixels of the frame; None where the area is lost."""
    error_pixels: float | None = None
    """Median forward-backward error of the step to this frame, in pixels of the frame; None where it is drawn."""


class Follower:
    """Takes the frames of a video in order, and says where each area is.

    At each of its keyframes an area stands where it was drawn, and from there it is followed. Once it is lost, or after
    a cut, it stays lost until its next keyframe.

    Args:
        areas: as they were drawn.
        size_wh: width and height of the frames in pixels.
    """

    def __init__(self, areas: Sequence[Area], size_wh: tuple[int, int]) -> None:
        self._areas, self._size_wh = areas, size_wh
        self._flow, self._shots = DISFlow(size_wh=_flow_size_wh(size_wh)), ShotDetector()
        # State of the frame before; each list has an entry for each area, None where it has none.
        self._before: RGB | None = None
        self._before_seconds = -np.inf
        self._corners: list[Corners | None] = [None] * len(areas)
        self._templates: list[Template | None] = [None] * len(areas)
        self._offsets: list[Corners | None] = [None] * len(areas)
        """(2,) from the middle of each area's moving part to its own, as it was when it first moved."""
        # One stream of numbers from a fixed seed: the same video gives the same places twice.
        self._random = np.random.default_rng(0)

    def push(self, frame: Frame) -> list[Place]:
        """Where each area is in the next frame, whether it is shown then or not."""
        # In every frame, whether areas are followed or not: the detector compares with the frame before.
        is_cut = self._shots.is_cut(frame.rgb)
        fields = None if self._before is None or is_cut else self._fields(self._before, frame.rgb)
        places = [self._place(index, frame, fields) for index in range(len(self._areas))]
        self._corners = [place.corners for place in places]
        self._before, self._before_seconds = frame.rgb, frame.time_seconds
        return places

    def _fields(self, before: RGB, now: RGB) -> tuple[FlowField, FlowField] | None:
        """Flow to this frame and back, where any area needs it."""
        # Two flows a frame are nearly all that following costs, so they wait until an area is there again.
        if before.shape != now.shape or all(corners is None for corners in self._corners):
            return None
        return self._flow(before, now), self._flow(now, before)

    def _place(self, index: int, frame: Frame, fields: tuple[FlowField, FlowField] | None) -> Place:
        area, corners, seconds = self._areas[index], self._corners[index], frame.time_seconds
        # Keyframes need not lie on frames: the first frame at or after one is where the area is drawn.
        is_drawn = seconds < area.keyframes[0].time_seconds or any(
            self._before_seconds + TIME_TOLERANCE_SECONDS < keyframe.time_seconds <= seconds + TIME_TOLERANCE_SECONDS
            for keyframe in area.keyframes
        )
        if is_drawn:  # before its first keyframe an area is held, as without following
            drawn = area.corners_at(seconds, self._size_wh)
            # What was learnt since the last keyframe is void: this one may show the thing from another side.
            self._templates[index], self._offsets[index] = Template(frame.rgb, drawn), None
            return Place(state="drawn", corners=drawn)
        if corners is None or fields is None:
            return Place(state="lost", corners=None)
        return self._followed(index, frame.rgb, corners, *fields)

    def _followed(self, index: int, rgb: RGB, corners: Corners, forwards: FlowField, backwards: FlowField) -> Place:
        # (2,) pixels of the frame for one of the field: points are kept in the former, the flow is in the latter.
        scale = np.array(self._size_wh) / forwards.size_hw[::-1]
        points = _grid(corners, self._size_wh)
        if len(points) < FEWEST_POINTS:
            return Place(state="lost", corners=None)
        scenery = _scenery(corners, forwards, scale, self._size_wh)
        counts = _moving(points, forwards, scale, scenery)
        # With next to nothing moving against the scenery, or no scenery to compare with (all false), the area goes with
        # everything in it; only between the two limits the moving part leads.
        is_whole = not LEAST_PART <= counts.mean() < WHOLE_PART
        points = points if is_whole else points[counts]
        there = points + _at(forwards, points / scale) * scale
        back = there + _at(backwards, there / scale) * scale
        # Forward-backward error: points that are hidden or leave the frame do not come back to where they began.
        errors = np.hypot(*(back - points).T)
        error = float(np.median(errors))
        side = float(np.ptp(corners, axis=0).min())
        if error > max(LOST_SHARE * side, LEAST_LOST_PIXELS * float(scale.max())):
            return Place(state="lost", corners=None, error_pixels=error)
        # At most the median: the better half, of which the median step is taken once more.
        kept = errors <= error
        centre = corners.mean(axis=0)
        # Limbs come nearer and part again: of a moving part distances say nothing about the size.
        growth = self._growth(points[kept], there[kept]) if is_whole else 1.0
        moved = centre + np.median(there[kept] - points[kept], axis=0) + (corners - centre) * growth
        if not is_whole:
            # `moved` is in this frame, and so begins the flow back.
            moved = moved + self._pull(index, moved, backwards, scale)
        template = self._templates[index]
        if is_whole and template is not None:
            # Only of what moves as a whole: a walker in a box does not look as he did where he was drawn.
            moved = moved + template.correction(rgb, moved)
        if self._has_left(index, moved, is_still=counts.mean() < LEAST_PART):
            return Place(state="lost", corners=None, error_pixels=error)
        return Place(state="followed", corners=moved, error_pixels=error)

    def _has_left(self, index: int, corners: Corners, is_still: bool) -> bool:
        """Whether an area is outside the frame; or at its border, and what moved in it is gone."""
        low, high = corners.min(axis=0), corners.max(axis=0)
        is_outside = bool((high <= 0).any() or (low >= self._size_wh).any())
        is_cut = bool((low < 0).any() or (high > self._size_wh).any())
        return is_outside or (is_cut and is_still and self._offsets[index] is not None)

    def _pull(self, index: int, corners: Corners, backwards: FlowField, scale: Corners) -> Corners:
        """(2,) pixels that bring an area back to how it lay around what moves in it: swinging limbs mislead steps."""
        centre = corners.mean(axis=0)
        near = _grid(centre + (corners - centre) * REACH, self._size_wh)
        moving = _moving(near, backwards, scale, _scenery(corners, backwards, scale, self._size_wh))
        if moving.sum() < FEWEST_POINTS:
            return np.zeros(2)
        offset = centre - near[moving].mean(axis=0)
        first = self._offsets[index]
        if first is None:
            self._offsets[index] = first = offset
        return np.asarray(PULL * (first - offset))

    def _growth(self, before: Corners, after: Corners) -> float:
        """By how much the distances between points have grown."""
        # Random pairs, since all those of 256 points are 32,640; a point with itself has no distance and drops out.
        a, b = self._random.integers(0, len(before), (2, PAIRS))
        far = np.hypot(*(before[a] - before[b]).T)
        near = np.hypot(*(after[a] - after[b]).T)
        apart = far > 0
        if not apart.any():
            return 1.0
        return float(np.clip(np.median(near[apart] / far[apart]), 1 - MOST_GROWTH, 1 + MOST_GROWTH))


def _flow_size_wh(size_wh: tuple[int, int]) -> tuple[int, int]:
    # The frame's aspect at the wanted number of pixels: width · height = pixels, width : height as in the frame.
    pixels = min(max(4 * size_wh[0] * size_wh[1], LEAST_FLOW_PIXELS), MOST_FLOW_PIXELS)
    height = math.sqrt(pixels * size_wh[1] / size_wh[0])
    return round(pixels / height), round(height)


def _scenery(corners: Corners, field: FlowField, scale: Corners, size_wh: tuple[int, int]) -> Corners:
    """(2,) median flow around an area, in pixels of the field; NaN where there is nothing around it."""
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
    around = _grid(centre + (corners - centre) * AROUND, size_wh)
    around = around[~holds(corners, around[:, 0], around[:, 1])]
    return np.median(_at(field, around / scale), axis=0) if len(around) >= FEWEST_POINTS else np.full(2, np.nan)


def _moving(points: Corners, field: FlowField, scale: Corners, scenery: Corners) -> NDArray[np.bool_]:
    """(N,) which points move against the scenery around them."""
    # A scenery of NaN compares false everywhere: without surroundings nothing moves against them.
    against: NDArray[np.bool_] = np.hypot(*(_at(field, points / scale) - scenery).T) > MOVES_PIXELS
    return against


def _grid(corners: Corners, size_wh: tuple[int, int]) -> Corners:
    """(N, 2) points of a grid that lie in a polygon and in the frame."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    # In the middle of each of the grid's cells, so that none lies on the border of the area.
    steps = (np.arange(POINTS_A_SIDE) + 0.5) / POINTS_A_SIDE
    x, y = np.meshgrid(*(low[axis] + steps * (high[axis] - low[axis]) for axis in (0, 1)))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    inside = ((points >= 0) & (points < size_wh)).all(axis=1)
    return points[inside & holds(corners, points[:, 0], points[:, 1])]


def _at(field: FlowField, points: Corners) -> NDArray[np.float64]:
    """(N, 2) the flow at points in pixels of the field, between its pixels linear; beyond its border as at it."""
    x, y = (points - 0.5).astype(np.float32).T  # pixel i has its value at i + 0.5
    found = cv2.remap(field.flow_pixels, x[:, None], y[:, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float64).reshape(-1, 2)
