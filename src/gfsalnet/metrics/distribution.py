"""Metrics that compare the map with a fixation density, pixel by pixel."""

from __future__ import annotations

import math

import numpy as np

from gfsalnet.metrics.location import EPS
from gfsalnet.metrics.maps import MapLike, prepared_map, require_same_size


def cc(saliency_HW: MapLike, density_HW: MapLike) -> float:
    """Linear correlation coefficient (Pearson's r) of two maps, in float64.

    Args:
        saliency_HW: (H, W), any dtype; scale and offset do not matter.
        density_HW: (H, W), any dtype; likewise.

    Returns:
        -1…1. NaN if either map is constant or not finite.

    Raises:
        ValueError: if the maps differ in size or are no (H, W) maps.

    >>> cc([[0, 1], [0, 1]], [[0, 0], [2, 2]])
    0.0
    """
    saliency, density = prepared_map(saliency_HW, "saliency"), prepared_map(density_HW, "density")
    require_same_size(saliency, density)
    if not (saliency.varies and density.varies):
        return math.nan
    # In parts that stay in the processor's cache, and whose dot products no thread of BLAS divides.
    covariance = sum(float(np.dot(saliency.centred(part), density.centred(part))) for part in saliency.parts())
    r = covariance / (saliency.centred_norm * density.centred_norm)
    return max(-1.0, min(1.0, r))  # rounding may pass the ends by one unit in the last place


def sim(saliency_HW: MapLike, density_HW: MapLike, *, min_max: bool = True) -> float:
    """Similarity (histogram intersection): the mass two densities share.

    Args:
        saliency_HW: (H, W), any dtype and positive scale.
        density_HW: (H, W), any dtype and positive scale.
        min_max: whether the minimum of both maps is moved to 0 before they are divided by their sums, so that a
            constant floor earns nothing.

    Returns:
        0…1. NaN if a map is not finite or cannot be normalised (constant, or with `min_max=False` all zero).

    Raises:
        ValueError: if the maps differ in size, are no (H, W) maps, the density is negative, or with `min_max=False`
            the prediction is.

    >>> sim([[1, 1], [1, 5]], [[0, 1], [0, 3]])  # the floor of 1 is taken off: [0, 0, 0, 1] and [0, 1/4, 0, 3/4]
    0.75
    """
    saliency, density = prepared_map(saliency_HW, "saliency"), prepared_map(density_HW, "density")
    require_same_size(saliency, density)
    density.require_non_negative()
    if not (saliency.is_normalisable(min_max=min_max) and density.is_normalisable(min_max=min_max)):
        return math.nan
    shared = 0.0
    for part in saliency.parts():
        p, q = saliency.normalised(part, min_max=min_max), density.normalised(part, min_max=min_max)
        shared += float(np.minimum(p, q, out=p).sum())
    return min(1.0, shared)  # rounding may pass 1 by some units in the last place


def kldiv(saliency_HW: MapLike, density_HW: MapLike, *, eps: float = EPS) -> float:
    """Kullback-Leibler divergence of the prediction from the density, in nats: sum of q * log(eps + q / (p + eps)).

    Args:
        saliency_HW: (H, W), any dtype and positive scale; p is it divided by its sum.
        density_HW: (H, W), any dtype and positive scale; q likewise.
        eps: positive; bounds the price of mass where the prediction is 0 (36 nats times that mass by default).

    Returns:
        0 for equal maps (down to about -H*W*eps), large for bad ones. NaN if a map is zero or not finite.

    Raises:
        ValueError: if the maps differ in size, are no (H, W) maps, or hold negative values.

    >>> round(kldiv([[1, 1], [1, 1]], [[0, 2], [2, 0]]), 12)  # log 2: half the pixels hold everything
    0.69314718056
    """
    saliency, density = prepared_map(saliency_HW, "saliency"), prepared_map(density_HW, "density")
    require_same_size(saliency, density)
    if not (saliency.is_normalisable(min_max=False) and density.is_normalisable(min_max=False)):
        return math.nan
    divergence = 0.0
    for part in saliency.parts():
        p, q = saliency.normalised(part, min_max=False), density.normalised(part, min_max=False)
        # In place, in the memory that `normalised` made: temporaries cost as much as the arithmetic.
        p += eps
        ratio = np.divide(q, p, out=p)
        ratio += eps
        divergence += float(np.dot(q, np.log(ratio, out=ratio)))
    return divergence
