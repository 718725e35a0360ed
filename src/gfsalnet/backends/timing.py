"""Timing side by side: whatever else the machine does meets all that is compared alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Turns:
    """Milliseconds of the processor that each of several things took, turn by turn."""

    milliseconds: Mapping[str, list[float]]
    """One number a turn; all threads together, so on one thread it is the time it takes on a free core."""

    @classmethod
    def taken(cls, things: Mapping[str, Callable[[], object]], rounds: int) -> Turns:
        """Let each run once to warm up, then in turn, `rounds` times."""
        for run in things.values():
            run()
        milliseconds: dict[str, list[float]] = {name: [] for name in things}
        for _ in range(rounds):
            for name, run in things.items():
                began = time.process_time()
                run()
                milliseconds[name].append(1000 * (time.process_time() - began))
        return cls(milliseconds)

    def median(self, name: str) -> float:
        """Of all turns."""
        return statistics.median(self.milliseconds[name])

    def best(self, name: str) -> float:
        """Of all turns: what the machine can do."""
        return min(self.milliseconds[name])

    def ratio(self, slower: str, faster: str) -> float:
        """The median of how many times as long one took as the other in the same round."""
        pairs = zip(self.milliseconds[slower], self.milliseconds[faster], strict=True)
        return statistics.median(a / b for a, b in pairs)
