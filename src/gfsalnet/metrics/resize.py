"""Resampling of (H, W) float maps as the reference implementations do it, so that their numbers can be reproduced.

All three are separable and linear: a matrix for the rows, one for the columns.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from gfsalnet.metrics.maps import FloatArray, Pixels


def resize_bicubic(map_HW: FloatArray, size_hw: tuple[int, int], *, scale: float | None = None) -> FloatArray:
    """MATLAB's imresize: bicubic with a = -0.5, widened when shrinking (antialias), mirrored at the border.

    Args:
        map_HW: (H, W) float64.
        size_hw: of the result.
        scale: the factor of `imresize(map, factor)`, which need not divide the size; None takes it from the sizes.

    Returns:
        Float64 of `size_hw`; may pass the range of the input by some per cent. Equal sizes return the input.
    """
    if map_HW.shape == size_hw:
        return map_HW
    rows, columns = (
        _bicubic_weights(n_in, n_out, scale or n_out / n_in) for n_in, n_out in zip(map_HW.shape, size_hw, strict=True)
    )
    resized: FloatArray = rows @ map_HW @ columns.T
    return resized


def resize_bilinear(map_HW: FloatArray, size_hw: tuple[int, int]) -> FloatArray:
    """OpenCV's INTER_LINEAR and torch's bilinear (align_corners=False): pixel centres aligned, no antialias."""
    if map_HW.shape == size_hw:
        return map_HW
    rows, columns = (_bilinear_weights(n_in, n_out) for n_in, n_out in zip(map_HW.shape, size_hw, strict=True))
    resized: FloatArray = rows @ map_HW @ columns.T
    return resized


def resize_linear_corners(map_HW: FloatArray, size_hw: tuple[int, int]) -> FloatArray:
    """scipy.ndimage.zoom of order 1, which pysaliency uses: corner pixels stay corner pixels."""
    if map_HW.shape == size_hw:
        return map_HW
    rows, columns = (_corner_weights(n_in, n_out) for n_in, n_out in zip(map_HW.shape, size_hw, strict=True))
    resized: FloatArray = rows @ map_HW @ columns.T
    return resized


@lru_cache(maxsize=16)
def _bicubic_weights(n_in: int, n_out: int, scale: float) -> FloatArray:
    shrink = min(scale, 1.0)
    # Of output pixels, in input pixels counted from the centre of the first one.
    centres = (np.arange(n_out) + 0.5) / scale - 0.5
    # The kernel reaches two pixels to each side, stretched by the shrinking; two more, of weight 0, as in imresize.
    n_taps = math.ceil(4 / shrink) + 2
    taps = np.floor(centres - 2 / shrink).astype(np.intp)[:, np.newaxis] + np.arange(n_taps)
    weights = _cubic(shrink * (centres[:, np.newaxis] - taps))
    # Mirrored at the border with the border pixel repeated, as imresize does.
    taps %= 2 * n_in
    return _as_matrix(np.minimum(taps, 2 * n_in - 1 - taps), weights, n_in)


def _cubic(x: FloatArray) -> FloatArray:
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0))


@lru_cache(maxsize=16)
def _bilinear_weights(n_in: int, n_out: int) -> FloatArray:
    return _linear_at((np.arange(n_out, dtype=np.float64) + 0.5) * (n_in / n_out) - 0.5, n_in)


@lru_cache(maxsize=16)
def _corner_weights(n_in: int, n_out: int) -> FloatArray:
    return _linear_at(np.arange(n_out, dtype=np.float64) * ((n_in - 1) / max(n_out - 1, 1)), n_in)


def _linear_at(positions: FloatArray, n_in: int) -> FloatArray:
    positions = np.clip(positions, 0, n_in - 1)
    left = np.floor(positions).astype(np.intp)
    taps = np.stack([left, np.minimum(left + 1, n_in - 1)], axis=1)
    right_share = positions - left
    return _as_matrix(taps, np.stack([1 - right_share, right_share], axis=1), n_in)


def _as_matrix(taps: Pixels, weights: FloatArray, n_in: int) -> FloatArray:
    matrix = np.zeros((len(taps), n_in))
    # Added up one by one: at the border several taps fall on one pixel, of which plain indexing would keep the last.
    np.add.at(matrix, (np.arange(len(taps))[:, np.newaxis], taps), weights)
    # Truncated kernels do not sum to 1 exactly.
    matrix /= matrix.sum(axis=1, keepdims=True)
    matrix.flags.writeable = False  # it is cached
    return matrix
