"""Counts of fixations that show whether gaze can be in pixels and seconds, and the doubts they raise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from gfsalnet.types import Fixations

MOST_OUTSIDE = 0.2
"""Share of the fixations that may lie outside the picture: viewers look at black bars too."""
MOST_AT_ORIGIN = 0.05
"""Share of the fixations that may lie at exactly (0, 0)."""
MOST_ALIKE = 0.5
"""Share of a video's fixations that may lie at one and the same point; from half of that on it is mentioned."""
MOST_LATE = 0.2
"""Share of the fixations that may come after the end of their video: recorders stop late."""
MOST_WITHIN_ONE = 0.9
"""Share of the fixations that may have x and y between 0 and 1."""
PER_CENT = 100
FEWEST = 10
"""Least number of fixations: shares of fewer are not significant."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Counts of the fixations of a picture or video, or of many."""

    fixations: int = 0
    """Fixations on frames of the video."""
    outside: int = 0
    """How many of `fixations` are outside the picture."""
    negative: int = 0
    """How many of `fixations` are left of the picture or above it."""
    at_origin: int = 0
    """How many of `fixations` are at exactly (0, 0)."""
    alike: int = 0
    """How many of `fixations` are at the most frequent point of their video."""
    within_one: int = 0
    """How many of `fixations` have x and y from -1 to 1."""
    fractions: int = 0
    """How many of `within_one` have a fractional x or y."""
    within_hundred: int = 0
    """How many of `fixations` have x and y from 0 to 100, in pictures more than 200 pixels wide and high."""
    late: int = 0
    """Fixations after the end of the video; they are not among `fixations`."""
    late_milliseconds: int = 0
    """How many of `late` would lie within the video if their times were in milliseconds."""
    notes: list[str] = field(default_factory=list)
    """Further remarks for the user."""

    @classmethod
    def of(cls, fixations: Sequence[Fixations], *, late: int = 0, late_milliseconds: int = 0) -> Quality:
        """Count the fixations of one video."""
        x, y = (np.concatenate([np.zeros(0, np.float32), *(getattr(f, axis) for f in fixations)]) for axis in "xy")
        # Units of -1…1 with the origin in the middle are caught here, too.
        unit = (np.abs(x) <= 1) & (np.abs(y) <= 1)
        # Whole numbers from -1 to 1 may be pixels in a corner; fractions are hardly ever.
        between = (np.abs(x) % 1 > 0) | (np.abs(y) % 1 > 0)
        large = np.repeat([min(f.size_wh) > 2 * PER_CENT for f in fixations], [len(f) for f in fixations])
        hundred = (x >= 0) & (x <= PER_CENT) & (y >= 0) & (y <= PER_CENT) & large.astype(np.bool_)
        return cls(
            fixations=len(x),
            outside=sum(int((~f.inside).sum()) for f in fixations),
            negative=int(((x < 0) | (y < 0)).sum()),
            at_origin=int(((x == 0) & (y == 0)).sum()),
            alike=int(np.unique(np.stack([x, y], axis=1), axis=0, return_counts=True)[1].max())
            if len(x) >= FEWEST
            else 0,
            within_one=int(unit.sum()),
            fractions=int((unit & between).sum()),
            within_hundred=int(hundred.sum()),
            late=late,
            late_milliseconds=late_milliseconds,
        )

    def __add__(self, other: Quality) -> Quality:
        return Quality(**{part.name: getattr(self, part.name) + getattr(other, part.name) for part in fields(Quality)})

    def doubts(self) -> Mapping[str, str]:
        """Reasons to doubt that the gaze is in pixels and seconds: kind of doubt → a sentence with its remedy."""
        found = {}
        all_count = self.fixations + self.late
        if self.late == all_count > 0 or self._is_many(self.late, MOST_LATE, all_count):
            said = f"{self.late} of {all_count} fixations come after the end of their video"
            # The remedy that fits most of them.
            if self.late_milliseconds > self.late / 2:
                found["milliseconds"] = f"{said}; time_seconds looks like milliseconds"
            else:
                found["late"] = said
        # At most one of these three: gaze with one of the faults often shows signs of the others.
        if self.within_one > MOST_WITHIN_ONE * self.fixations and (self.fractions or self.fixations >= FEWEST):
            found["units"] = (
                f"{self.within_one} of {self.fixations} fixations have x and y from {-1 if self.negative else 0} to 1, "
                "which looks like shares of width and height; x and y are pixels"
            )
        elif self._is_many(self.at_origin, MOST_AT_ORIGIN, self.fixations):
            found["origin"] = (
                f"{self.at_origin} of {self.fixations} fixations are at exactly (0, 0), as some programs write missing "
                "values; leave those empty"
            )
        elif self._is_many(self.alike, MOST_ALIKE, self.fixations):
            found["alike"] = f"{self.alike} of {self.fixations} fixations are at one and the same point of their video"
        if self._is_many(self.outside, MOST_OUTSIDE, self.fixations):
            hint = (
                "x and y count from the upper left corner, not from the middle"
                if self.negative > self.outside / 4
                else "x and y are pixels of the picture and not of the screen, unless width and height say so"
            )
            found["outside"] = f"{self.outside} of {self.fixations} fixations lie outside the picture; {hint}"
        return found

    def remarks(self) -> list[str]:
        """Oddities too small to be doubts."""
        doubts, found = self.doubts(), []
        if self.late and not {"late", "milliseconds"} & set(doubts):
            found.append(f"{self.late} fixations come after the end of the video and are dropped")
        if not {"units", "origin", "alike"} & set(doubts) and self._is_many(self.alike, MOST_ALIKE / 2, self.fixations):
            found.append(f"{self.alike} of {self.fixations} fixations are at one and the same point")
        if self.at_origin and not {"units", "origin"} & set(doubts):
            found.append(
                f"{self.at_origin} of {self.fixations} fixations are at exactly (0, 0): are they missing values?"
            )
        if self.within_hundred == self.fixations >= FEWEST and "units" not in doubts:
            found.append("all fixations have x and y from 0 to 100: are they per cent? x and y are pixels")
        return [*found, *self.notes]

    def _is_many(self, count: int, limit: float, of: int) -> bool:
        return of >= FEWEST and count > limit * of
