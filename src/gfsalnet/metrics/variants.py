"""Metrics as other implementations define them, where no option of ours covers it; `protocols` names them."""

from __future__ import annotations

import math

import numpy as np

from gfsalnet.metrics.auc import JITTER, draws_without_replacement, judd_area, roc_area, sampled_auc
from gfsalnet.metrics.counting import noisy_below, pixels_below
from gfsalnet.metrics.emd import emd_of_any_size
from gfsalnet.metrics.ground_truth import GroundTruth
from gfsalnet.metrics.location import nss
from gfsalnet.metrics.maps import FloatArray, PreparedFixations, PreparedMap
from gfsalnet.metrics.resize import resize_bilinear


def _like(prepared: PreparedMap, values: FloatArray) -> PreparedMap:
    return PreparedMap(values.reshape(prepared.size_hw), prepared.name)


def _unscorable(saliency: PreparedMap, fixations: PreparedFixations) -> bool:
    return not saliency.varies or len(fixations) == 0


def mit_auc_judd(saliency: PreparedMap, truth: GroundTruth) -> float:
    """AUC-Judd with one threshold per fixation and seeded jitter of up to 1e-7 of the peak."""
    if _unscorable(saliency, truth.fixations):
        return math.nan
    fixated, pixels = truth.fixations.pixels, saliency.raw.size
    if len(fixated) == pixels:
        return math.nan
    # The jitter is absolute, and the benchmark's maps are images: a density's values near 1e-6 would drown in it.
    noise = truth.jitter
    thresholds = np.sort(saliency.of_peak[fixated] + noise[fixated])[::-1]
    if saliency.reused:
        # A centre bias is scored against every frame: it was sorted once, and only the noise is new.
        below = noisy_below(*saliency.ordered_of_peak, noise, JITTER, thresholds)
    else:
        below = pixels_below(saliency.of_peak + noise, thresholds)
    return judd_area(thresholds, below, pixels, ties="reference")


def mit_emd(saliency: PreparedMap, truth: GroundTruth) -> float:
    """EMD on a grid of 1/32, to which a prediction of another size is resampled once."""
    return emd_of_any_size(saliency.resized_from or saliency, truth.density, 32)


def pysaliency_auc(saliency: PreparedMap, truth: GroundTruth) -> float:
    """Exact area: every fixation against every pixel, fixated ones included, ties half."""
    if _unscorable(saliency, truth.fixations):
        return math.nan
    values = saliency.raw[truth.fixations.pixels]
    # Ties count half: the mean of strictly below and at most equal.
    beaten = (pixels_below(saliency.raw, values) + pixels_below(saliency.raw, values, inclusive=True)) / 2
    return float(np.average(beaten, weights=truth.fixations.counts)) / saliency.raw.size


def pysaliency_auc_shuffled(saliency: PreparedMap, truth: GroundTruth) -> float:
    """Exact area: every fixation against every fixation on other pictures, ties half."""
    if _unscorable(saliency, truth.fixations) or len(truth.others) == 0:
        return math.nan
    values = saliency.raw[truth.fixations.pixels]
    negatives = np.sort(np.repeat(saliency.raw[truth.others.pixels], truth.others.counts.astype(np.intp)))
    beaten = (np.searchsorted(negatives, values, "left") + np.searchsorted(negatives, values, "right")) / 2
    return float(np.average(beaten, weights=truth.fixations.counts)) / len(negatives)


def pysaliency_map(saliency: PreparedMap) -> PreparedMap:
    """The map, or if it has negative values the map minus its minimum."""
    return (
        _like(saliency, saliency.values - saliency.lowest) if saliency.is_finite and saliency.minimum < 0 else saliency
    )


def pysaliency_kldiv(saliency: PreparedMap, truth: GroundTruth) -> float:
    """No eps in the formula; 1e-20 is added to both maps before they are normalised."""
    maps = (pysaliency_map(saliency), truth.density)
    if not all(m.is_normalisable(min_max=False) for m in maps):
        return math.nan
    # Added before the division, so that the sum stays exactly 1.
    p, q = (m.values + 1e-20 for m in maps)
    p, q = p / p.sum(), q / q.sum()
    return float(np.dot(q, np.log(q) - np.log(p)))


def unisal_auc_judd(saliency: PreparedMap, truth: GroundTruth) -> float:
    """Rates are rounded to four digits and the points ordered by true positives alone."""
    n_fixated = len(truth.fixations)
    if _unscorable(saliency, truth.fixations) or n_fixated == saliency.raw.size:
        return math.nan
    thresholds, counts = np.unique(saliency.raw[truth.fixations.pixels], return_counts=True)
    # Thresholds ascend here: hits are the fixations at or above each.
    hits = counts[::-1].cumsum()[::-1]
    false_alarms = saliency.raw.size - pixels_below(saliency.raw, thresholds) - hits
    # Rounded as in the original, which changes the last digits of the area.
    tp = np.round(hits / n_fixated, 4)
    fp = np.round(false_alarms / (saliency.raw.size - n_fixated), 4)
    order = np.argsort(tp, kind="stable")
    return roc_area(fp[order], tp[order])


def unisal_auc_shuffled(saliency: PreparedMap, truth: GroundTruth) -> float:
    """The highest value is no threshold."""
    if _unscorable(saliency, truth.fixations) or len(truth.others) == 0:
        return math.nan
    draws = draws_without_replacement(truth.others, len(truth.fixations), 100, truth.rng)
    return sampled_auc(saliency, truth.fixations, draws, 0.1, lambda step, highest: np.arange(0, highest, step)[::-1])


def unisal_kldiv(saliency: PreparedMap, truth: GroundTruth) -> float:
    """Infinite where the density has mass and the prediction none, which its softmax never leaves."""
    if not (saliency.is_normalisable(min_max=False) and truth.density.is_normalisable(min_max=False)):
        return math.nan
    has_mass = np.flatnonzero(truth.density.values)
    p, q = (m.normalised(has_mass, min_max=False) for m in (saliency, truth.density))
    with np.errstate(divide="ignore"):
        return float(np.dot(q, np.log(q) - np.log(p)))


def _unit_range(values: FloatArray) -> FloatArray:
    ranged: FloatArray = (values - values.min()) / (values.max() - values.min() + float(np.finfo(np.float32).eps))
    return ranged


def aim24_resize(map_hw: FloatArray, size_hw: tuple[int, int]) -> FloatArray:
    """Min-max, then bilinear: (h, w) float64 → `size_hw`."""
    return resize_bilinear(_unit_range(map_hw), size_hw)


def aim24_density(truth: GroundTruth) -> PreparedMap:
    """The density after min-max."""
    return _like(truth.density, _unit_range(truth.density.values))


def aim24_auc_judd(saliency: PreparedMap, truth: GroundTruth) -> float:
    """Repeated fixations are thresholds of their own, and two pixels are left out of the negatives."""
    if _unscorable(saliency, truth.fixations):
        return math.nan
    values = np.repeat(saliency.raw[truth.fixations.pixels], truth.fixations.counts.astype(np.intp))
    thresholds = np.sort(values)[::-1]
    hits = np.arange(1, len(thresholds) + 1)
    at_least = saliency.raw.size - pixels_below(saliency.raw, thresholds)
    return roc_area((at_least - hits) / (saliency.raw.size - 2), hits / len(thresholds))


def aim24_nss(saliency: PreparedMap, truth: GroundTruth) -> float:
    """Population std plus 1e-7; repeated fixations count."""
    std = saliency.centred_norm / math.sqrt(saliency.raw.size) if saliency.varies else math.nan
    return nss(saliency, truth.fixations, ddof=0, per_fixation=True) * std / (std + 1e-7)
