"""A region of a video with a name, drawn at a few moments and moving between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Corners: TypeAlias = NDArray[np.float64]
"""(K, 2) x, y of a polygon's corners in order, K ≥ 3."""

Units: TypeAlias = Literal["share", "pixels"]
"""What x and y are: shares of the frame's width and height, or pixels of the original frame."""

TIME_TOLERANCE_SECONDS = 1e-6
"""Times that were computed or printed differ in their last digits; an area begins this much early and ends so too."""


@dataclass(frozen=True, eq=False)
class Keyframe:
    """Where an area was drawn at one moment."""

    time_seconds: float
    corners: Corners
    """(K, 2), in the area's units, right and down from the upper left corner of the frame."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Area:
    """A named region: linear between its keyframes, held before the first and after the last.

    All its keyframes have the same number of corners, and their times ascend; `read_areas` makes sure of both.
    """

    name: str
    units: Units
    keyframes: tuple[Keyframe, ...]
    """At least one."""
    from_seconds: float = 0.0
    to_seconds: float = math.inf
    """The area is shown from `from_seconds` until just before `to_seconds`."""
    origin: str = ""
    """Where it stands in its file, for messages: `area 3`, `row 7`."""

    def is_shown(self, time_seconds: float) -> bool:
        """Whether the area is there at a time."""
        return self.from_seconds - TIME_TOLERANCE_SECONDS <= time_seconds < self.to_seconds - TIME_TOLERANCE_SECONDS

    @property
    def moves(self) -> bool:
        """Whether it is ever elsewhere than at its first keyframe."""
        first = self.keyframes[0].corners
        return any(not np.array_equal(keyframe.corners, first) for keyframe in self.keyframes[1:])

    def corners_at(self, time_seconds: float, size_wh: tuple[int, int]) -> Corners:
        """(K, 2) corners in pixels of the frame at a time, whether the area is shown then or not.

        Args:
            time_seconds: from the start of the video.
            size_wh: width and height of the frame in pixels.
        """
        return _at(self.keyframes, time_seconds) * (np.asarray(size_wh, np.float64) if self.units == "share" else 1.0)


def box_corners(box: Sequence[float]) -> Corners:
    """(4, 2) corners of a box x0, y0, x1, y1, clockwise on the screen from the upper left one."""
    x0, y0, x1, y1 = box
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)


def _at(keyframes: Sequence[Keyframe], time_seconds: float) -> Corners:
    times = [keyframe.time_seconds for keyframe in keyframes]
    # At a keyframe's own time it is the one before, so that the share is 0 and its corners come out exactly.
    after = int(np.searchsorted(times, time_seconds, side="right"))
    # Held before the first keyframe and after the last: nothing is extrapolated.
    if after in (0, len(times)):
        return keyframes[min(after, len(times) - 1)].corners
    before, following = keyframes[after - 1], keyframes[after]
    share = (time_seconds - before.time_seconds) / (following.time_seconds - before.time_seconds)
    return before.corners + share * (following.corners - before.corners)
