"""Resampling as others do it: Pillow's filters to the last bit, and the bilinear resize of TensorFlow 1.

Models see pictures as their authors' data loaders gave them. OpenCV's filters do not widen when they shrink a picture,
and PyTorch's round otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from gfsalnet.types import RGB

Filter: TypeAlias = "Callable[[NDArray[np.float64]], NDArray[np.float64]]"
"""The weight of what is so many pixels away, of the input's pixels or of the output's, whichever are larger."""

_UNIT = 2**22
"""Weights are whole multiples of 1 / this."""


def pillow_bilinear(rgb: RGB, size_hw: tuple[int, int]) -> RGB:
    """Resample (H, W, 3) to `size_hw` as `Image.resize(…, BILINEAR)`."""
    return _resize(rgb, size_hw, _triangle, 1)


def pillow_lanczos(rgb: RGB, size_hw: tuple[int, int]) -> RGB:
    """Resample (H, W, 3) to `size_hw` as `Image.resize(…, LANCZOS)`."""
    return _resize(rgb, size_hw, _lanczos, 3)


def _triangle(away: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.maximum(1 - np.abs(away), 0))


def _lanczos(away: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.where((away >= -3) & (away < 3), np.sinc(away) * np.sinc(away / 3), 0))


def _resize(rgb: RGB, size_hw: tuple[int, int], weigh: Filter, reach: int) -> RGB:
    # Pillow goes across first, and rounds to whole values before it goes down. (Pillow 13 goes down first where that is
    # less work; it did not when these models were made. Values then differ by up to 1.)
    for axis in (1, 0):
        lines = np.moveaxis(rgb, axis, 0)
        weights = _weights(len(lines), size_hw[axis], weigh, reach)
        # Sums of whole numbers, which float64 holds without rounding.
        sums = weights @ lines.reshape(len(lines), -1).astype(np.float64)
        rounded = np.clip(np.floor(sums / _UNIT + 0.5), 0, 255).astype(np.uint8)
        rgb = np.moveaxis(rounded.reshape(-1, *lines.shape[1:]), 0, axis)
    return np.ascontiguousarray(rgb)


@lru_cache(maxsize=16)
def _weights(length: int, count: int, weigh: Filter, reach: int) -> Any:
    """Sparse (count, length) of whole numbers: what each of `count` places is made of; a row sums to about `_UNIT`."""
    # Step by step as in Pillow's precompute_coeffs, roundings included.
    scale = length / count
    stretch = max(scale, 1.0)  # the filter is as much wider as the picture gets smaller, so that nothing aliases
    centre = ((np.arange(count) + 0.5) * scale)[:, None]
    first = np.maximum((centre - reach * stretch + 0.5).astype(int), 0)
    end = np.minimum((centre + reach * stretch + 0.5).astype(int), length)
    at = first + np.arange(int((end - first).max()))
    weights = np.where(at < end, weigh((at - centre + 0.5) * (1 / stretch)), 0)
    weights *= 1 / weights.sum(axis=1, keepdims=True)
    # To the nearest whole number, halves away from zero: Pillow's 22 bits behind the point.
    whole = np.trunc(weights * _UNIT + np.copysign(0.5, weights))
    row, column = np.nonzero(whole)
    return sparse.csr_array((whole[row, column], (row, at[row, column])), shape=(count, length))


def legacy_bilinear(x_BCHW: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """(B, C, H, W) → (B, C, h, w), as `tf.image.resize_images` of TensorFlow 1 and Keras layers built on it.

    Output pixel i lies at i · H / h in the input; past the last pixel of the input, that pixel is repeated.

    >>> import torch
    >>> legacy_bilinear(torch.tensor([[[[0.0, 4.0]]]]), (1, 4))
    tensor([[[[0., 2., 4., 4.]]]])
    """
    height, width = size_hw
    # With one more pixel on either grid, aligned corners are just that.
    repeated = F.pad(x_BCHW, (0, 1, 0, 1), mode="replicate")
    resized = F.interpolate(repeated, (height + 1, width + 1), mode="bilinear", align_corners=True)
    return resized[..., :height, :width]
