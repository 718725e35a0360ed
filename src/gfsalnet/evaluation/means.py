"""Means of a split from the scores of frames, with bootstrap intervals over videos."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
"""How often the videos are drawn anew, with replacement."""
CONFIDENCE = 0.95
"""The share of the resamples that an interval holds."""
_BLOCK = 100
"""Resamples per block: 4 MB of counts for a split of 5,000 videos."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean with its interval."""

    value: float
    """NaN where nothing was averaged."""
    low: float
    high: float
    """Percentile bootstrap interval, 95 %, over videos; NaN with fewer than two, or if a score is infinite."""
    count: int
    """The number of averaged values: videos or frames."""
    undefined: int = 0
    """The number of scored frames without a defined value."""


def video_mean(sums: FloatArray, counts: FloatArray, seed: int) -> tuple[float, float, float]:
    """Mean over videos of each video's mean over its frames: (value, low, high).

    Args:
        sums: (V,) of each video's defined scores.
        counts: (V,) how many they were; videos with none are left out.
        seed: of the resampling.
    """
    kept = counts > 0
    # Each video's mean with the weight 1, however long the video is.
    return ratio(sums[kept] / counts[kept], np.ones(kept.sum()), seed)


def pooled_mean(sums: FloatArray, counts: FloatArray, seed: int) -> tuple[float, float, float]:
    """Mean over all frames of all videos: (value, low, high); arguments as `video_mean`.

    Frames of one video are not independent, so whole videos are resampled here too.
    """
    kept = counts > 0
    return ratio(sums[kept], counts[kept], seed)


def ratio(sums: FloatArray, counts: FloatArray, seed: int) -> tuple[float, float, float]:
    """The sum of (V,) `sums` over the sum of (V,) `counts`, with its bootstrap interval: (value, low, high)."""
    if len(sums) == 0:
        return math.nan, math.nan, math.nan
    # fsum: the mean does not depend on the order in which workers deliver the videos.
    value = math.fsum(sums) / math.fsum(counts) if np.isfinite(sums).all() else float(sums.sum())
    if len(sums) < 2 or not np.isfinite(sums).all():
        return value, math.nan, math.nan
    # A resample is how often each video was drawn: two products instead of 2,000 gathers.
    draws = np.concatenate([(often @ sums) / (often @ counts) for often in _resampled(len(sums), seed)])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return value, float(low), float(high)


def _resampled(videos: int, seed: int) -> Iterator[FloatArray]:
    """Blocks of (resamples, V): how often each video is drawn."""
    rng = np.random.default_rng(seed)
    for _ in range(RESAMPLES // _BLOCK):
        # Drawing V of V videos with replacement: only how often each came matters for a sum.
        yield rng.multinomial(videos, np.full(videos, 1 / videos), size=_BLOCK).astype(np.float64)
