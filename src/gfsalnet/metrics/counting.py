"""How many pixels of a map lie below given values: what every ROC curve is made of, exact and fast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gfsalnet.metrics.maps import Pixels, PreparedMap

_FEW = 16
"""Up to this many thresholds, comparing the whole map with each is quicker than sorting it in double precision."""


def pixels_below(saliency: PreparedMap, thresholds: NDArray[np.generic], *, inclusive: bool = False) -> Pixels:
    """How many pixels lie below each of (N,) thresholds taken from `saliency.raw`, or with `inclusive` also at it."""
    if saliency.raw.dtype.kind == "u":
        # Counting beats sorting for 8 and 16 bits, and every bin is exact.
        below = np.concatenate(([0], np.cumsum(_histogram(saliency.raw))))
        counts: Pixels = below[thresholds.astype(np.intp) + inclusive]
        return counts
    if saliency.raw.dtype == np.float64 and not _repeats_itself(saliency.raw):
        return _below_in_double(saliency.raw, thresholds, inclusive)
    return _below_in_sorted(np.sort(saliency.raw), thresholds, inclusive)


def _below_in_sorted(ordered: NDArray[np.generic], thresholds: NDArray[np.generic], inclusive: bool) -> Pixels:
    return np.searchsorted(ordered, thresholds, side="right" if inclusive else "left")


def _below_in_double(values: NDArray[np.generic], thresholds: NDArray[np.generic], inclusive: bool) -> Pixels:
    """Sort in single precision, at half the cost: rounding keeps the order, and only what it ties is compared again."""
    with np.errstate(over="ignore", under="ignore"):
        rounded, rounded_thresholds = values.astype(np.float32), thresholds.astype(np.float32)
    ordered = np.sort(rounded)
    counts = _below_in_sorted(ordered, rounded_thresholds, inclusive=False)
    tied = _below_in_sorted(ordered, rounded_thresholds, inclusive=True) - counts
    unresolved = np.unique(rounded_thresholds[tied > 1])
    if len(unresolved) > _FEW:
        return _below_in_sorted(np.sort(values), thresholds, inclusive)
    # A lone pixel at a threshold is the fixated one itself.
    counts[tied == 1] += inclusive
    for value in unresolved:
        concerned = rounded_thresholds == value
        counts[concerned] += _below_in_sorted(np.sort(values[rounded == value]), thresholds[concerned], inclusive)
    return counts


def _repeats_itself(values: NDArray[np.generic]) -> bool:
    """Guess from a sample whether the map has few levels, as images do; a wrong guess costs time only."""
    sample = values[:: max(1, len(values) // 512)]
    return len(np.unique(sample)) < len(sample) / 2


def _histogram(values: NDArray[np.generic]) -> Pixels:
    if values.dtype == np.uint16:
        return np.bincount(values, minlength=1 << 16)
    # Two bytes at a time: half the increments, and fewer in a row on the bin of a flat background.
    even = len(values) & ~1
    of_pairs = np.bincount(values[:even].view(np.uint16), minlength=1 << 16).reshape(256, 256)
    histogram: Pixels = of_pairs.sum(axis=0) + of_pairs.sum(axis=1) + np.bincount(values[even:], minlength=256)
    return histogram
