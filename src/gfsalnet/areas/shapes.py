"""Polygons in pixels of a frame: which points they hold, how much of each cell of a map they cover, wider by a margin.

The plane is continuous: pixel i reaches from i to i + 1, so a box 10…20 is ten pixels wide. A polygon is closed, and
goes round its region once in either direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gfsalnet.areas.area import Corners
from gfsalnet.maps import Map

LINES_PER_CELL = 16
"""Lines through each row of cells on which a polygon's extent is exact; between them it is taken as a trapezoid's."""
LONGEST_MITRE = 4.0
"""A widened corner may be at most this many margins away from the corner itself."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """How much of each cell of a map (h, w) lies in a polygon; only the cells around it are stored."""

    size_hw: tuple[int, int]
    top: int
    left: int
    shares: NDArray[np.float64]
    """(rows, columns) 0…1, from row `top` and column `left` of the map; empty outside the frame."""

    @property
    def area_share(self) -> float:
        """The part of the frame that the polygon covers, 0…1."""
        return float(self.shares.sum()) / (self.size_hw[0] * self.size_hw[1])

    def of(self, values_hw: Map) -> NDArray[np.float64]:
        """(rows, columns) the cells of a map (h, w) around the polygon, each times its covered share."""
        rows, columns = self.shares.shape
        cells = values_hw[self.top : self.top + rows, self.left : self.left + columns]
        return cells.astype(np.float64) * self.shares

    def whole(self) -> NDArray[np.float64]:
        """(h, w) 0…1."""
        covered = np.zeros(self.size_hw)
        rows, columns = self.shares.shape
        covered[self.top : self.top + rows, self.left : self.left + columns] = self.shares
        return covered


def coverage(corners: Corners, frame_wh: tuple[int, int], size_hw: tuple[int, int]) -> Coverage:
    """How much of each cell of a map (h, w) that covers the whole frame lies in a polygon.

    Exact along x, and along y for boxes; for other polygons to about a thousandth of a cell.

    Args:
        corners: (K, 2) pixels of the frame.
        frame_wh: width and height of the frame in pixels.
        size_hw: of the map.
    """
    height, width = size_hw
    # From here on in cells of the map, which may be narrower than high.
    x, y = (corners * [width / frame_wh[0], height / frame_wh[1]]).T
    left, right = (int(np.clip(edge, 0, width)) for edge in (np.floor(x.min()), np.ceil(x.max())))
    top, bottom = (int(np.clip(edge, 0, height)) for edge in (np.floor(y.min()), np.ceil(y.max())))
    # A box is the product of two intervals: exact, and most areas are one.
    if is_box(corners):
        along_x = _overlaps(np.array([x.min()]), np.array([x.max()]), left, right)[0]
        along_y = _overlaps(np.array([y.min()]), np.array([y.max()]), top, bottom)[0]
        return Coverage(size_hw, top, left, np.outer(along_y, along_x))
    # Otherwise by scan lines: what lies right of every edge is added up with a sign, and cancels outside the polygon.
    shares = np.zeros((bottom - top, right - left))
    lines = top + (np.arange((bottom - top) * LINES_PER_CELL) + 0.5) / LINES_PER_CELL
    for x0, y0, x1, y1 in zip(x, y, np.roll(x, -1), np.roll(y, -1), strict=True):
        # An edge takes what lies right of it away where it goes up, and adds it where it goes down.
        crossed = np.flatnonzero((lines >= min(y0, y1)) & (lines < max(y0, y1)))
        if not len(crossed):
            continue
        at = x0 + (lines[crossed] - y0) * ((x1 - x0) / (y1 - y0))
        part = _overlaps(at, np.full(len(at), np.inf), left, right) * np.sign(y0 - y1)
        # `add.at`, since a row of cells is crossed by several lines: `+=` would count it once.
        np.add.at(shares, crossed // LINES_PER_CELL, part / LINES_PER_CELL)
    return Coverage(size_hw, top, left, np.clip(np.abs(shares), 0, 1))


def _overlaps(begin: NDArray[np.float64], end: NDArray[np.float64], first: int, stop: int) -> NDArray[np.float64]:
    """(N, stop - first) how much of each cell [i, i + 1) the intervals [begin, end) cover."""
    cells = np.arange(first, stop)
    covered: NDArray[np.float64] = np.minimum(end[:, None], cells + 1) - np.maximum(begin[:, None], cells)
    return np.clip(covered, 0, 1)


def is_box(corners: Corners) -> bool:
    """Whether a polygon is a rectangle with upright sides."""
    level_x, level_y = (np.roll(corners, -1, axis=0) == corners).T
    if len(corners) != 4:
        return False
    # Sides are level and upright in turn, whichever comes first.
    begins_along_x = level_y[0::2].all() and level_x[1::2].all()
    return bool(begins_along_x or (level_x[0::2].all() and level_y[1::2].all()))


def holds(corners: Corners, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(N,) whether a polygon holds each point; of two polygons side by side exactly one holds a point between them.

    Args:
        corners: (K, 2) pixels, or (N, K, 2) for a polygon of its own for each point.
        x, y: (N,) pixels.
    """
    polygons = corners if corners.ndim == 3 else corners[np.newaxis]
    px, py = np.asarray(x, np.float64)[:, np.newaxis], np.asarray(y, np.float64)[:, np.newaxis]
    x0, y0 = polygons[..., 0], polygons[..., 1]
    x1, y1 = np.roll(x0, -1, axis=-1), np.roll(y0, -1, axis=-1)
    # The edges left of the point that the line through it crosses, each with its direction: the winding number.
    crosses = (np.minimum(y0, y1) <= py) & (py < np.maximum(y0, y1))
    # Level edges divide by zero; they cross no line, so that what comes out is not used.
    with np.errstate(divide="ignore", invalid="ignore"):
        is_left = x0 + (py - y0) * ((x1 - x0) / (y1 - y0)) <= px
    winding = (np.sign(y1 - y0) * (crosses & is_left)).sum(axis=-1)
    held: NDArray[np.bool_] = winding != 0
    return held


def widened(corners: Corners, margin_pixels: float) -> Corners:
    """The polygon (…, K, 2) with every side moved outwards by a margin; a box stays a box.

    A negative margin makes it narrower.
    """
    if margin_pixels == 0:
        return corners
    ahead = np.roll(corners, -1, axis=-2) - corners
    # A doubled corner has a side of no length and no direction; it moves with its neighbours.
    length = np.linalg.norm(ahead, axis=-1, keepdims=True)
    along = np.divide(ahead, length, out=np.zeros_like(ahead), where=length > 0)
    turn = np.sign(signed_area(corners))[..., np.newaxis, np.newaxis]
    outwards = turn * np.stack([along[..., 1], -along[..., 0]], axis=-1)
    # The two moved sides meet along the bisector, the farther out the sharper the corner.
    bisector = outwards + np.roll(outwards, 1, axis=-2)
    stretch = 2 / np.maximum((bisector**2).sum(axis=-1, keepdims=True), 4 / LONGEST_MITRE**2)
    return np.asarray(corners + margin_pixels * bisector * stretch)


def signed_area(corners: Corners) -> NDArray[np.float64]:
    """(…,) of polygons (…, K, 2) in square pixels; positive where they go round clockwise on the screen."""
    x, y = corners[..., 0], corners[..., 1]
    return np.asarray((x * np.roll(y, -1, axis=-1) - np.roll(x, -1, axis=-1) * y).sum(axis=-1) / 2)


def crosses_itself(corners: Corners) -> bool:
    """Whether two sides of a polygon (K, 2) cross, so that it does not go round one region once."""
    begin, end = corners, np.roll(corners, -1, axis=0)
    # Each two sides cross if the ends of either lie on different sides of the line through the other.
    splits = _side_of(begin, end, begin) * _side_of(begin, end, end) < 0
    return bool((splits & splits.T).any())


def _side_of(begin: Corners, end: Corners, points: Corners) -> NDArray[np.float64]:
    """(K, N) -1, 0 or 1: on which side of the line from each `begin` to its `end` each point lies."""
    along, to = end - begin, points[np.newaxis] - begin[:, np.newaxis]
    return np.asarray(np.sign(along[:, 0, np.newaxis] * to[..., 1] - along[:, 1, np.newaxis] * to[..., 0]))
