"""Timecodes of SMPTE ST 12-1: frames counted at a rate, as editors write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

NTSC = Fraction(1000, 1001)
STANDARD_RATES = tuple(
    sorted([Fraction(n) for n in (24, 25, 30, 48, 50, 60, 100, 120)] + [n * NTSC for n in (24, 30, 48, 60, 120)])
)
"""Frames per second that editors have timelines of."""
NEAR = Fraction(1, 3000)
"""How far, relatively, a measured rate may lie from a standard one; 24 and 23.976 are a thousandth apart."""
UNSTEADY = 0.25
"""Part of a frame by which steady frames may lie off their grid, by the rounding of their container's clock."""
_TIMECODE = re.compile(r"(\d\d):([0-5]\d):([0-5]\d)([:;.])(\d{2,3})")


@dataclass(frozen=True)
class Timebase:
    """A rate at which frames are numbered, and how their numbers are written.

    In drop-frame timecode the first two numbers of each minute but every tenth are left out at 29.97 frames per second
    (four at 59.94), so that it keeps up with the clock; frames themselves are never dropped.
    """

    rate: Fraction
    """Frames per second."""
    drop_frame: bool = False

    @property
    def nominal(self) -> int:
        """Frames that a timecode counts to a second."""
        return max(1, round(self.rate))

    def frame_at(self, seconds: float) -> int:
        """The number, from 0 on, of the frame that is nearest to a time."""
        # In fractions: a product of floats may round a frame of a long video to its neighbour.
        return round(Fraction(seconds) * self.rate)

    def timecode(self, frame: int) -> str:
        """Such as `01:00:00:00`, or `01:00:00;00` for drop-frame; after 24 hours it begins anew.

        >>> ntsc = Timebase(30 * NTSC, drop_frame=True)
        >>> ntsc.timecode(1799), ntsc.timecode(1800), ntsc.timecode(17982), Timebase(24 * NTSC).timecode(86400)
        ('00:00:59;29', '00:01:00;02', '00:10:00;00', '01:00:00:00')
        """
        if self.drop_frame:
            # The day first: of a drop-frame day there are fewer frames, and numbers are skipped anew in each.
            frame = frame % self._per_day
            tens, rest = divmod(frame, self._per_ten_minutes)
            # Minutes of these ten that have begun with a gap: the first has none and is longer by as much.
            minutes = max(0, rest - self._dropped) // (self.nominal * 60 - self._dropped)
            # From here on the number that would be displayed, in which nothing is missing.
            frame += self._dropped * (9 * tens + minutes)
        seconds, frames = divmod(frame, self.nominal)
        hours, minutes, seconds = seconds // 3600 % 24, seconds // 60 % 60, seconds % 60
        return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if self.drop_frame else ':'}{frames:02d}"

    def frame_of(self, timecode: str) -> int:
        """The frame of a timecode; with or without a semicolon it is read as this timebase counts.

        >>> Timebase(30 * NTSC, drop_frame=True).frame_of("01:00:00;00"), Timebase(Fraction(25)).frame_of("00:00:01:05")
        (107892, 30)

        Raises:
            ValueError: if it is none, or a number that does not exist.
        """
        found = _TIMECODE.fullmatch(timecode.strip())
        if found is None or int(found[5]) >= self.nominal:
            raise ValueError(f"{timecode} is no timecode such as 01:00:00:00 at {float(self.rate):g} frames per second")
        hours, minutes, seconds, frames = (int(found[group]) for group in (1, 2, 3, 5))
        frame = ((hours * 60 + minutes) * 60 + seconds) * self.nominal + frames
        if not self.drop_frame:
            return frame
        # The first numbers of a minute that drop-frame skips.
        if not seconds and minutes % 10 and frames < self._dropped:
            raise ValueError(f"{timecode} does not exist in drop-frame timecode")
        whole = hours * 60 + minutes
        return frame - self._dropped * (whole - whole // 10)

    @property
    def _dropped(self) -> int:
        # 2 of 30, 4 of 60, 8 of 120.
        return round(self.nominal / 15)

    @property
    def _per_ten_minutes(self) -> int:
        return self.nominal * 600 - 9 * self._dropped

    @property
    def _per_day(self) -> int:
        return self._per_ten_minutes * 6 * 24


def can_drop(rate: Fraction) -> bool:
    """Whether there is drop-frame timecode of a rate: 29.97, 59.94 and 119.88 frames per second."""
    return rate in (30 * NTSC, 60 * NTSC, 120 * NTSC)


def nearest_rate(rate: Fraction, times_seconds: NDArray[np.float64]) -> tuple[Fraction, bool]:
    """The rate to number the frames of a video by, and whether its frames come at a steady rate.

    That of the video where it is steady, as its exact fraction where it is a standard one; otherwise the standard one
    nearest to the usual distance of two frames, since no timeline of an editor varies.

    Args:
        rate: that the container states.
        times_seconds: (T,) of the frames, ascending.
    """
    # 29.97 is a rounded 30000/1001, and containers round it in many ways: the exact one keeps hours in step.
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard / rate - 1))
    steady = nearest if abs(nearest / rate - 1) < NEAR else rate
    grid = (times_seconds - times_seconds[:1]) * float(steady)
    if times_seconds.size < 2:
        return steady, True
    if np.abs(grid - np.round(grid)).max() <= UNSTEADY and np.diff(np.round(grid)).max() <= 1:
        return steady, True
    usual = 1 / float(np.median(np.diff(times_seconds)))  # not on average, which a gap would lower
    return min(STANDARD_RATES, key=lambda standard: abs(float(standard) / usual - 1)), False
