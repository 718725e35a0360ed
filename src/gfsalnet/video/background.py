"""A producer that works ahead of its consumer."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from queue import Empty, Queue
from typing import TypeVar

T = TypeVar("T")


class _End:
    """Last thing in the queue: the producer is done, or died of `error`."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetch(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """Yield `items` in order while a thread makes up to `depth` of them in advance.

    An exception of the producer reaches the consumer with its traceback. When the consumer stops early (`close()`,
    `break`, Ctrl-C), the thread stops after the item at hand, and the producer is closed if it is a generator.

    Args:
        items: what to yield; iterated in the other thread only.
        depth: how many finished items may wait, ≥ 1.

    Raises:
        ValueError: if `depth` is under 1.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, not {depth}")
    return _consume(items, Queue(maxsize=depth))


def _consume(items: Iterable[T], queue: Queue[T | _End]) -> Generator[T, None, None]:
    stop = threading.Event()
    thread = threading.Thread(target=_produce, args=(items, queue, stop), name="prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        _join(thread, queue)


def _produce(items: Iterable[T], queue: Queue[T | _End], stop: threading.Event) -> None:
    end = _End()
    iterator = iter(items)
    try:
        for item in iterator:
            queue.put(item)
            if stop.is_set():
                break
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
    except BaseException as error:  # the consumer's to handle
        end.error = error
    queue.put(end)


def _join(thread: threading.Thread, queue: Queue[T | _End]) -> None:
    while thread.is_alive():
        # A full queue holds the producer up in put(): make room until it has seen the stop.
        try:
            queue.get(timeout=0.01)
        except Empty:
            thread.join(timeout=0.01)
