"""Maps for the frames that a model did not look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np

from gfsalnet.maps import FrameMaps, Map

T = TypeVar("T")


def interpolate(
    items: Iterable[tuple[T, FrameMaps | None]], starts_shot: Callable[[T], bool]
) -> Iterator[tuple[T, FrameMaps]]:
    """Give every item maps: between two that have some they pass linearly from one to the other.

    Nothing passes across a cut: up to it, and at the end, the last maps stay. Items wait for the next that has maps.

    Args:
        items: the first of every shot has maps.
        starts_shot: whether an item is the first of a shot.
    """
    before: FrameMaps | None = None
    waiting: list[T] = []
    for item, maps in items:
        if maps is None:
            waiting.append(item)
            continue
        after = before if starts_shot(item) else maps  # up to a cut the last maps stay: the next are of another scene
        yield from _filled(waiting, before, after)
        waiting = []
        yield item, maps
        before = maps
    yield from _filled(waiting, before, before)


def _filled(waiting: list[T], before: FrameMaps | None, after: FrameMaps | None) -> Iterator[tuple[T, FrameMaps]]:
    for position, item in enumerate(waiting, 1):
        assert before is not None
        assert after is not None
        share = np.float32(position / (len(waiting) + 1))
        saliency, *others = (_mixed(a, b, share) for a, b in zip(before, after, strict=True))
        assert saliency is not None
        yield item, FrameMaps(saliency, *others)


def _mixed(before: Map | None, after: Map | None, share: np.float32) -> Map | None:
    return None if before is None or after is None else before + share * (after - before)
