"""A producer that works ahead of its consumer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from queue import Empty, Queue
from typing import TypeVar

T = TypeVar("T")


class _End:
    """The last item of the queue: the producer is done, or failed with `error`."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetch(items: Iterable[T], depth: int, on_drop: Callable[[], None] | None = None) -> Generator[T, None, None]:
    """Yield `items` in order while a thread makes up to `depth` of them in advance.

    An exception of the producer reaches the consumer with its traceback. When the consumer stops early (`close()`,
    `break`, Ctrl-C), the thread stops after the current item, and the producer is closed if it is a generator.

    Args:
        items: what to yield; iterated in the other thread only.
        depth: how many finished items may wait, 1 or more.
        on_drop: None: the producer waits for a slow consumer. Given, as for a camera, which does not wait: where
            `depth` items wait, the oldest gives way to the newest, and this is called.

    Raises:
        ValueError: if `depth` is under 1.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, not {depth}")
    return _consume(items, Queue(maxsize=depth), on_drop)


def _consume(
    items: Iterable[T], queue: Queue[T | _End], on_drop: Callable[[], None] | None
) -> Generator[T, None, None]:
    stop = threading.Event()
    # A daemon: a producer that hangs in a driver or a network read must not keep the process alive.
    thread = threading.Thread(target=_produce, args=(items, queue, stop, on_drop), name="prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
            del item  # not held while the next one is waited for: a frame of 4K has 25 MB
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        _join(thread, queue)


def _produce(
    items: Iterable[T], queue: Queue[T | _End], stop: threading.Event, on_drop: Callable[[], None] | None
) -> None:
    end = _End()
    iterator = iter(items)
    try:
        for item in iterator:
            if on_drop is not None:
                _make_room(queue, on_drop)
            queue.put(item)  # blocks while the queue is full: this bounds the memory
            if stop.is_set():
                break
            del item  # nor while the next one is made
        # Closed in this thread: a generator may not be closed in one thread while it runs in another.
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
    except BaseException as error:  # raised again in the consumer's thread, Ctrl-C included
        end.error = error
    # Where the queue is full this waits for the consumer; one that has stopped makes room in `_join`.
    queue.put(end)


def _make_room(queue: Queue[T | _End], on_drop: Callable[[], None]) -> None:
    """Drop the oldest item of a full queue; the one producer is the only one to fill it again."""
    if queue.full():
        # The consumer may have taken the last item since the queue was full.
        with suppress(Empty):
            queue.get_nowait()
            on_drop()


def _join(thread: threading.Thread, queue: Queue[T | _End]) -> None:
    while thread.is_alive():
        # A full queue holds the producer up in put(): make room until it has seen the stop.
        try:
            queue.get(timeout=0.01)
        except Empty:
            thread.join(timeout=0.01)
