"""QP offsets of blocks from where viewers look, and the rectangles that encoders are told them by."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gfsalnet.maps import Map
from gfsalnet.types import Prediction

Offsets = NDArray[np.int8]
"""Shape (rows, columns), or (frames, rows, columns): what is added to the QP of each block; negative: finer."""
QP_PER_DOUBLING = 3.0
"""QP by which a block is to be finer for each doubling of the looks on it, without a limit.

The step of a quantiser doubles with 6 QP, and the squared error grows with the square of the step. The bits for a given
sum of errors, weighted by looks, are fewest where the error of each block goes with the inverse of its weight: half of
6 QP for each doubling."""


@dataclass(frozen=True, kw_only=True)
class RoiSettings:
    """How densities become QP offsets."""

    strength: float
    """The largest offset in QP, either way."""
    block_pixels: int = 16
    """Side of a block."""
    smooth_seconds: float = 0.2
    """Time constant of the smoothing, which follows the looks exponentially and begins anew at cuts; 0: none."""


@dataclass(frozen=True)
class Region:
    """A rectangle of blocks of one offset, in pixels."""

    x: int
    y: int
    width: int
    height: int
    offset: int
    """QP."""


def frame_offsets(predictions: Iterable[Prediction], settings: RoiSettings) -> Iterator[tuple[Offsets, float]]:
    """The offsets of each frame and its time in seconds.

    Args:
        predictions: of every frame, in order.
        settings: how densities become offsets.
    """
    smoothed: NDArray[np.float64] | None = None
    before_seconds = 0.0
    for now in predictions:
        height, width = now.frame.size_hw
        lift = block_lift(now.map_density, (width, height), settings.block_pixels)
        if smoothed is None or now.starts_shot or not settings.smooth_seconds:
            # At a cut the looks jump, and blocks of the last shot say nothing about this one.
            smoothed = lift
        else:
            # By time, not by frames, so that a variable rate is smoothed evenly.
            kept = math.exp(-(now.time_seconds - before_seconds) / settings.smooth_seconds)
            smoothed = kept * smoothed + (1 - kept) * lift
        before_seconds = now.time_seconds
        yield offsets_of(smoothed, settings.strength), now.time_seconds


def block_lift(density: Map, size_wh: tuple[int, int], block_pixels: int) -> NDArray[np.float64]:
    """How many times its even share of the looks each block gets.

    Blocks at the right and the bottom may be cut by the frame's edge; of each the part inside counts.

    Args:
        density: (h, w), sums to 1.
        size_wh: of the frame, in pixels.
        block_pixels: side of a block.

    Returns:
        (rows, columns) float64, ≥ 0; 1 everywhere for an even density.

    >>> block_lift(np.array([[1, 0]], np.float32), (64, 16), 16)
    array([[2., 2., 0., 0.]])
    """
    down = _overlaps(size_wh[1], block_pixels, density.shape[0])
    across = _overlaps(size_wh[0], block_pixels, density.shape[1])
    # Not np.matmul: after each call the threads of its BLAS spin, and keep a core busy.
    shares = np.einsum(
        "ij,jk,lk->il", down, density.astype(np.float64), across, optimize=["einsum_path", (0, 1), (0, 1)]
    )
    lift: NDArray[np.float64] = shares * density.size / (down.sum(axis=1)[:, None] * across.sum(axis=1))
    return lift


def _overlaps(pixels: int, block_pixels: int, cells: int) -> NDArray[np.float64]:
    """(blocks, cells): the part of each cell of the map that lies in each block, along one axis."""
    edges = np.minimum(np.arange(0, pixels + block_pixels, block_pixels), pixels) * cells / pixels
    cell = np.arange(cells)
    inside = np.minimum(edges[1:, None], cell + 1) - np.maximum(edges[:-1, None], cell)
    return np.asarray(np.maximum(inside, 0), np.float64)


def offsets_of(lift: NDArray[np.float64], strength: float) -> Offsets:
    """Offsets (rows, columns) for the lifts of blocks: 0 where viewers look as often as on average, at most `strength`.

    >>> offsets_of(np.array([[0, 0.5, 1, 2, 100]]), 6)
    array([[ 6,  3,  0, -3, -6]], dtype=int8)
    """
    # No looks at all have a logarithm too: it is far below what is cut off next.
    doublings = np.log2(np.maximum(lift, np.finfo(np.float64).tiny))
    return np.asarray(np.rint(np.clip(-QP_PER_DOUBLING * doublings, -strength, strength)), np.int8)


def regions_of(offsets: Offsets, size_wh: tuple[int, int], block_pixels: int) -> list[Region]:
    """The rectangles that together say every offset but 0, none over another.

    Runs of one offset in a row are joined with the same runs in the rows below.

    Args:
        offsets: (rows, columns).
        size_wh: of the frame, in pixels; no rectangle leaves it.
        block_pixels: side of a block.
    """
    done: list[Region] = []
    # Runs that go on from the rows above → the row in which they began.
    open_runs: dict[tuple[int, int, int], int] = {}
    # One row more than there are, without runs, ends all that are open.
    for row in range(offsets.shape[0] + 1):
        runs = _runs(offsets[row]) if row < offsets.shape[0] else []
        for run in [run for run in open_runs if run not in runs]:
            done.append(_region(run, open_runs.pop(run), row, size_wh, block_pixels))
        for run in runs:
            open_runs.setdefault(run, row)
    return done


def _runs(row: NDArray[np.int8]) -> list[tuple[int, int, int]]:
    """(first column, column after the last, offset) of each stretch of one offset other than 0."""
    # A value before the first that differs from it makes it the start of a run.
    starts = np.flatnonzero(np.diff(row, prepend=row[0] + 1))
    ends = [*starts[1:], row.size]
    return [(int(a), int(b), int(row[a])) for a, b in zip(starts, ends, strict=True) if row[a]]


def _region(run: tuple[int, int, int], top: int, bottom: int, size_wh: tuple[int, int], side: int) -> Region:
    first, after, offset = run
    right, below = min(after * side, size_wh[0]), min(bottom * side, size_wh[1])
    return Region(first * side, top * side, right - first * side, below - top * side, offset)
