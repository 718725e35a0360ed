"""Fixations in gaze samples: I-VT and I-DT (Salvucci and Goldberg, ETRA 2000).

For video they are a choice and no default: eyes that follow something smoothly make no fixation, and still look at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze.trackers.recording import SECOND_NS, Nanoseconds, Points, TrackerFixations

Method = Literal["ivt", "idt"]
WINDOW_SECONDS = 0.02
"""Time over which a velocity is measured (Olsen, "The Tobii I-VT fixation filter", 2012): less would be noise."""
MERGE_SECONDS, MERGE_DEGREES = 0.075, 0.5
"""Two fixations at most this far apart in time and place are one, interrupted by a blink or by noise (Olsen 2012)."""
LONGEST_STEP = 1.5
"""Median intervals between two samples; beyond lie gaps, over which nothing is said."""


@dataclass(frozen=True, kw_only=True)
class Detection:
    """How fixations are found; the thresholds are in degrees of visual angle."""

    method: Method
    pixels_per_degree: float
    velocity_threshold: float = 30.0
    """Degrees per second, of I-VT: slower samples belong to a fixation."""
    dispersion_threshold: float = 1.0
    """Degrees, of I-DT: width plus height of all samples of a fixation."""
    least_seconds: float = 0.06
    """Shortest fixation."""


def detect_fixations(time_ns: Nanoseconds, points: Points, detection: Detection) -> TrackerFixations:
    """The fixations of one viewer, by time: starts and lengths in nanoseconds, places in pixels of the display.

    A fixation lasts from its first sample until one sample interval after its last one; its place is the mean.

    Args:
        time_ns: (N,) ascending.
        points: (N, 2) pixels of the display; NaN where the eye was lost.
        detection: method and thresholds.
    """
    # Lost samples are left out first: they are gaps in time, not places.
    there = np.flatnonzero(np.isfinite(points).all(axis=1))
    time, degrees = time_ns[there], points[there] / detection.pixels_per_degree
    if len(time) < 2:
        return _fixations([], time, points[there], 0)
    # A sample stands for the interval after it, so a fixation lasts one interval longer than from first to last.
    interval = int(np.median(np.diff(time)))
    find = _by_velocity if detection.method == "ivt" else _by_dispersion
    runs = find(time, degrees, interval, detection)
    return _fixations(runs, time, points[there], interval)


Run = tuple[int, int]
"""First and last sample of a fixation."""


def _by_velocity(time: Nanoseconds, degrees: Points, interval: int, detection: Detection) -> list[Run]:
    # Runs of slow samples: one begins where the sample before is fast or beyond a gap, and ends likewise.
    slow = _velocity(time, degrees, interval) < detection.velocity_threshold
    is_split = np.diff(time) > LONGEST_STEP * interval
    begins = np.flatnonzero(slow & np.append(True, is_split | ~slow[:-1]))
    ends = np.flatnonzero(slow & np.append(is_split | ~slow[1:], True))
    merged: list[Run] = []
    for run in zip(begins.tolist(), ends.tolist(), strict=True):
        if merged and _is_one(time, degrees, merged[-1], run):
            merged[-1] = (merged[-1][0], run[1])
        else:
            merged.append(run)
    least = detection.least_seconds * SECOND_NS
    return [(first, last) for first, last in merged if time[last] - time[first] + interval >= least]


def _velocity(time: Nanoseconds, degrees: Points, interval: int) -> NDArray[np.float64]:
    """(N,) degrees per second between the ends of a window around each sample, at least its two neighbours.

    Infinite where neither neighbour is near.
    """
    count, half = len(time), round(WINDOW_SECONDS * SECOND_NS / 2)
    # Stretches without gaps, numbered: a window stays within its own.
    group = np.cumsum(np.append(0, np.diff(time) > LONGEST_STEP * interval))
    own_first, own_last = np.searchsorted(group, group), np.searchsorted(group, group, side="right") - 1
    index = np.arange(count)
    # As wide as the window, or the two neighbours where samples are further apart than that.
    first = np.maximum(np.minimum(np.searchsorted(time, time - half), index - 1), own_first)
    last = np.minimum(np.maximum(np.searchsorted(time, time + half, side="right") - 1, index + 1), own_last)
    seconds = (time[last] - time[first]) / SECOND_NS
    way = np.hypot(*(degrees[last] - degrees[first]).T)
    return np.asarray(np.divide(way, seconds, out=np.full(count, np.inf), where=seconds > 0))


def _is_one(time: Nanoseconds, degrees: Points, before: Run, after: Run) -> bool:
    if time[after[0]] - time[before[1]] > MERGE_SECONDS * SECOND_NS:
        return False
    apart = degrees[before[0] : before[1] + 1].mean(axis=0) - degrees[after[0] : after[1] + 1].mean(axis=0)
    return bool(np.hypot(*apart) <= MERGE_DEGREES)


def _by_dispersion(time: Nanoseconds, degrees: Points, interval: int, detection: Detection) -> list[Run]:
    """Windows that grow as long as width plus height of their samples stay within the threshold."""
    least, limit = detection.least_seconds * SECOND_NS, detection.dispersion_threshold
    # Python's own numbers: taken one by one they are quicker than elements of NumPy arrays.
    xy, times = degrees.tolist(), time.tolist()
    runs: list[Run] = []
    first = 0
    while first < len(times):
        left = right = xy[first][0]
        top = bottom = xy[first][1]
        last = first
        while last + 1 < len(times) and times[last + 1] - times[last] <= LONGEST_STEP * interval:
            x, y = xy[last + 1]
            box = (min(left, x), max(right, x), min(top, y), max(bottom, y))
            if box[1] - box[0] + box[3] - box[2] > limit:
                break
            left, right, top, bottom = box
            last += 1
        if times[last] - times[first] + interval >= least:
            runs.append((first, last))
            first = last + 1
        else:
            # No fixation begins here: the window starts one sample later, as in the published algorithm.
            first += 1
    return runs


def _fixations(runs: list[Run], time: Nanoseconds, points: Points, interval: int) -> TrackerFixations:
    places = [points[first : last + 1].mean(axis=0) for first, last in runs]
    return TrackerFixations(
        start_ns=np.array([time[first] for first, _ in runs], np.int64),
        duration_ns=np.array([time[last] - time[first] + interval for first, last in runs], np.int64),
        points=np.array(places, np.float64).reshape(-1, 2),
    )
