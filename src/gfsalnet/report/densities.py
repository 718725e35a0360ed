"""The maps of all frames at a small size, from which a page computes the numbers of areas that are drawn in it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from gfsalnet.maps import Map, resize_density
from gfsalnet.render.colours import Byte

LONGER_SIDE = 96
"""Cells of the longer side: shares of attention are then within 0.2 percentage points of those of the model's own maps
(boxes of 5 to 40 % of the sides)."""
MEGABYTES_IN_ALL = 64.0
"""The most that all maps of a page may take once a browser has unpacked them; of long videos fewer are kept."""


class SmallMaps:
    """Takes densities in order; of a long video it keeps every second one, then every fourth, and so on.

    Args:
        share: the part of `MEGABYTES_IN_ALL` that they may take.
    """

    def __init__(self, share: float = 1.0) -> None:
        self._most_bytes = MEGABYTES_IN_ALL * 1e6 * share
        self._levels: list[Byte] = []
        self._taken = 0
        self.every = 1
        """Of so many densities one is kept, from the first on."""

    def add(self, density: Map) -> None:
        """Add the next density (h, w)."""
        if self._taken % self.every == 0:
            self._levels.append(root_levels(density))
            if len(self._levels) * self._levels[0].size > self._most_bytes:
                self._levels = self._levels[::2]
                self.every *= 2
        self._taken += 1

    @property
    def size_wh(self) -> tuple[int, int]:
        """Columns and rows of each map."""
        height, width = self._levels[0].shape
        return width, height

    def packed(self) -> Iterator[bytes]:
        """All maps after each other as zlib packs them: the first, then differences to the one before, modulo 256."""
        packer = zlib.compressobj()
        before = np.zeros_like(self._levels[0])
        for levels in self._levels:
            yield packer.compress((levels - before).tobytes())
            before = levels
        yield packer.flush()


def root_levels(density: Map) -> Byte:
    """(h, w) uint8 at the small size: the square root of the density, 255 at its maximum.

    A page divides the squares by their sum; small numbers keep more of their digits so than without the root.
    """
    height, width = (max(1, round(side * min(1.0, LONGER_SIDE / max(density.shape)))) for side in density.shape)
    small = resize_density(density, (height, width))
    return np.asarray(np.rint(255 * np.sqrt(small / small.max())), np.uint8)
