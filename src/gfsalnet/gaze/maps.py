"""Fixations ↔ binary fixation map ↔ fixation density map, and degrees of visual angle ↔ pixels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gfsalnet.maps import Map, to_density
from gfsalnet.types import Fixations


def fixation_counts(fixations: Fixations, size_hw: tuple[int, int]) -> Map:
    """(H, W) float32: how many fixations fall on each pixel of a map laid over the picture; points outside are dropped.

    A coordinate is floored to its pixel after scaling, so a point keeps its relative place at any map size.
    """
    height, width = size_hw
    x, y = fixations.x[fixations.inside], fixations.y[fixations.inside]
    # In float32 a point just left of the right border can round onto it, one pixel too far.
    column = np.minimum((x * (width / fixations.size_wh[0])).astype(np.intp), width - 1)
    row = np.minimum((y * (height / fixations.size_wh[1])).astype(np.intp), height - 1)
    counts = np.zeros(size_hw, np.float32)
    # Not `counts[row, column] += 1`, which counts repeated pixels once.
    np.add.at(counts, (row, column), 1)
    return counts


def fixation_map(fixations: Fixations, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) binary fixation map: True where at least one fixation falls."""
    return fixation_counts(fixations, size_hw) > 0


def blurred(weights: NDArray[np.floating], sigma_wh: tuple[float, float]) -> NDArray[np.float64]:
    """(H, W) sum of a Gaussian at the centre of each pixel that has weight, times that weight; not normalised.

    Nothing is cut off: a Gaussian reaches over the whole map, down to the least number that a float64 holds. (A map of
    float32 still ends where its values fall under 1e-45, over 13 sigma away.) What lies beyond the border is lost.

    Args:
        weights: (H, W), mostly zero; the time is proportional to the rows and columns that are not.
        sigma_wh: of the Gaussian along x and along y, in pixels of the map.
    """
    height, width = weights.shape
    # Only where somebody looked: a frame has some dozen fixations and a million pixels.
    rows, columns = np.flatnonzero(weights.any(axis=1)), np.flatnonzero(weights.any(axis=0))
    # A Gaussian separates into x and y, so two small matrices replace a convolution with a huge kernel.
    along_x = np.exp(-0.5 * ((columns[:, np.newaxis] - np.arange(width)) / sigma_wh[0]) ** 2)
    along_y = np.exp(-0.5 * ((np.arange(height)[:, np.newaxis] - rows) / sigma_wh[1]) ** 2)
    # (H, R) @ ((R, C) @ (C, W)): R rows and C columns hold fixations.
    total: NDArray[np.float64] = along_y @ (weights[np.ix_(rows, columns)] @ along_x)
    return total


def density_map(fixations: Fixations, size_hw: tuple[int, int], sigma_pixels: float) -> Map:
    """(H, W) fixation density map, sums to 1; all zero where no fixation lies inside the picture.

    Args:
        fixations: every one counts, also several on one pixel.
        size_hw: of the map.
        sigma_pixels: of the Gaussian, in pixels of the map. It is not cut off (see `blurred`); mass beyond the border
            is lost before normalising.

    Raises:
        ValueError: if sigma is not positive.
    """
    if sigma_pixels <= 0:
        raise ValueError(f"sigma_pixels must be positive, not {sigma_pixels}")
    return gaze_density(blurred(fixation_counts(fixations, size_hw), (sigma_pixels, sigma_pixels)))


def gaze_density(looks: NDArray[np.floating]) -> Map:
    """A ground truth (H, W) ≥ 0 divided by its sum; where nobody looked, all zero as it is (see `gfsalnet.maps`)."""
    return to_density(looks) if looks.any() else np.zeros(looks.shape, np.float32)


def pixels_per_degree(screen_width_pixels: float, screen_width_cm: float, distance_cm: float) -> float:
    """Pixels that one degree of visual angle covers in the middle of a screen.

    A sigma given in degrees times this is a sigma in pixels of the screen; where the video was shown scaled, multiply
    by video pixels per screen pixel too.

    Raises:
        ValueError: if a length is not positive.

    >>> round(pixels_per_degree(1280, 40.0, 57.3), 1)
    32.0
    """
    if min(screen_width_pixels, screen_width_cm, distance_cm) <= 0:
        raise ValueError(
            f"lengths must be positive, not {screen_width_pixels} px, {screen_width_cm} cm, {distance_cm} cm"
        )
    return 2 * distance_cm * math.tan(math.radians(0.5)) * screen_width_pixels / screen_width_cm
