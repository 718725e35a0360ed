"""Time and cost of many videos on many machines, on paper: `python benchmarks/scale_plan.py --workers 100`

A simulation of the work that a pool does, event by event, with durations in place of work: every worker takes the next
source as soon as it is free, a few are slow, some sources fail and some workers are lost, whose source is then begun
again by another. `--check` has the same fake work, slept in a thousandth of the time, done by Ray on this machine.
"""

from __future__ import annotations

import argparse
import heapq
import random
import time
from collections import deque
from dataclasses import dataclass
from functools import partial

TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done, and with what."""

    videos: int
    workers: int
    frames: float
    """Mean of a video; lengths are spread as an exponential distribution with a tenth of it as the least."""
    frames_per_second: float
    """Of one worker."""
    overhead_seconds: float
    """Of each video: opening, claiming, publishing, the outcome."""
    start_seconds: float
    """Until a worker has loaded the model."""
    stragglers: float
    """Share of the workers that are slower by `slower`."""
    slower: float
    failing: float
    """Share of the videos that fail, halfway."""
    lost_per_hour: float
    """How often each worker is lost; another takes its place."""
    handed_out_per_second: float
    """Sources that the process of the command can hand out and write down: the one part that does not grow."""


@dataclass(frozen=True)
class Result:
    """What came out."""

    seconds: float
    busy: float
    """Share of the workers' time that was work."""
    done: int
    failed: int
    repeated: int


def durations(plan: Plan, seed: int) -> list[float]:
    """Seconds that each video takes on a worker that is not slow."""
    draw = random.Random(seed)
    least = plan.frames / 10
    frames = (least + draw.expovariate(1 / (plan.frames - least)) for _ in range(plan.videos))
    return [plan.overhead_seconds + count / plan.frames_per_second for count in frames]


def simulate(plan: Plan, seed: int = 0) -> Result:
    """Do it event by event."""
    draw = random.Random(seed + 1)
    waiting = deque((seconds, 1) for seconds in durations(plan, seed))
    slow = [plan.slower if draw.random() < plan.stragglers else 1.0 for _ in range(plan.workers)]
    free = [(plan.start_seconds, worker) for worker in range(plan.workers)]
    heapq.heapify(free)
    worked, end, next_turn = 0.0, 0.0, 0.0
    done = failed = repeated = 0
    while waiting:
        now, worker = heapq.heappop(free)
        begin = max(now, next_turn)
        next_turn = begin + 1 / plan.handed_out_per_second
        seconds, tries = waiting.popleft()
        takes = seconds * slow[worker]
        until_lost = draw.expovariate(plan.lost_per_hour / 3600) if plan.lost_per_hour else float("inf")
        if until_lost < takes:
            repeated += 1
            failed += tries == TRIES
            if tries < TRIES:
                waiting.appendleft((seconds, tries + 1))
            heapq.heappush(free, (begin + until_lost + plan.start_seconds, worker))
            end = max(end, begin + until_lost)
            continue
        fails = draw.random() < plan.failing
        takes = takes / 2 if fails else takes
        failed, done = failed + fails, done + (not fails)
        worked, end = worked + takes, max(end, begin + takes)
        heapq.heappush(free, (begin + takes, worker))
    return Result(end, worked / (end * plan.workers), done, failed, repeated)


def _sleep(seconds: float, fails: bool) -> bool:
    time.sleep(seconds)
    return not fails


def check(plan: Plan, faster: float) -> tuple[float, float]:
    """Seconds that Ray on this machine takes for the same fake work, and that the simulation says, sped up alike."""
    from concurrent.futures import as_completed

    from gfsalnet.scale.ray_pool import RayPool

    draw = random.Random(1)
    work = [(seconds / faster, draw.random() < plan.failing) for seconds in durations(plan, 0)]
    with RayPool(plan.workers) as pool:
        for future in [pool.submit(_sleep, 0.0, False) for _ in range(8 * plan.workers)]:
            future.result()
        began = time.monotonic()
        futures = [pool.submit(_sleep, *one) for one in work]
        for future in as_completed(futures):
            future.result()
        taken = time.monotonic() - began
    seconds = sum(seconds for seconds, _ in work) / plan.workers
    return taken, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = partial(parser.add_argument, type=float)
    parser.add_argument("--videos", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=100)
    add("--frames", default=250.0)
    add("--frames-per-second", default=28.0)
    add("--overhead-seconds", default=0.3)
    add("--start-seconds", default=10.0)
    add("--stragglers", default=0.02)
    add("--slower", default=3.0)
    add("--failing", default=0.01)
    add("--lost-per-hour", default=0.05)
    add("--handed-out-per-second", default=200.0)
    add("--price", default=0.05, help="of a core for an hour, in any currency")
    parser.add_argument("--check", type=float, metavar="FASTER", help="have Ray do fake work, so many times faster")
    given = vars(parser.parse_args())
    price, faster = given.pop("price"), given.pop("check")
    plan = Plan(**given)
    if faster:
        taken, ideal = check(plan, faster)
        print(
            f"Ray {taken:.2f} s, work alone {ideal:.2f} s, {1000 * (taken - ideal) * plan.workers / plan.videos:.1f} ms"
        )
        return
    result = simulate(plan)
    hours = result.seconds / 3600
    print(f"{hours:.2f} h, {hours * plan.workers * price:.0f} at {price} per core and hour, busy {result.busy:.0%}")
    print(f"{result.done} done, {result.failed} failed, {result.repeated} begun again")


if __name__ == "__main__":
    main()
