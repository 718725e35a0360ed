"""Areas under ROC curves: how well the map's values tell fixated pixels from others.

Definitions of the MIT saliency benchmark's MATLAB code (github.com/cvzoya/saliency, code_forMetrics), except that
AUC-Judd moves tied values together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gfsalnet.metrics.counting import pixels_below
from gfsalnet.metrics.maps import (
    FixationsLike,
    FloatArray,
    MapLike,
    Pixels,
    PreparedFixations,
    PreparedMap,
    prepared_fixations,
    prepared_map,
    require_same_size,
)

JITTER = 1e-7
"""Upper end of the noise, in the unit of the map."""
Thresholds: TypeAlias = Callable[[float, float], FloatArray]
"""(step, highest value of a split) → descending thresholds."""


def auc_judd(
    saliency_HW: MapLike,
    fixation_map_HW: FixationsLike,
    *,
    ties: Literal["together", "reference"] = "together",
    jitter: int | np.random.Generator | None = None,
) -> float:
    """Area under the ROC curve with fixated pixels as positives, all other pixels as negatives (AUC-Judd).

    The thresholds are the values at fixated pixels; the curve is joined by straight lines. Fixations that share a
    pixel count once.

    Args:
        saliency_HW: (H, W), any dtype and scale; only the order of its values matters.
        fixation_map_HW: (H, W), non-zero at fixated pixels.
        ties: "together" moves all pixels of one value at once; "reference" gives tied fixations one threshold each, as
            the MATLAB code does, which scores maps with many ties far too low. They agree on maps without ties.
        jitter: seed or generator of noise, uniform in 0…1e-7 in the map's own unit, that the MATLAB code adds to break
            ties; None adds none.

    Returns:
        0…1, chance 0.5. NaN if the prediction is constant or not finite, or if no pixel or every pixel is fixated.

    Raises:
        ValueError: if the maps differ in size, are no (H, W) maps, or `ties` is unknown.

    >>> auc_judd([[0.1, 0.2], [0.4, 0.3]], [[0, 0], [1, 0]])  # the fixated pixel is the highest
    1.0
    >>> auc_judd([[0, 0], [1, 1]], [[0, 0], [1, 0]])  # tied with one of three others: (0, 0) → (1/3, 1) → (1, 1)
    0.8333333333333334
    """
    saliency, fixations = prepared_map(saliency_HW, "saliency"), prepared_fixations(fixation_map_HW)
    require_same_size(saliency, fixations)
    if ties not in ("together", "reference"):
        raise ValueError(f'ties must be "together" or "reference", not {ties!r}')
    # Fixated pixels are no negatives in AUC-Judd.
    n_others = saliency.raw.size - len(fixations)
    if not saliency.varies or len(fixations) == 0 or n_others == 0:
        return math.nan
    values = saliency.raw
    if jitter is not None:
        values = values.astype(np.float64) + jitter_noise(np.random.default_rng(jitter), saliency.raw.size)
    thresholds = np.sort(values[fixations.pixels])[::-1]
    return judd_area(thresholds, pixels_below(values, thresholds), saliency.raw.size, ties=ties)


def auc_borji(
    saliency_HW: MapLike,
    fixation_map_HW: FixationsLike,
    *,
    splits: int = 100,
    step: float = 0.1,
    rng: np.random.Generator | None = None,
    indices: ArrayLike | None = None,
) -> float:
    """Mean area under the ROC curve against pixels drawn at random from the whole map (AUC-Borji).

    In each split as many pixels are drawn, with replacement, as pixels are fixated. The thresholds are multiples of
    `step` on the map scaled to 0…1.

    Args:
        saliency_HW: (H, W), any dtype and scale.
        fixation_map_HW: (H, W), non-zero at fixated pixels.
        splits: number of draws.
        step: distance of the thresholds, in units of the map's range.
        rng: where the draws come from; None is a generator seeded with 0, so that equal input gives equal output.
        indices: (N, splits) flat row-major pixel positions that replace the draws.

    Returns:
        0…1, chance 0.5. NaN if the prediction is constant or not finite, or fewer than two pixels are fixated.

    Raises:
        ValueError: if the maps differ in size, are no (H, W) maps, or `indices` lie outside.

    >>> auc_borji([[0, 1], [0, 1]], [[0, 1], [0, 1]], indices=[[0], [2]])
    1.0
    """
    saliency, fixations = prepared_map(saliency_HW, "saliency"), prepared_fixations(fixation_map_HW)
    require_same_size(saliency, fixations)
    # As the MATLAB code has it, which gives NaN for a single one too.
    if not saliency.varies or len(fixations) < 2:
        return math.nan
    if indices is None:
        indices = (rng or np.random.default_rng(0)).integers(saliency.raw.size, size=(len(fixations), splits))
    return sampled_auc(saliency, fixations, indices, step)


def auc_shuffled(
    saliency_HW: MapLike,
    fixation_map_HW: FixationsLike,
    other_map_HW: FixationsLike,
    *,
    splits: int = 100,
    step: float = 0.1,
    rng: np.random.Generator | None = None,
    indices: ArrayLike | None = None,
) -> float:
    """Mean area under the ROC curve against pixels fixated on other pictures (shuffled AUC, s-AUC).

    As AUC-Borji, with negatives drawn without replacement from the fixated pixels of `other_map_HW`; a map that only
    knows the centre bias scores about 0.5.

    Args:
        saliency_HW: (H, W), any dtype and scale.
        fixation_map_HW: (H, W), non-zero at fixated pixels.
        other_map_HW: (H, W), non-zero where other pictures (ten, as a rule) were fixated.
        splits: number of draws.
        step: distance of the thresholds, in units of the map's range.
        rng: where the draws come from; None is a generator seeded with 0, so that equal input gives equal output.
        indices: (M, splits) flat row-major pixel positions that replace the draws.

    Returns:
        0…1, chance 0.5. NaN if the prediction is constant or not finite, or if one of the two maps has no fixation.

    Raises:
        ValueError: if the maps differ in size, are no (H, W) maps, or `indices` lie outside.

    >>> auc_shuffled([[0, 1], [0, 1]], [[0, 1], [0, 0]], [[0, 0], [0, 1]])  # the negative ties with the fixation
    0.5
    """
    saliency, fixations = prepared_map(saliency_HW, "saliency"), prepared_fixations(fixation_map_HW)
    others = prepared_fixations(other_map_HW, "other_map")
    require_same_size(saliency, fixations, others)
    if not saliency.varies or len(fixations) == 0 or len(others) == 0:
        return math.nan
    if indices is None:
        indices = draws_without_replacement(others, len(fixations), splits, rng or np.random.default_rng(0))
    return sampled_auc(saliency, fixations, indices, step)


def jitter_noise(rng: np.random.Generator, pixels: int) -> FloatArray:
    """(pixels,) uniform in 0…`JITTER`: what the MATLAB code adds to break ties."""
    return rng.random(pixels) * JITTER


def judd_area(
    thresholds: NDArray[np.generic], below: Pixels, pixels: int, *, ties: Literal["together", "reference"]
) -> float:
    """The area of AUC-Judd from counts.

    Args:
        thresholds: (N,) values at the fixated pixels, descending.
        below: (N,) how many pixels of the map lie below each.
        pixels: of the map.
        ties: see `auc_judd`.
    """
    fixated = len(thresholds)
    hits = np.arange(1, fixated + 1)
    if ties == "together":
        # Tied thresholds are one point of the curve: the last of them has all the hits.
        is_last_of_ties = np.append(thresholds[1:] != thresholds[:-1], True)
        below, hits = below[is_last_of_ties], hits[is_last_of_ties]
    return roc_area((pixels - below - hits) / (pixels - fixated), hits / fixated)


def roc_area(false_positive_rates: FloatArray, true_positive_rates: FloatArray) -> float:
    """Trapezoidal area under (N,) points in the order they are given, with (0, 0) put before and (1, 1) after."""
    fp = np.concatenate(([0.0], false_positive_rates, [1.0]))
    tp = np.concatenate(([0.0], true_positive_rates, [1.0]))
    return float(np.dot(np.diff(fp), tp[1:] + tp[:-1]) / 2)


def draws_without_replacement(others: PreparedFixations, count: int, splits: int, rng: np.random.Generator) -> Pixels:
    """(min(count, fixated pixels), splits) flat positions of fixated pixels, each column drawn anew."""
    return np.stack([rng.permutation(others.pixels)[:count] for _ in range(splits)], axis=1)


def matlab_thresholds(step: float, highest: float) -> FloatArray:
    """0:step:highest, descending: the end counts as reached within rounding, and is never passed."""
    # MATLAB's colon operator includes the end if it is reached within rounding.
    count = math.floor(highest / step * (1 + np.finfo(np.float64).eps))
    return np.minimum(step * np.arange(count, -1, -1), highest)


def sampled_auc(
    saliency: PreparedMap,
    fixations: PreparedFixations,
    indices: ArrayLike,
    step: float,
    thresholds: Thresholds = matlab_thresholds,
) -> float:
    """Mean over the columns of (N, splits) `indices` of the area that separates them from the fixations."""
    # Checked here, since fancy indexing would take -1 for the last pixel.
    drawn = np.asarray(indices)
    if drawn.ndim != 2 or drawn.dtype.kind not in "ui" or drawn.size == 0:
        raise ValueError(f"indices must be (N, splits) whole numbers, not {drawn.dtype} of shape {drawn.shape}")
    if drawn.min() < 0 or drawn.max() >= saliency.raw.size:
        raise ValueError(f"indices must lie in 0…{saliency.raw.size - 1}: flat row-major positions y * W + x")
    # Only the sampled values are scaled to 0…1, not the whole map.
    span = saliency.values.max() - saliency.lowest
    positives = saliency.above_lowest(fixations.pixels) / span
    negatives = saliency.above_lowest(drawn) / span
    areas = []
    for split in negatives.T:
        # The thresholds end at the highest value of the split, as the MATLAB code has it.
        levels = thresholds(step, max(positives.max(), split.max()))[:, np.newaxis]
        areas.append(roc_area((split >= levels).mean(axis=1), (positives >= levels).mean(axis=1)))
    return float(np.mean(areas))
