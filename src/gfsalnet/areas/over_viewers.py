"""Means over viewers with their intervals, and what the suites of eye-tracker makers call the measures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gfsalnet.areas.people import FIXATION_COLUMNS, SAMPLE_COLUMNS, Row

RESAMPLES, SEED = 2000, 0
NORMAL_97_5 = 1.959964
"""The 97.5 % point of the normal distribution."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """A measure by the suites' names; empty where a suite has none like it."""

    tobii: str = ""
    """Tobii Pro Lab."""
    eyelink: str = ""
    """EyeLink Data Viewer."""
    pupil: str = ""
    """Pupil Cloud."""


NAMES: Mapping[str, Named] = {
    "hit_ratio": Named(tobii="Percentage fixated", pupil="reach"),
    "time_to_first_fixation_seconds": Named(tobii="Time to first fixation"),
    "time_to_first_fixation_from_clip_seconds": Named(
        tobii="Time to first fixation", eyelink="IA_FIRST_FIXATION_TIME", pupil="time to first fixation"
    ),
    "first_fixation_seconds": Named(tobii="Duration of first fixation", eyelink="IA_FIRST_FIXATION_DURATION"),
    "fixation_count": Named(tobii="Number of fixations", eyelink="IA_FIXATION_COUNT", pupil="total fixations"),
    "fixation_dwell_seconds": Named(
        tobii="Total duration of fixations", eyelink="IA_DWELL_TIME", pupil="total fixation duration"
    ),
    "mean_fixation_seconds": Named(
        tobii="Average duration of fixations", eyelink="IA_AVERAGE_FIX_DURATION", pupil="average fixation duration"
    ),
    "visits": Named(tobii="Number of visits", eyelink="IA_RUN_COUNT"),
    "visit_dwell_seconds": Named(tobii="Total duration of visits"),
}
"""Measure → names (docs/areas.md says where what they mean differs)."""


@dataclass(frozen=True, kw_only=True)
class OverViewers:
    """One measure of one area over the viewers who have it."""

    area: str
    measure: str
    n: int
    """Viewers that were averaged; viewers without a value, as a time to what never came, are left out."""
    mean: float | None = None
    deviation: float | None = None
    """Standard deviation over viewers; None for fewer than two."""
    low: float | None = None
    high: float | None = None
    """95 %: percentile bootstrap over viewers; Wilson's interval for the hit ratio."""


def over_viewers(rows: Sequence[Row]) -> list[OverViewers]:
    """The means of every measure of every area, the hit ratio first.

    Args:
        rows: of `viewer_rows`, of all viewers.
    """
    areas = list(dict.fromkeys(str(row["area"]) for row in rows))
    found = []
    for area in areas:
        of = [row for row in rows if row["area"] == area]
        found.append(_hit_ratio(area, of))
        for measure in (*SAMPLE_COLUMNS, *FIXATION_COLUMNS):
            values = [float(value) for row in of if (value := row[measure]) is not None]
            # Of all areas: a measure that no recording has is left out; one that only this area lacks has n = 0.
            if any(row[measure] is not None for row in rows):
                found.append(_mean(area, measure, np.array(values)))
    return found


def looked_at(row: Row) -> bool | None:
    """Whether a viewer looked at an area at all: by fixations where there are any, else by samples; None: no gaze."""
    if row["fixation_count"] is not None:
        return row["fixation_count"] != 0
    return None if row["entries"] is None else row["entries"] != 0


def _hit_ratio(area: str, rows: Sequence[Row]) -> OverViewers:
    hits = [hit for row in rows if (hit := looked_at(row)) is not None]
    if not hits:
        return OverViewers(area=area, measure="hit_ratio", n=0)
    share, n, z = sum(hits) / len(hits), len(hits), NORMAL_97_5
    # Wilson's score interval, which also holds for few viewers and shares near 0 and 1.
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and 1 the formula gives the very end, but for rounding.
    low, high = centre - reach if share > 0 else 0.0, centre + reach if share < 1 else 1.0
    return OverViewers(area=area, measure="hit_ratio", n=n, mean=share, low=low, high=high)


def _mean(area: str, measure: str, values: NDArray[np.float64]) -> OverViewers:
    n = len(values)
    if n < 2:
        return OverViewers(area=area, measure=measure, n=n, mean=float(values[0]) if n else None)
    # Anew for each measure: a table that is computed again has the same intervals, whatever else is in it.
    random = np.random.default_rng(SEED)
    means = values[random.integers(0, n, (RESAMPLES, n))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return OverViewers(
        area=area,
        measure=measure,
        n=n,
        mean=float(values.mean()),
        deviation=float(values.std(ddof=1)),
        low=float(low),
        high=float(high),
    )
