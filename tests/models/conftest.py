"""Clips of which it is known what stands out, drawn by code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from gfsalnet.maps import Map
from gfsalnet.types import RGB, Frame

SIZE_HW = (120, 160)


@dataclass(frozen=True)
class Scene:
    """A clip and where the thing that stands out is in its last frame."""

    frames: list[Frame]
    target: tuple[slice, slice]

    def lift(self, density: Map) -> float:
        """How many times more of the density falls on the target than on any place of its size in the mean."""
        return float(density[self.target].mean() / density.mean())

    def holds_peak(self, density: Map) -> bool:
        """Whether the largest value lies on the target."""
        place = np.unravel_index(density.argmax(), density.shape)
        return all(part.start <= at < part.stop for part, at in zip(self.target, place, strict=True))


MakeScene = Callable[..., Scene]


def clip(pictures: list[RGB]) -> list[Frame]:
    return [Frame(np.ascontiguousarray(rgb), index / 25, index) for index, rgb in enumerate(pictures)]


def texture(size_hw: tuple[int, int], seed: int) -> RGB:
    """Grey, of one scale, the same statistics for every seed."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=size_hw), 1.5)
    grey = np.clip(127 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.fixture(scope="session")
def moving() -> MakeScene:
    """A square of texture that moves by `step` pixels per frame, over one that moves by `pan`; right is positive.

    The last frame is the same picture whatever the motion.
    """

    def make(pan: int = 0, step: int = -3, count: int = 10) -> Scene:
        ground, square = texture((SIZE_HW[0], 240), 1), texture((24, 24), 2)
        pictures = []
        for to_come in reversed(range(count)):
            rgb = ground[:, pan * to_come : pan * to_come + SIZE_HW[1]].copy()
            x = 80 - step * to_come
            rgb[20:44, x : x + 24] = square
            pictures.append(rgb)
        return Scene(clip(pictures), (slice(20, 44), slice(80, 104)))

    return make


@pytest.fixture(scope="session")
def red_among_green() -> Scene:
    """One picture: twelve discs, one of them red and not green, all as bright as the ground."""
    rows, columns = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]]
    rgb = np.full((*SIZE_HW, 3), 120, np.uint8)
    for y in (20, 60, 100):
        for x in (20, 60, 100, 140):
            rgb[(rows - y) ** 2 + (columns - x) ** 2 <= 64] = (186, 91, 94) if (x, y) == (100, 20) else (90, 140, 94)
    return Scene(clip([rgb]), (slice(12, 29), slice(92, 109)))
