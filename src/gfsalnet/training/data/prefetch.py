"""Examples made in threads, ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from gfsalnet.device import threads

InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")


def prefetch_map(
    function: Callable[[InputT], OutputT], inputs: Iterable[InputT], workers: int
) -> Generator[OutputT, None, None]:
    """`function` of each input, in order, by threads that work a few inputs ahead of the caller.

    What `function` raises reaches the caller when its result is due. A caller that stops early (`close()`) ends the
    threads. While this runs, OpenCV has one thread in the whole process; afterwards it has again what it had.

    Args:
        function: called from several threads at once.
        inputs: read in the caller's thread, not further ahead than `workers`.
        workers: number of threads.
    """
    waiting: deque[Future[OutputT]] = deque()
    # OpenCV's own threads would take the cores of ours. One thread also settles what DIS gives: it cuts the picture
    # into as many stripes as there are threads, and its result depends on them.
    with threads(1, torch=False), ThreadPoolExecutor(workers, thread_name_prefix="examples") as pool:
        try:
            for value in inputs:
                waiting.append(pool.submit(function, value))
                # Bounded: each waiting result is a batch in memory, and a slow caller must not pile them up.
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # Without it, leaving the block would wait for all that has been handed in.
            pool.shutdown(cancel_futures=True)
