"""Worker processes that end with the process that started them, whatever ends it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import FrameType, TracebackType
from typing import Any, TypeVar

from gfsalnet.device import keep_threads
from gfsalnet.errors import GFSalNetError

T = TypeVar("T")

_GRACE_SECONDS = 1.5
"""How long a worker may take to remove what it has half done."""
_PR_SET_PDEATHSIG = 1


class WorkerPool:
    """Processes with one thread each for PyTorch and OpenCV; leaving the block with an exception ends them at once.

    Each worker watches a pipe of which this process alone has the other end: when that is closed, or this process is no
    more, the worker cleans up and ends, within two seconds. Signals that stop the whole group are left to this process.

    Args:
        count: number of processes.
        start: called in each of them before its first task; a function that can be pickled, with its arguments.
    """

    def __init__(self, count: int, start: Callable[..., None] | None = None, *arguments: object) -> None:
        # Forking a process in which torch, OpenCV or FFmpeg has started threads can hang.
        context = get_context("spawn")
        self._theirs, self._ours = context.Pipe(duplex=False)
        # Linux counts a thread as the parent: only the main one is sure to outlive the workers.
        may_be_killed = threading.current_thread() is threading.main_thread()
        given = (self._theirs, os.getpid() if may_be_killed else None, start, arguments)
        self._pool = ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=given)

    def submit(self, task: Callable[..., T], *arguments: object) -> Future[T]:
        """Have a worker call a function that can be pickled."""
        return self._pool.submit(_in_worker, task, *arguments)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._ours.close()
        self._pool.shutdown(cancel_futures=True)
        self._ours.close()
        self._theirs.close()


def result_of(future: Future[T]) -> T:
    """What a worker returned or raised.

    Raises:
        GFSalNetError: if its process has ended.
    """
    try:
        return future.result()
    except BrokenProcessPool as error:
        remedy = "Start again with fewer --workers, they may need too much memory; what was finished is kept"
        raise GFSalNetError("a worker process", "ended unexpectedly", remedy) from error


_busy = _ending = False
"""In a worker: whether it has a task, and whether it is to end."""


def _start(
    lifeline: Connection[Any, Any], parent: int | None, start: Callable[..., None] | None, arguments: tuple[Any, ...]
) -> None:
    for name in ("SIGINT", "SIGHUP"):  # the parent handles what is sent to the whole group
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    if parent is not None and sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)
    threading.Thread(target=_watch, args=(lifeline,), daemon=True).start()
    keep_threads(1)
    if start is not None:
        start(*arguments)


def _watch(lifeline: Connection[Any, Any]) -> None:
    with suppress(OSError, EOFError):
        lifeline.poll(None)  # nothing is ever sent: it returns at the end
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def _end(number: int, frame: FrameType | None) -> None:
    global _ending
    _ending = True
    if not _busy:
        os._exit(1)
    raise KeyboardInterrupt  # on its way up, partial files are removed


def _in_worker(task: Callable[..., T], *arguments: object) -> T:
    global _busy
    _busy = True
    try:
        return task(*arguments)
    finally:
        _busy = False
        if _ending:
            os._exit(1)
