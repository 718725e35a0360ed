"""Timing side by side: whatever else the machine does slows all callables that are compared alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class InterleavedTimings:
    """CPU milliseconds of several callables, one measurement per callable and round."""

    cpu_ms: Mapping[str, list[float]]
    """Callable → CPU ms of each round, summed over threads: on one thread, the time it takes on an idle core."""

    def median(self, name: str) -> float:
        """The median CPU ms of a callable over all rounds."""
        return statistics.median(self.cpu_ms[name])

    def best(self, name: str) -> float:
        """The least CPU ms of a callable over all rounds: what the machine can do."""
        return min(self.cpu_ms[name])

    def ratio(self, slower: str, faster: str) -> float:
        """The median, over the rounds, of the CPU ms of one callable divided by those of another."""
        pairs = zip(self.cpu_ms[slower], self.cpu_ms[faster], strict=True)
        return statistics.median(a / b for a, b in pairs)


def interleaved_timings(callables: Mapping[str, Callable[[], object]], rounds: int) -> InterleavedTimings:
    """Call each once to warm up, and then each in turn, `rounds` times.

    One after the other within a round, because a machine that is slow for a second is then slow for all of them, and
    the ratio within a round holds.
    """
    for call in callables.values():
        # What is compiled, allocated and cached at the first call is not what a frame costs.
        call()
    cpu_ms: dict[str, list[float]] = {name: [] for name in callables}
    for _ in range(rounds):
        for name, call in callables.items():
            # CPU time includes the threads of a pool, and leaves out what other programs do meanwhile.
            began = time.process_time()
            call()
            cpu_ms[name].append(1000 * (time.process_time() - began))
    return InterleavedTimings(cpu_ms)
