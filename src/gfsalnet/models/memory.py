"""Maps averaged over a short time, as gaze is: it comes late to what is new and stays a little where it was."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, cast

import numpy as np

from gfsalnet.maps import FrameMaps, Map, weighted_sum

T = TypeVar("T")
FIRST_SECONDS = 0.04
"""How long a first frame counts, and a frame whose time does not come after that of the frame before."""
_ROUNDING = 1e-6
"""Seconds: times of frames are sums of fractions."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """An exponential mean of maps that ends after the reach. It carries over cuts, as gaze does for some 200 ms."""

    tau_seconds: float = 0.15
    """0: none."""
    reach_seconds: float = 0.45


@dataclass(eq=False)
class Timed(Generic[T]):
    """A frame on its way through the memory."""

    item: T
    time_seconds: float
    starts_shot: bool
    maps: FrameMaps | None
    """None: the network skips the frame, and the memory too."""
    shown_seconds: float = 0.0


def remembered(frames: Iterable[Timed[T]], memory: Memory, lookahead: int = 0) -> Iterator[tuple[T, FrameMaps | None]]:
    """Every frame in order, with the mean of the maps around it.

    Args:
        frames: of one stream; a frame of another map size starts again.
        memory: how long.
        lookahead: how many later frames have a part, as far as the shot and the reach go; each frame waits for them. A
            later map counts as much as one that is as long ago.
    """
    # Those with maps, the oldest first; without their items, which hold pixels: at 4K, 25 MB each.
    past: deque[Timed[None]] = deque()
    waiting: deque[Timed[T]] = deque()
    last_seconds: float | None = None
    for frame in frames:
        last_seconds = _place_in_time(frame, last_seconds)
        if waiting and (frame.starts_shot or _changes_size(waiting, frame)):
            yield from _finished(past, waiting, memory, 0)  # nothing is known of the next shot before it is there
        waiting.append(frame)
        yield from _finished(past, waiting, memory, lookahead)
    yield from _finished(past, waiting, memory, 0)


def _place_in_time(frame: Timed[T], last_seconds: float | None) -> float | None:
    """Fill in how long the frame was shown; the time of the newest frame with maps."""
    if frame.maps is None:
        return last_seconds
    if last_seconds is None:
        last_seconds = frame.time_seconds - FIRST_SECONDS
    if frame.time_seconds <= last_seconds:
        # Frames without times of their own follow each other at the usual distance.
        frame.time_seconds = last_seconds + FIRST_SECONDS
    frame.shown_seconds = frame.time_seconds - last_seconds
    return frame.time_seconds


def _changes_size(waiting: deque[Timed[T]], frame: Timed[T]) -> bool:
    sizes = {of.maps.saliency.shape for of in (*waiting, frame) if of.maps is not None}
    return len(sizes) > 1


def _finished(
    past: deque[Timed[None]], waiting: deque[Timed[T]], memory: Memory, lookahead: int
) -> Iterator[tuple[T, FrameMaps | None]]:
    """The frames after which enough others wait, with their maps."""
    while len(waiting) > lookahead:
        frame = waiting.popleft()
        if frame.maps is None:
            yield frame.item, None
            continue
        if past and past[-1].maps is not None and past[-1].maps.saliency.shape != frame.maps.saliency.shape:
            past.clear()
        # What is just at the reach is out at every frame rate, however its time was rounded.
        while past and past[0].time_seconds < frame.time_seconds - memory.reach_seconds + _ROUNDING:
            past.popleft()
        past.append(replace(cast(Timed[Any], frame), item=None))
        yield frame.item, _mean(frame, [*past, *(of for of in waiting if of.maps is not None)], memory)


def _mean(now: Timed[T], around: list[Timed[Any]], memory: Memory) -> FrameMaps:
    """A map counts by how long it was shown, and by how long ago that was or how far ahead it lies."""
    assert now.maps is not None
    near = [of for of in around if of.time_seconds < now.time_seconds + memory.reach_seconds - _ROUNDING]
    if not memory.tau_seconds or len(near) == 1:
        return now.maps
    shares = np.array([_share(of, now.time_seconds, memory.tau_seconds) for of in near])
    weights = (shares / shares.sum()).tolist()

    def mean(number: int) -> Map | None:
        maps = [of.maps[number] for of in near if of.maps is not None]
        if any(values is None for values in maps):
            # Not all maps around have it: the frame keeps its own.
            return now.maps[number] if now.maps is not None else None
        return weighted_sum([m for m in maps if m is not None], weights)

    saliency = mean(0)
    assert saliency is not None
    return FrameMaps(saliency, mean(1), mean(2), mean(3))


def _share(of: Timed[T], now_seconds: float, tau_seconds: float) -> float:
    """The part of an exponential's mass, to either side of now, that a map fills: it was shown until its time."""
    ahead = of.time_seconds - now_seconds
    away = ahead - of.shown_seconds if ahead > 0 else -ahead
    return float(np.exp(-away / tau_seconds) * -np.expm1(-of.shown_seconds / tau_seconds))
