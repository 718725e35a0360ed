"""How much faster N processes predict a list of clips than one does: `python benchmarks/workers.py CLIP...`

Both runs of a round are of the same clips, one process with one thread against N, each with one, in an order that
alternates. Reported are the clock's seconds, which other programs on the machine lengthen, and CPU seconds, which they
hardly do: what N processes could take at best is the CPU time of the busiest of them, so that the ratio of one
process's CPU time to that is the speedup on a machine with N idle cores. Starting and loading are counted in both.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from gfsalnet.models import SaliencyModel, load_model
from gfsalnet.predict import Settings, predict_in_pool

_TICKS = os.sysconf("SC_CLK_TCK")


class ChildrenClock:
    """CPU seconds of each process that this one has started, as Linux tells them while they run."""

    def __init__(self) -> None:
        self.seconds: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ChildrenClock:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            for process in _children():
                self.seconds[process] = _cpu_seconds(process) or self.seconds.get(process, 0.0)


def _children() -> list[int]:
    """Those of this process, and of its fork server or resource tracker."""
    names = (Path(f"/proc/{os.getpid()}/task") / task / "children" for task in os.listdir("/proc/self/task"))
    found = []
    for name in names:
        try:
            found += [int(word) for word in name.read_text(encoding="ascii").split()]
        except OSError:
            continue
    return found


def _cpu_seconds(process: int) -> float | None:
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / _TICKS


def run(
    load: partial[SaliencyModel], model: SaliencyModel, clips: Sequence[str], save: tuple[str, ...], workers: int
) -> tuple[float, float, float]:
    """The clock's seconds, the CPU seconds of all processes, and those of the busiest worker."""
    with TemporaryDirectory() as folder, ChildrenClock() as children:
        began, own = time.perf_counter(), time.process_time()
        outcomes = list(predict_in_pool(model, load, clips, Settings(output=Path(folder), save=save), workers))
        seconds, own = time.perf_counter() - began, time.process_time() - own
    if not all(outcome.ok for outcome in outcomes):
        sys.exit("\n".join(outcome.message for outcome in outcomes if not outcome.ok))
    return seconds, own + sum(children.seconds.values()), max(children.seconds.values())


def main() -> None:
    """Measure, and print one line a round and the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", default="overlay,csv")
    parser.add_argument("--backend", default="auto")
    given = parser.parse_args()
    chosen = load_model(backend=given.backend, threads=1)
    load = partial(load_model, backend=chosen.backend_name, threads=1)
    by_clock, by_cpu, overhead = [], [], []
    for number in range(given.rounds):
        measured = {}
        for workers in sorted({1, given.workers}, reverse=bool(number % 2)):
            measured[workers] = run(load, chosen, given.clips, tuple(given.save.split(",")), workers)
        one, many = measured[1], measured[given.workers]
        by_clock.append(one[0] / many[0])
        by_cpu.append(one[1] / many[2])
        overhead.append(many[1] / one[1] - 1)
        print(
            f"round {number + 1}: {one[0]:.1f} s with one, {many[0]:.1f} s with {given.workers}; "
            f"CPU {one[1]:.1f} s, {many[1]:.1f} s, of which the busiest {many[2]:.1f} s",
            flush=True,
        )
    print(
        f"{given.workers} processes, {chosen.backend_name}, {len(given.clips)} clips, median of {given.rounds}: "
        f"{statistics.median(by_cpu):.2f} times as fast by CPU time, {statistics.median(by_clock):.2f} by the clock; "
        f"{statistics.median(overhead):+.1%} CPU time in all"
    )


if __name__ == "__main__":
    main()
