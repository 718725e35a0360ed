"""The newest picture, for whoever wants it, and how old it was when it was made."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

_RECENT = 300
"""Pictures over which ages and rates are taken: ten seconds of a camera."""


@dataclass(frozen=True)
class Picture:
    """A JPEG file, and its number: later pictures have larger ones."""

    number: int
    jpeg: bytes


class Feed:
    """Holds one picture; viewers that are slow skip those between."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._picture: Picture | None = None
        self._ages: deque[float] = deque(maxlen=_RECENT)
        self._times: deque[float] = deque(maxlen=_RECENT)
        self._ended = False
        self.viewers = self.shown = self.dropped = self.reconnects = 0
        self.said = "connecting"
        """What the source does, in a few words."""

    def put(self, jpeg: bytes) -> None:
        """Replace the picture."""
        with self._changed:
            self._picture = Picture(0 if self._picture is None else self._picture.number + 1, jpeg)
            self._changed.notify_all()

    def newer_than(self, number: int, timeout_seconds: float) -> Picture | None:
        """The newest picture once its number is larger; None: there was none in that time, or there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._is_newer(number), timeout_seconds)
            return self._picture if self._is_newer(number) else None

    def _is_newer(self, number: int) -> bool:
        return self._picture is not None and self._picture.number > number

    def note(self, age_seconds: float) -> None:
        """Count a frame that was shown, so long after it had come in."""
        self.shown += 1
        self._ages.append(age_seconds)
        self._times.append(time.monotonic())

    def end(self) -> None:
        """There will be no further picture: nobody waits any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """Whether there will be no further picture."""
        return self._ended

    @property
    def median_age_ms(self) -> float:
        """Of the recent pictures; 0 before the first one."""
        return 1000 * statistics.median(self._ages) if self._ages else 0.0

    def statistics(self) -> dict[str, Any]:
        """Numbers for people and programs; of the recent pictures, but for the counts."""
        seconds = self._times[-1] - self._times[0] if len(self._times) > 1 else 0.0
        return {
            "state": self.said,
            "frames_shown": self.shown,
            "frames_dropped": self.dropped,
            "frames_per_second": round((len(self._times) - 1) / seconds, 1) if seconds else 0.0,
            "median_age_ms": round(self.median_age_ms),
            "p95_age_ms": round(1000 * float(np.percentile(self._ages, 95))) if self._ages else 0,
            "reconnects": self.reconnects,
            "viewers": self.viewers,
        }
