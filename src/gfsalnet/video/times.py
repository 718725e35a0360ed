"""From presentation stamps to seconds that always grow."""

from __future__ import annotations

from fractions import Fraction

JITTER_FRAMES = 3
"""A stamp further behind its predecessor, in frame intervals, belongs to a new recording appended to the first."""


class Clock:
    """Strictly increasing times; the first frame's is 0.

    What the header calls the start is not asked: decoders with a delay make it up, and a recording that starts between
    two key frames loses pictures after it.

    A missing stamp is one frame interval after its predecessor; a repeated or slightly reversed one is a tick after;
    where the stamps start anew (joined recordings) the time runs on.

    Args:
        time_base: seconds per tick of the stamps.
        rate: frames per second, for frames without a stamp.
    """

    def __init__(self, time_base: Fraction, rate: Fraction) -> None:
        self._tick, self._interval = time_base, 1 / rate
        self._shift: Fraction | None = None
        self._last: Fraction | None = None

    def seconds(self, stamp: int | None) -> float:
        """Time of the next frame in seconds, ≥ 0 and later than that of the frame before."""
        now = self._next_after(self._last, stamp)
        self._last = now
        return float(now)

    def _next_after(self, last: Fraction | None, stamp: int | None) -> Fraction:
        if stamp is None:
            return Fraction(0) if last is None else last + self._interval
        if self._shift is None:
            self._shift = (Fraction(0) if last is None else last + self._interval) - stamp * self._tick
        now = stamp * self._tick + self._shift
        if last is None or now > last:
            return now
        if last - now < JITTER_FRAMES * self._interval:
            return last + self._tick
        self._shift += last + self._interval - now
        return last + self._interval
