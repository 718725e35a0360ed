"""Frames with those that follow them, for models that look a few frames ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def with_following(items: Iterable[T], count: int) -> Iterator[tuple[T, ...]]:
    """Each item with the `count` after it; where they end, the last one is repeated. Holds `count` + 1 items.

    >>> list(with_following("abcd", 2))
    [('a', 'b', 'c'), ('b', 'c', 'd'), ('c', 'd', 'd'), ('d', 'd', 'd')]
    """
    waiting: deque[T] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > count:
            yield tuple(waiting)
            waiting.popleft()
    while waiting:
        yield (*waiting, *[waiting[-1]] * (count + 1 - len(waiting)))
        waiting.popleft()
