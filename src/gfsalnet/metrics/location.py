"""Metrics that read the map at the fixated pixels."""

from __future__ import annotations

import math

import numpy as np

from gfsalnet.metrics.maps import (
    FixationsLike,
    MapLike,
    prepared_fixations,
    prepared_map,
    require_same_size,
)

EPS = 2.0**-52
"""What the MIT benchmark's MATLAB code adds inside logarithms and to divisors."""


def nss(
    saliency_HW: MapLike,
    fixation_map_HW: FixationsLike,
    *,
    ddof: int = 1,
    per_fixation: bool = False,
) -> float:
    """Normalised scanpath saliency: the mean of the standardised map at the fixated pixels.

    Args:
        saliency_HW: (H, W), any dtype; scale and offset do not matter.
        fixation_map_HW: (H, W), non-zero at fixated pixels.
        ddof: 1 divides the variance by H*W - 1, as MATLAB and torch do; 0 by H*W, as NumPy and pysaliency do.
        per_fixation: whether a pixel counts as often as the fixation map says; otherwise each counts once.

    Returns:
        Standard deviations above the mean; chance 0. NaN if the prediction is constant or not finite, or nothing is
        fixated.

    Raises:
        ValueError: if the maps differ in size or are no (H, W) maps.

    >>> nss([[0, 0], [0, 4]], [[0, 0], [0, 1]])  # mean 1, std 2
    1.5
    """
    saliency, fixations = prepared_map(saliency_HW, "saliency"), prepared_fixations(fixation_map_HW)
    require_same_size(saliency, fixations)
    if not saliency.varies or len(fixations) == 0:
        return math.nan
    # The norm is cached: several metrics of one map need it.
    std = saliency.centred_norm / math.sqrt(saliency.raw.size - ddof)
    weights = fixations.counts if per_fixation else None
    return float(np.average(saliency.centred(fixations.pixels), weights=weights) / std)


def information_gain(
    saliency_HW: MapLike,
    fixation_map_HW: FixationsLike,
    baseline_HW: MapLike,
    *,
    min_max: bool = True,
    per_fixation: bool = False,
    eps: float = EPS,
) -> float:
    """How many bits per fixation the map predicts better than a baseline, such as the centre bias.

    Args:
        saliency_HW: (H, W), any dtype and positive scale.
        fixation_map_HW: (H, W), non-zero at fixated pixels.
        baseline_HW: (H, W), any dtype and positive scale.
        min_max: whether the minimum of both maps is moved to 0 before they are divided by their sums.
        per_fixation: whether a pixel counts as often as the fixation map says; otherwise each counts once.
        eps: added to both densities before the logarithm.

    Returns:
        Bits; 0 for the baseline itself. NaN if nothing is fixated, a map is not finite, or it cannot be normalised
        (constant, or with `min_max=False` all zero).

    Raises:
        ValueError: if the maps differ in size, are no (H, W) maps, or hold negative values with `min_max=False`.

    >>> information_gain([[0, 1], [0, 3]], [[0, 0], [0, 1]], [[0, 6], [0, 2]])  # log2(0.75 / 0.25)
    1.5849625007211552
    """
    saliency, fixations = prepared_map(saliency_HW, "saliency"), prepared_fixations(fixation_map_HW)
    baseline = prepared_map(baseline_HW, "baseline")
    require_same_size(saliency, fixations, baseline)
    if len(fixations) == 0 or not all(m.is_normalisable(min_max=min_max) for m in (saliency, baseline)):
        return math.nan
    with np.errstate(divide="ignore", invalid="ignore"):  # eps=0: a fixation where the map is 0 costs -inf bits
        gain = np.log2(eps + saliency.normalised(fixations.pixels, min_max=min_max))
        gain -= np.log2(eps + baseline.normalised(fixations.pixels, min_max=min_max))
    return float(np.average(gain, weights=fixations.counts if per_fixation else None))
