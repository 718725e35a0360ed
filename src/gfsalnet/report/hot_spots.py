"""The places that draw most looks over a whole video, and when each draws the most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.maps import Map

RADIUS = 0.12
"""Radius of the circle of a hot spot, as a share of the picture's diagonal."""
MOST = 5


@dataclass(frozen=True)
class HotSpot:
    """A circle that draws looks."""

    x: float
    """Centre, 0…1 of the width from the left."""
    y: float
    """Centre, 0…1 of the height from the top."""
    share: float
    """The part of all looks of the video, 0…1, inside the circle."""
    row: str
    column: str
    best_frame: int
    """Position of the frame in which it draws the most."""
    best_share: float
    """The part of the looks of that frame, 0…1."""

    @property
    def where(self) -> str:
        """In words, such as `top left`, `right` or `middle`."""
        words = [word for word in (self.row, self.column) if word]
        return " ".join(words) or "middle"


def hot_spots(mean_density: Map, every_map: NDArray[np.floating[Any]], aspect: float) -> list[HotSpot]:
    """The circles that hold most of the looks, each beside those before it, down to half as many as an even spread.

    Args:
        mean_density: (h, w), sums to 1.
        every_map: (T, h', w') of all frames, each summing to 1; coarse ones are enough.
        aspect: width of the picture divided by its height.
    """
    x, y = _places(mean_density.shape, aspect)
    every_x, every_y = _places(every_map.shape[1:], aspect)
    w = mean_density.shape[1]
    radius = RADIUS * float(np.hypot(aspect, 1))
    left = mean_density.astype(np.float64).copy()
    even = np.pi * radius**2 / aspect
    found: list[HotSpot] = []
    while len(found) < MOST:
        row, column = divmod(int(left.argmax()), w)
        centre_x, centre_y = float(x[row, column]), float(y[row, column])
        inside = np.hypot(x - centre_x, y - centre_y) <= radius
        share = float(left[inside].sum())
        if share < even / 2:
            break
        near = np.hypot(every_x - centre_x, every_y - centre_y) <= radius
        over_time = every_map[:, near].sum(axis=1, dtype=np.float32)
        best = int(over_time.argmax())
        place = centre_x / aspect, centre_y
        words = _third(place[1], "top", "bottom"), _third(place[0], "left", "right")
        found.append(HotSpot(*place, share, *words, best, float(over_time[best])))
        left[inside] = 0
    return sorted(found, key=lambda spot: -spot.share)


def _places(size_hw: tuple[int, ...], aspect: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The x and y of every cell in units of the picture's height, since a circle is round on the picture."""
    y, x = np.mgrid[: size_hw[0], : size_hw[1]]
    return (x + 0.5) / size_hw[1] * aspect, (y + 0.5) / size_hw[0]


def _third(share: float, first: str, last: str) -> str:
    return first if share < 1 / 3 else last if share > 2 / 3 else ""
