"""Maps over a frame: how they are resampled, and what makes one a density.

A density is ≥ 0 and sums to 1. Divided by its sum in one place, `to_density`, with one rule for a map without mass: it
says nothing about where viewers look, so it becomes uniform. (Ground truth where nobody looked is no map without mass
but the absence of one: readers leave it all zero, and no metric is defined on it.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
"""Shape (H, W)."""


class FrameMaps(NamedTuple):
    """The four maps of one frame, each (h, w) float32 at the model's map size.

    What a network gives for a batch is `gfsalnet.network.Maps` as tensors and `gfsalnet.backends.MapArrays` as arrays,
    (B, 1, H, W) each and of any scale. The three are types of their own on purpose: these maps are densities and those
    are not, a named tuple cannot be generic in Python 3.10, and torch.export and DistributedDataParallel take what a
    network returns apart only if it is a tuple.
    """

    saliency: Map
    """Density: ≥ 0, sums to 1."""
    appearance: Map | None
    """Density of the appearance stream; None where it is not told apart."""
    motion: Map | None
    """Density of the motion stream; None where it is not told apart."""
    gate: Map | None
    """The share of appearance, 0…1; None without a gate."""


def to_density(values: NDArray[np.floating[Any]]) -> Map:
    """Divide a map (H, W) ≥ 0 by its sum; a map without mass becomes uniform.

    Returns:
        (H, W) float32, sums to 1.
    """
    total = float(values.sum(dtype=np.float64))  # float32 would lose the small values of a large map
    if total <= 0:
        return np.full(values.shape, 1 / values.size, np.float32)
    return np.asarray(values / total, dtype=np.float32)


def weighted_sum(maps: Sequence[Map], weights: Sequence[float]) -> Map:
    """(h, w): the maps of one size, each times its weight, summed."""
    import cv2

    total = np.asarray(maps[0] * weights[0], np.float32)
    for values, weight in zip(maps[1:], weights[1:], strict=True):
        cv2.scaleAdd(values, weight, total, total)  # one map after the other: no copy of them all is made
    return total


def resize_map(values: Map, size_hw: tuple[int, int]) -> Map:
    """Resample a (h, w) float32 map to `size_hw`: bilinear when growing, area mean when shrinking."""
    import cv2

    if values.shape == size_hw:
        return values
    # Area means when shrinking, since single bright cells would otherwise be passed over.
    growing = size_hw[0] >= values.shape[0] and size_hw[1] >= values.shape[1]
    resized = cv2.resize(values, size_hw[::-1], interpolation=cv2.INTER_LINEAR if growing else cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.float32)


def resize_density(density: Map, size_hw: tuple[int, int]) -> Map:
    """Resample a (h, w) density to `size_hw` so that it sums to 1 again; a map without mass becomes uniform."""
    return to_density(resize_map(density, size_hw))
