"""What an area looked like where it was drawn: by it steps of the flow are corrected, or they add up to drift."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.areas.area import Corners
from gfsalnet.types import RGB

SIDE, REACH = 48, 6
"""Side of the picture of an area, and how far around it is looked for, in pixels of that picture."""
LEAST_LIKENESS = 0.8
"""Normalised cross-correlation from which on a match counts: below, the area has changed its looks."""


class Template:
    """The picture of an area in one frame.

    Args:
        rgb: (H, W, 3) of the frame.
        corners: (K, 2) pixels of the frame.
    """

    def __init__(self, rgb: RGB, corners: Corners) -> None:
        self._picture = _cut(rgb, corners, 0)

    def correction(self, rgb: RGB, corners: Corners) -> NDArray[np.float64]:
        """(2,) by how many pixels the area is beside a place that looks as it did; 0, 0 where nothing does."""
        # Normalised with the mean taken off: light that changes is no change of looks. (2 · REACH + 1) squared places.
        found = cv2.matchTemplate(_cut(rgb, corners, REACH), self._picture, cv2.TM_CCOEFF_NORMED)
        _, likeness, _, (column, row) = cv2.minMaxLoc(found)
        # At the edge of the search the best match lies beyond it.
        if not likeness >= LEAST_LIKENESS or not (0 < column < 2 * REACH and 0 < row < 2 * REACH):
            return np.zeros(2)
        exact_x = column + _summit(*found[row, column - 1 : column + 2])
        exact_y = row + _summit(*found[row - 1 : row + 2, column])
        # From the middle of the search, and from pixels of the cut to those of the frame.
        return np.asarray(np.array([exact_x - REACH, exact_y - REACH]) * np.ptp(corners, axis=0) / SIDE)


def _cut(rgb: RGB, corners: Corners, around: int) -> NDArray[np.float32]:
    """The grey picture of the box around a polygon, `SIDE` pixels wide and high, and `around` more on each side."""
    first, step = corners.min(axis=0), np.ptp(corners, axis=0) / SIDE
    side = SIDE + 2 * around
    # From pixels of the cut to those of the frame; pixel i of either is centred at i + 0.5.
    x, y = first + (0.5 - around) * step - 0.5
    to_frame = np.array([[step[0], 0, x], [0, step[1], y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(rgb, to_frame, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY), np.float32)


def _summit(before: float, at: float, after: float) -> float:
    """Where a parabola through three neighbouring values is highest, from the middle one: -0.5 to 0.5."""
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))
