"""Where an area is at any time: along its keyframes, or where it was followed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gfsalnet.areas.area import TIME_TOLERANCE_SECONDS, Area, Corners
from gfsalnet.areas.shapes import widened

Times = NDArray[np.float64]


class AreaPath(Protocol):
    """An area of one video, in pixels of its frames."""

    @property
    def area(self) -> Area:
        """As it was drawn."""

    def at(self, seconds: Times) -> tuple[Corners, NDArray[np.bool_]]:
        """(N, K, 2) its corners at each time, and (N,) whether it is there: shown, and not lost."""


def _is_shown(area: Area, seconds: Times) -> NDArray[np.bool_]:
    # As `Area.is_shown`, for many times at once.
    begin, end = area.from_seconds - TIME_TOLERANCE_SECONDS, area.to_seconds - TIME_TOLERANCE_SECONDS
    return np.asarray((seconds >= begin) & (seconds < end))


@dataclass(frozen=True, eq=False)
class DrawnPath:
    """An area that moves along its keyframes."""

    area: Area
    size_wh: tuple[int, int]
    """Width and height of the frames in pixels."""
    margin_pixels: float = 0.0

    def at(self, seconds: Times) -> tuple[Corners, NDArray[np.bool_]]:
        """See `AreaPath.at`; the path between two keyframes is exact at any time."""
        keyframes = self.area.keyframes
        drawn = np.stack([keyframe.corners for keyframe in keyframes])
        times = [keyframe.time_seconds for keyframe in keyframes]
        corners = np.stack(
            [
                np.stack([np.interp(seconds, times, drawn[:, corner, axis]) for axis in (0, 1)], axis=-1)
                for corner in range(drawn.shape[1])
            ],
            axis=1,
        )
        scale = np.asarray(self.size_wh, np.float64) if self.area.units == "share" else 1.0
        return widened(corners * scale, self.margin_pixels), _is_shown(self.area, seconds)


@dataclass(frozen=True, eq=False)
class FollowedPath:
    """An area that was followed: at each time where it is in the frame that is shown then."""

    area: Area
    starts_seconds: Times
    """(T,) of the frames."""
    corners: Sequence[Corners | None]
    """(K, 2) in each frame; None where it is lost. The margin is in them."""

    def at(self, seconds: Times) -> tuple[Corners, NDArray[np.bool_]]:
        """See `AreaPath.at`."""
        # A lost area gets some corners to be stacked; `there` says that they do not count.
        nowhere = np.zeros_like(self.area.keyframes[0].corners)
        places = np.stack([nowhere if corners is None else corners for corners in self.corners])
        there = np.array([corners is not None for corners in self.corners])
        # The frame on the screen: the last one that has begun; -1 before the first.
        frame = np.searchsorted(self.starts_seconds, seconds + TIME_TOLERANCE_SECONDS, side="right") - 1
        shown = _is_shown(self.area, seconds) & (frame >= 0)
        frame = frame.clip(0)
        return places[frame], there[frame] & shown
