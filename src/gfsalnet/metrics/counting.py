"""How many pixels of a map lie below given values: what every ROC curve is made of, exact and fast.

Only the few values at fixated pixels are asked for, so the map is not sorted: a sort takes 3 to 23 ms,
depending on the processor, and counting about 1 ms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gfsalnet.metrics.maps import PART_LENGTH, FloatArray, Pixels

Values = NDArray[np.generic]

_FEW = 24
"""Number of thresholds up to which comparing all pixels with each is fastest."""
_SHORT = 1 << 14
"""Maps of up to this many pixels are sorted."""
_BINS = 1 << 16
"""As many as uint16 can number."""
_CROWDED = 300
"""Sorting a pixel takes as long as comparing this many with one threshold."""


def pixels_below(values: Values, thresholds: Values, *, inclusive: bool = False) -> Pixels:
    """How many of (P,) values lie below each of (N,) thresholds of the same dtype, or with `inclusive` also at it.

    Args:
        values: finite, in uint8, uint16, float32 or float64, as `PreparedMap.raw` has them.
        thresholds: in any order.
        inclusive: whether those equal to a threshold count.
    """
    if values.dtype.kind == "u":  # every bin is exact
        below = np.concatenate(([0], np.cumsum(_histogram(values))))
        # below[v] counts the pixels under v, and below[v + 1] those up to v.
        exact: Pixels = below[thresholds.astype(np.intp) + inclusive]
        return exact
    # Fixations often share a value, and each is counted once.
    distinct, place = np.unique(thresholds, return_inverse=True)
    return _below(values, distinct, inclusive)[place]


def noisy_below(order: Pixels, ordered: FloatArray, noise: FloatArray, span: float, thresholds: FloatArray) -> Pixels:
    """How many values of a map plus noise lie below each of (N,) thresholds; the map itself was sorted before.

    Args:
        order: (P,) pixels of the map by ascending value.
        ordered: (P,) their values.
        noise: (P,) of each pixel, 0…span.
        span: upper end of the noise.
        thresholds: in any order.
    """
    # Rounding may carry a sum over either end; what is near is added up and compared.
    reach = span + 4 * np.spacing(np.abs(thresholds) + span)
    first, last = np.searchsorted(ordered, thresholds - reach), np.searchsorted(ordered, thresholds + reach)
    counts: Pixels = first.copy()
    for place, (start, stop, threshold) in enumerate(zip(first, last, thresholds, strict=True)):
        counts[place] += np.count_nonzero(ordered[start:stop] + noise[order[start:stop]] < threshold)
    return counts


def _below(values: Values, distinct: Values, inclusive: bool) -> Pixels:
    """`pixels_below` for ascending, distinct thresholds."""
    if len(distinct) <= _FEW:
        reaches = np.less_equal if inclusive else np.less
        return np.array([np.count_nonzero(reaches(values, threshold)) for threshold in distinct], np.intp)
    if len(values) <= _SHORT or _repeats_itself(values):
        return _below_in_sorted(values, distinct, inclusive)
    # First by bins: what lies in another bin than a threshold needs no comparison with it.
    bins, bins_of_thresholds = _bins(values, distinct)
    in_bin = np.bincount(bins, minlength=_BINS)
    shared, members = np.unique(bins_of_thresholds, return_counts=True)
    below = (np.cumsum(in_bin) - in_bin)[bins_of_thresholds]  # all pixels of lower bins lie below

    # A bin with many pixels and few thresholds is refined by itself; the others are cheaper to sort together.
    is_crowded = in_bin[shared] * _CROWDED > members * len(values)
    for number in shared[is_crowded]:
        pixels, concerned = values[np.flatnonzero(bins == number)], bins_of_thresholds == number
        # Counted by themselves they spread over more bins, unless rounding has put all values into this one.
        count = _below if len(pixels) < len(values) else _below_in_sorted
        below[concerned] += count(pixels, distinct[concerned], inclusive)

    looked_at = np.zeros(_BINS, np.bool_)
    looked_at[shared[~is_crowded]] = True
    pixels, concerned = values[np.flatnonzero(looked_at.take(bins))], looked_at[bins_of_thresholds]
    # Those of the bins sorted together that lie below a bin: they are in `below` already, as all lower bins are.
    counted_before = np.cumsum(in_bin * looked_at) - in_bin
    among = _below_in_sorted(pixels, distinct[concerned], inclusive)
    below[concerned] += among - counted_before[bins_of_thresholds[concerned]]
    return below


def _below_in_sorted(values: Values, thresholds: Values, inclusive: bool) -> Pixels:
    return np.searchsorted(np.sort(values), thresholds, side="right" if inclusive else "left")


def _bins(values: Values, distinct: Values) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Numbers that never fall where values rise: the bits of floats, which are a logarithm of positive ones.

    Values below the lowest threshold have bin 0; the others spread over all bins up to the highest.
    """
    integers = np.int64 if values.dtype == np.float64 else np.int32
    offset = distinct[0] if distinct[0] <= 0 else None

    def keys(part: Values) -> NDArray[np.signedinteger]:
        # Bits of negative floats fall where values rise, but are all below those of positive ones.
        # With negative thresholds the values are moved, so that the lowest threshold is at 0.
        return (part if offset is None else part - offset).view(integers)

    with np.errstate(over="ignore"):
        first, last = keys(distinct)[0 if offset is None else 1], keys(distinct)[-1]
        # At most 2^15 bins between the thresholds: with what lies beyond them, all numbers fit into uint16.
        shift = max(int(last - first).bit_length() - 15, 0)

        def bins_of(part: Values) -> NDArray[np.signedinteger]:
            bins: NDArray[np.signedinteger] = np.minimum(np.maximum(keys(part), first - 1), last + 1)
            bins -= first
            bins >>= shift
            bins += 1
            return bins

        bins = np.empty(len(values), np.uint16)
        for start in range(0, len(values), PART_LENGTH):  # temporaries stay in the processor's cache
            bins[start : start + PART_LENGTH] = bins_of(values[start : start + PART_LENGTH])
        return bins, bins_of(distinct).astype(np.uint16)


def _repeats_itself(values: Values) -> bool:
    """Guess from a sample whether the map has few levels, as images do, which are sorted fast."""
    sample = values[:: max(1, len(values) // 512)]
    return len(np.unique(sample)) < len(sample) / 2


def _histogram(values: Values) -> Pixels:
    if values.dtype == np.uint16:
        return np.bincount(values, minlength=1 << 16)
    # Two bytes at a time: half the increments, and fewer in a row on the bin of a flat background.
    even = len(values) & ~1
    of_pairs = np.bincount(values[:even].view(np.uint16), minlength=1 << 16).reshape(256, 256)
    histogram: Pixels = of_pairs.sum(axis=0) + of_pairs.sum(axis=1) + np.bincount(values[even:], minlength=256)
    return histogram
