"""Single numbers that describe where people look: spread, peak, share of motion.

All are computed on the model's own map (h, w), so that they do not depend on the size of the source; entropies of maps
of different sizes are not comparable, shares of area are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gfsalnet.maps import Map
from gfsalnet.types import Prediction


def entropy_bits(density: Map) -> float:
    """Shannon entropy of a density (h, w) in bits: 0 when one pixel holds all, log2(h·w) when all hold the same.

    >>> entropy_bits(np.full((4, 8), 1 / 32, np.float32))
    5.0
    """
    shares = _shares(density)
    shares = shares[shares > 0]
    return float(0.0 - (shares * np.log2(shares)).sum())  # 0.0 minus, because a plain minus may give -0.0


def area_holding(density: Map, mass: float = 0.5) -> float:
    """Smallest part of the pixels, 0…1, that together hold the share `mass` of a density (h, w).

    >>> area_holding(np.array([[0.1, 0.6], [0.2, 0.1]], np.float32))
    0.25

    Raises:
        ValueError: if `mass` is not above 0 and at most 1.
    """
    return _areas_holding(_shares(density), mass)[0]


def _areas_holding(shares: NDArray[np.float64], *masses: float) -> list[float]:
    """`area_holding` of several masses for one sort, which takes most of the time."""
    held = np.cumsum(np.sort(shares)[::-1])
    areas = []
    for mass in masses:
        if not 0 < mass <= 1:
            raise ValueError(f"mass is a share above 0 and at most 1, not {mass}")
        needed = mass * held[-1] * (1 - 1e-9)  # rounding in the sum must not cost another pixel
        areas.append(float(np.searchsorted(held, needed) + 1) / held.size)
    return areas


def peak_xy(prediction: Prediction) -> tuple[float, float]:
    """Where most look, in 0-based pixels of the source frame: the centre of the densest pixel of the model's map.

    Of several equal pixels the first in reading order counts. The point lies inside the frame, also where the map is
    finer than the frame.
    """
    h, w = prediction.map_density.shape
    height, width = prediction.frame.size_hw
    row, column = divmod(int(prediction.map_density.argmax()), w)
    x, y = (column + 0.5) * width / w - 0.5, (row + 0.5) * height / h - 0.5
    return min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)


def motion_share(prediction: Prediction) -> float | None:
    """How far motion was trusted where people look, 0…1: the mean of 1 − gate, weighted by the density.

    None for a model of one stream.
    """
    if prediction.map_gate is None:
        return None
    # Not np.dot: after each call the threads of its BLAS spin, and keep a core busy, waiting for the next.
    return float((_shares(prediction.map_density) * (1 - prediction.map_gate.ravel().astype(np.float64))).sum())


def motion_change(prediction: Prediction) -> float | None:
    """How much motion changes where viewers look, 0…1: the share of the looks that would fall elsewhere without it.

    The total variation, half the sum of |S − S_A|, between the map and that of the appearance stream alone. None for a
    model of one stream.
    """
    if prediction.map_appearance is None:
        return None
    return float(np.abs(_shares(prediction.map_density) - _shares(prediction.map_appearance)).sum() / 2)


def motion_kldiv(prediction: Prediction) -> float | None:
    """What motion does to the map: the Kullback-Leibler divergence of the map from that of appearance alone, in nats.

    0 where motion changes nothing. None for a model of one stream.
    """
    if prediction.map_appearance is None:
        return None
    shares, alone = _shares(prediction.map_density), _shares(prediction.map_appearance)
    seen = shares > 0
    logs = np.log(shares[seen] / np.maximum(alone[seen], np.finfo(np.float32).tiny))
    return max(0.0, float((shares[seen] * logs).sum()))  # rounding must not make it negative


def centroid_xy(prediction: Prediction) -> tuple[float, float]:
    """The mean place of all looks, in 0-based pixels of the source frame."""
    h, w = prediction.map_density.shape
    height, width = prediction.frame.size_hw
    shares = _shares(prediction.map_density).reshape(h, w)
    column = float((shares.sum(axis=0) * np.arange(w)).sum())
    row = float((shares.sum(axis=1) * np.arange(h)).sum())
    return (column + 0.5) * width / w - 0.5, (row + 0.5) * height / h - 0.5


@dataclass(frozen=True, kw_only=True)
class FrameStatistics:
    """One row of `frames.csv`."""

    frame_index: int
    """0-based position in the video."""
    time_seconds: float
    """Presentation time from the start of the video."""
    peak_x: float
    """Where most look, pixels of the source frame from the left, 0-based."""
    peak_y: float
    """Where most look, pixels of the source frame from the top, 0-based."""
    entropy_bits: float
    """Spread of the density over the model's map: 0…log2(h·w)."""
    area_50_percent: float
    """Smallest part of the frame, 0…1, that holds half of the density."""
    motion_share: float | None
    """How far motion was trusted where people look, 0…1; None for a model of one stream."""
    starts_shot: bool
    """Whether the model forgot what came before: the first frame, and the first after a cut."""

    area_90_percent: float
    """Smallest part of the frame, 0…1, that holds nine tenths of the density."""
    centroid_x: float
    """The mean place of all looks, pixels of the source frame from the left, 0-based."""
    centroid_y: float
    """The mean place of all looks, pixels of the source frame from the top, 0-based."""
    centroid_drift_pixels: float | None
    """How far that place has moved since the frame before, pixels of the source frame; None for the first frame."""
    motion_change: float | None
    """The share of the looks, 0…1, that would fall elsewhere without motion; None for a model of one stream."""
    shot_cut: bool
    """Whether the picture was cut before this frame: `starts_shot`, but for the first frame."""

    @classmethod
    def of(cls, prediction: Prediction, before: FrameStatistics | None = None) -> FrameStatistics:
        """Compute every column for one frame.

        Args:
            prediction: of the frame.
            before: the statistics of the frame before; None for the first.
        """
        peak_x, peak_y = peak_xy(prediction)
        x, y = centroid_xy(prediction)
        half, nine_tenths = _areas_holding(_shares(prediction.map_density), 0.5, 0.9)
        return cls(
            frame_index=prediction.frame_index,
            time_seconds=prediction.time_seconds,
            peak_x=peak_x,
            peak_y=peak_y,
            entropy_bits=entropy_bits(prediction.map_density),
            area_50_percent=half,
            motion_share=motion_share(prediction),
            starts_shot=prediction.starts_shot,
            area_90_percent=nine_tenths,
            centroid_x=x,
            centroid_y=y,
            centroid_drift_pixels=None if before is None else math.hypot(x - before.centroid_x, y - before.centroid_y),
            motion_change=motion_change(prediction),
            shot_cut=prediction.starts_shot and before is not None,
        )


def _shares(density: Map) -> NDArray[np.float64]:
    """(h·w,), sums to 1 in double precision; a map without mass counts as uniform, as in `to_density`."""
    # Double precision, because a float32 density sums to 1 only to six digits or so.
    shares = density.ravel().astype(np.float64)
    total = float(shares.sum())
    return shares / total if total > 0 else np.full(shares.size, 1 / shares.size)
