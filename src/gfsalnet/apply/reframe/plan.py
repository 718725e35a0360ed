"""What is shown of each shot: a crop that stands still, one that moves, or the whole frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gfsalnet.apply.reframe.aspect import Crop
from gfsalnet.apply.reframe.path import (
    SPEEDS_EACH_WAY,
    Floats,
    PathSettings,
    cheapest_path,
    kept_shares,
    losses_at,
    spline,
)
from gfsalnet.apply.reframe.shots import Shot
from gfsalnet.areas import Area

View = Literal["still", "moving", "whole"]

MOST_POSITIONS = 256
"""Most positions of a crop along its axis."""
STILL_PIXELS = 0.5
"""A crop that never goes farther than this stands still."""
NO_WAY_PRICE = 1e9
"""Price of way for a crop that must not move."""
AREA_PRICE = 10.0
"""What a protected area outside the crop costs, in all looks of the frame: it outweighs any looks and any way."""


@dataclass(frozen=True, kw_only=True)
class PlanSettings:
    """How a view is chosen."""

    path: PathSettings = field(default_factory=PathSettings)
    whole_below: float = 0.5
    """A shot of whose looks no path of crops keeps this share is shown whole; 0: none is."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ShotView:
    """What is shown of a shot of `K` frames."""

    shot: Shot
    view: View
    starts: Floats
    """(K,) where the crop begins along its axis, in pixels of the frame; also of a shot that is shown whole."""
    kept_share: float
    """Share of the predicted looks that the crop keeps."""
    way_lengths: float
    """How far the crop travels, in lengths of its own."""
    areas_lost: bool = False
    """Whether protected areas do not fit in the crop together."""


def plan_shot(shot: Shot, crop: Crop, areas: Sequence[Area] = (), settings: PlanSettings | None = None) -> ShotView:
    """The view of one shot.

    Args:
        shot: its looks along the axis of the crop.
        crop: what is to be moved.
        areas: regions that are to stay in view.
        settings: how.
    """
    settings = settings or PlanSettings()
    path = settings.path
    into_steps = _steps(shot, path.step_seconds)
    positions = _positions(crop, path)
    length, side = crop.length, crop.side
    marginals = _by_step(shot, into_steps)
    losses = losses_at(marginals, positions / side, length / side, path.aside_price)
    # Areas where they are in the middle of each step.
    spans = _spans(areas, crop, shot.times_seconds[0] + (np.arange(len(marginals)) + 0.5) * path.step_seconds)
    losses += AREA_PRICE * _outside(spans, positions, length)
    spacing = crop.room / max(len(positions) - 1, 1) / length  # in lengths of the crop
    way_price = path.way_price if path.most_speed else NO_WAY_PRICE
    # The prices are of lengths and lengths a second: turned into those of one position, and of one position a step.
    # Looks count by the seconds of a step, so that finer steps do not make them dearer.
    chosen = cheapest_path(
        losses * path.step_seconds, way_price * spacing, path.turn_price * spacing / path.step_seconds
    )
    # What was decided for a step is meant for its middle.
    places = (shot.times_seconds - shot.times_seconds[0]) / path.step_seconds - 0.5
    starts = spline(positions[chosen], places)
    if np.ptp(starts) < STILL_PIXELS:
        # At a whole pixel, where the picture is copied and not interpolated.
        starts[:] = round(float(np.median(starts)))
    kept = _weighted(kept_shares(shot.marginals, starts[:, None] / side, length / side)[:, 0], shot)
    # No path can hold areas that reach farther than the crop does.
    lost = bool(np.any(spans[:, 1] - spans[:, 0] > length))
    view: View = "still" if np.ptp(starts) == 0 else "moving"
    # Without room the crop is the frame: bars would change nothing.
    if crop.room and settings.whole_below and (lost or kept < settings.whole_below):
        view = "whole"
    way = float(np.abs(np.diff(starts)).sum()) / length
    return ShotView(shot=shot, view=view, starts=starts, kept_share=kept, way_lengths=way, areas_lost=lost)


def _positions(crop: Crop, path: PathSettings) -> Floats:
    """(P,) pixels: as far apart as the slowest speed is fast."""
    spacing = (path.most_speed or PathSettings.most_speed) * crop.length * path.step_seconds / SPEEDS_EACH_WAY
    count = min(MOST_POSITIONS, math.ceil(crop.room / spacing) + 1)
    # In whole pixels, at which a crop that rests is sharpest.
    return np.round(np.linspace(0, crop.room, count))


def _steps(shot: Shot, step_seconds: float) -> tuple[NDArray[np.int64], int]:
    """For each frame the step that it belongs to, and the number of steps."""
    since = shot.times_seconds - shot.times_seconds[0]
    # The tolerance: sums of rounded durations must not begin a step that no frame is in.
    count = max(1, math.ceil((shot.end_seconds - shot.times_seconds[0]) / step_seconds - 1e-6))
    return np.minimum((since / step_seconds + 1e-6).astype(np.int64), count - 1), count


def _durations(shot: Shot) -> Floats:
    return np.diff(np.append(shot.times_seconds, shot.end_seconds))


def _weighted(values: Floats, shot: Shot) -> float:
    return float(np.average(values, weights=_durations(shot)))


def _by_step(shot: Shot, into_steps: tuple[NDArray[np.int64], int]) -> Floats:
    """(T, n) mean looks in each step; where no frame begins, those of the frame that is still shown."""
    step_of, count = into_steps
    sums = np.zeros((count, shot.marginals.shape[1]))
    np.add.at(sums, step_of, shot.marginals * _durations(shot)[:, None])
    # For each step the last one in which a frame began: at a low rate frames are longer than steps.
    begun = np.zeros(count, np.int64)
    begun[step_of] = step_of
    sums = sums[np.maximum.accumulate(begun)]
    means: Floats = sums / sums.sum(axis=1, keepdims=True)
    return means


def _spans(areas: Sequence[Area], crop: Crop, times_seconds: Floats) -> Floats:
    """(T, 2) pixels from and to which all protected areas reach along the axis; (side, 0) where none is shown."""
    # An empty span, from the far end to the near one, which any area makes real.
    spans = np.tile([float(crop.side), 0.0], (len(times_seconds), 1))
    for area in areas:
        for step, seconds in enumerate(times_seconds.tolist()):
            if area.is_shown(seconds):
                along = area.corners_at(seconds, crop.frame_wh)[:, crop.axis].clip(0, crop.side)
                spans[step] = min(spans[step, 0], along.min()), max(spans[step, 1], along.max())
    return spans


def _outside(spans: Floats, positions: Floats, length: int) -> Floats:
    """(T, P) part of the areas' span that a crop leaves out at each position, in lengths of the crop."""
    before = np.maximum(0, positions - spans[:, :1])
    after = np.maximum(0, spans[:, 1:] - positions - length)
    shown = spans[:, 1:] > spans[:, :1]
    return np.where(shown, (before + after) / length, 0.0)
