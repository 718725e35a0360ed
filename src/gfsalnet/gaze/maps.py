"""Fixations ↔ binary fixation map ↔ fixation density map."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.types import Fixations, Map


def fixation_counts(fixations: Fixations, size_hw: tuple[int, int]) -> Map:
    """How many fixations fall on each pixel of a (H, W) map laid over the picture; points outside it are dropped.

    A coordinate is floored to its pixel after scaling, so a point keeps its relative place at any map size.
    """
    height, width = size_hw
    x, y = fixations.x[fixations.inside], fixations.y[fixations.inside]
    # In float32 a point just left of the border can round onto it.
    column = np.minimum((x * (width / fixations.size_wh[0])).astype(np.intp), width - 1)
    row = np.minimum((y * (height / fixations.size_wh[1])).astype(np.intp), height - 1)
    counts = np.zeros(size_hw, np.float32)
    np.add.at(counts, (row, column), 1)
    return counts


def fixation_map(fixations: Fixations, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) binary fixation map: True where at least one fixation falls."""
    return fixation_counts(fixations, size_hw) > 0


def density_map(fixations: Fixations, size_hw: tuple[int, int], sigma_pixels: float) -> Map:
    """(H, W) fixation density map, sums to 1; all zero where no fixation lies inside the picture.

    Args:
        fixations: every fixation counts, also several on one pixel.
        size_hw: of the map.
        sigma_pixels: of the Gaussian, in pixels of the map; mass that blurs over the border is lost before normalising.

    Raises:
        ValueError: if sigma is not positive.
    """
    if sigma_pixels <= 0:
        raise ValueError(f"sigma_pixels must be positive, not {sigma_pixels}")
    counts = fixation_counts(fixations, size_hw)
    if not counts.any():
        return counts
    density = cv2.GaussianBlur(counts, (0, 0), sigma_pixels, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(density / density.sum(dtype=np.float64), dtype=np.float32)
