"""What is marked: peaks of attention, cuts, and stretches in which looks spread or are split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.maps import Map

Array = NDArray[np.float64]
MarkKind = Literal["peak", "cut", "spread", "split"]


@dataclass(frozen=True, kw_only=True)
class MarkSettings:
    """What counts as a mark."""

    smooth_seconds: float = 1.0
    """Width of the window over which areas are averaged, centred, within a shot."""
    prominence: float = 1.5
    """Between a peak and any place where looks are still more focused, the area grows to at least this multiple."""
    spread_area: float = 0.15
    """From this part of the frame on, 0…1, that holds half of the looks, they are spread."""
    split_ratio: float = 0.5
    """From this ratio on, 0…1, of the looks on the second place to those on the first, they are split."""
    least_seconds: float = 1.0
    """Shorter stretches are left out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """How focused the looks are over a video, frame by frame."""

    times_seconds: Array
    """(T,) when each frame is shown, ascending."""
    end_seconds: float
    """When the last frame ends."""
    area: Array
    """(T,) smallest part of the frame, 0…1, that holds half of the looks."""
    split: Array | None
    """(T,) see `second_place`; None where it is not known."""
    cuts: NDArray[np.bool_]
    """(T,) whether the picture was cut before the frame."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment or a stretch."""

    kind: MarkKind
    number: int
    """Number among the marks of its kind, from 1 on."""
    start_seconds: float
    end_seconds: float
    """End of a stretch; a moment ends where it starts."""
    value: float | None
    """The area of a peak or a spread stretch, the ratio of a split stretch, at its most extreme; None for a cut."""
    prominence: float | None = None
    """How many times as large the area of a peak grows before it gets smaller still; None for other marks."""

    @property
    def name(self) -> str:
        """Such as `Peak 1`."""
        words = {"peak": "Peak", "cut": "Cut", "spread": "Spread looks", "split": "Split looks"}
        return f"{words[self.kind]} {self.number}"

    @property
    def comment(self) -> str:
        """What was measured, in words."""
        if self.value is None:
            return "the picture is cut"
        if self.kind == "split":
            return f"the second place draws {self.value:.0%} of what the first draws"
        text = f"half of the looks on {self.value:.1%} of the picture"
        return text if self.prominence is None else f"{text}; {self.prominence:.1f} times as much around it"


def second_place(density: Map) -> float:
    """How many looks a second place draws for each of the first, 0…1.

    Places are the connected pieces, corners included, of the smallest area that holds half of the density (h, w). 0
    where it is in one piece.
    """
    order = np.sort(density, axis=None)[::-1]
    # In float64: a sum of many small cells in float32 would lose the last of them.
    held = np.cumsum(order, dtype=np.float64)
    # The density of the last cell that is needed for half of the looks, densest first.
    level = order[min(int(np.searchsorted(held, held[-1] / 2)), order.size - 1)]
    count, labels = cv2.connectedComponents((density >= level).astype(np.uint8), connectivity=8)
    # Label 0 is what lies outside all pieces.
    looks = np.sort(np.bincount(labels.ravel(), weights=density.ravel(), minlength=count)[1:])
    return float(looks[-2] / looks[-1]) if looks.size > 1 and looks[-1] > 0 else 0.0


def find_marks(course: Course, settings: MarkSettings) -> list[Mark]:
    """All marks of a video, in the order of their starts.

    - A **peak** is the moment at which the smoothed area that holds half of the looks is smallest, if on both sides, on
      the way to any moment with a still smaller one or to the end, it grows to at least `prominence` times as much.
    - A **cut** is where `predict` found one; fades are none.
    - A **spread** stretch: the smoothed area is at least `spread_area` for at least `least_seconds`.
    - A **split** stretch: the smoothed ratio of `second_place` is at least `split_ratio` for as long.
    """
    area = smoothed(course, course.area, settings.smooth_seconds)
    split = None if course.split is None else smoothed(course, course.split, settings.smooth_seconds)
    marks = [*_peaks(course, area, settings.prominence), *_cuts(course)]
    marks += _stretches(course, "spread", area, settings.spread_area, settings.least_seconds)
    if split is not None:
        marks += _stretches(course, "split", split, settings.split_ratio, settings.least_seconds)
    return sorted(marks, key=lambda mark: mark.start_seconds)


def smoothed(course: Course, values: Array, seconds: float) -> Array:
    """The mean of values (T,) over a window around the middle of each frame, cut off at cuts; each frame counts by its
    duration."""
    edges = np.append(course.times_seconds, course.end_seconds)
    middle = (edges[1:] + edges[:-1]) / 2
    starts = np.flatnonzero(course.cuts | (np.arange(values.size) == 0))
    ends = np.append(starts[1:], values.size)
    shot = np.repeat(np.arange(starts.size), ends - starts)
    # No window reaches over a cut: what lies behind it is another picture.
    low = np.maximum(middle - seconds / 2, edges[starts][shot])
    high = np.minimum(middle + seconds / 2, edges[ends][shot])
    # The integral up to each edge; between edges it is linear, so any window's mean is two interpolations.
    total = np.append(0, np.cumsum(values * np.diff(edges)))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (np.interp(high, edges, total) - np.interp(low, edges, total)) / (high - low)
    return np.where(high > low, means, values)


def _peaks(course: Course, area: Array, prominence: float) -> Iterator[Mark]:
    # Logarithms, so that a prominence is a ratio of areas: from 2 % to 3 % is as much as from 20 % to 30 %.
    focus = -np.log2(np.maximum(area, 1e-6))
    found = [(place, height) for place, height in prominent(focus) if 2**height >= prominence]
    for number, (place, height) in enumerate(found, start=1):
        seconds = float(course.times_seconds[place])
        yield Mark(
            kind="peak",
            number=number,
            start_seconds=seconds,
            end_seconds=seconds,
            value=float(area[place]),
            prominence=2**height,
        )


def prominent(values: Array) -> list[tuple[int, float]]:
    """The local maxima of (T,) values and how far each rises over the higher of the lowest points on its two sides.

    A side reaches to the next higher value or to the end. Of a flat top the middle counts; the first and the last value
    are no maxima. As `scipy.signal.peak_prominences` defines it.
    """
    valleys = np.maximum(_lowest_before(values), _lowest_before(values[::-1])[::-1])
    # Where each run of equal values begins; NaN is unequal to all, so that the first value begins one.
    changes = np.flatnonzero(np.diff(values, prepend=np.nan) != 0)
    ends = np.append(changes[1:], values.size) - 1
    found = []
    for first, last in zip(changes.tolist(), ends.tolist(), strict=True):
        inside = first > 0 and last < values.size - 1
        if inside and values[first - 1] < values[first] > values[last + 1]:
            place = (first + last) // 2
            found.append((place, float(values[place] - valleys[place])))
    return found


def _lowest_before(values: Array) -> Array:
    """For each value the lowest between the last higher one before it and itself."""
    lowest = np.empty_like(values)
    # Values that nothing later has reached yet, falling, each with the lowest since the one before it. Every value
    # goes in once and out once: linear in time, where looking back from each would be quadratic.
    open_ones: list[tuple[float, float]] = []
    for place, value in enumerate(values.tolist()):
        low = value
        while open_ones and open_ones[-1][0] <= value:
            low = min(low, open_ones.pop()[1])
        open_ones.append((value, low))
        lowest[place] = low
    return lowest


def _cuts(course: Course) -> Iterator[Mark]:
    for number, seconds in enumerate(course.times_seconds[course.cuts].tolist(), start=1):
        yield Mark(kind="cut", number=number, start_seconds=seconds, end_seconds=seconds, value=None)


def _stretches(
    course: Course, kind: MarkKind, values: Array, least_value: float, least_seconds: float
) -> Iterator[Mark]:
    edges = np.append(course.times_seconds, course.end_seconds)
    number = 0
    for first, after in _runs(values >= least_value):
        start, end = float(edges[first]), float(edges[after])
        if end - start >= least_seconds:
            number += 1
            most = float(values[first:after].max())
            yield Mark(kind=kind, number=number, start_seconds=start, end_seconds=end, value=most)


def _runs(inside: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, after the last) of each run of true."""
    # False at both ends closes runs that reach them, so that changes come in pairs.
    changes = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False]))))
    return [(int(a), int(b)) for a, b in zip(changes[::2], changes[1::2], strict=True)]
