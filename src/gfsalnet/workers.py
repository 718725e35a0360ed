"""Worker processes that end with the process that started them, whatever ends it."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from types import FrameType, TracebackType
from typing import Any, TypeVar

from gfsalnet.device import keep_threads
from gfsalnet.errors import GFSalNetError

log = logging.getLogger(__name__)

T = TypeVar("T")

TRIES = 3
"""How often a task is begun that ends its process: it may be the task, or another that took all the memory."""
_LISTEN_SECONDS = 0.5
"""How often the listening thread looks for pipes of new workers, and whether it is to end."""
_GRACE_SECONDS = 1.5
"""How long a worker may take to remove what it has half done."""
_PR_SET_PDEATHSIG = 1
"""Linux's number of the wish to be sent a signal when the parent ends."""


class Pool(ABC):
    """Workers with one process each, and the tasks that wait for one, on whatever machines.

    A worker is an `Executor`. One that is killed, or crashes, takes only its own task with it: another takes its place
    and does that again, up to `TRIES` times in all.
    """

    is_spread = False
    """Whether workers are on other machines too: far more of them than this process could write the results of."""

    def __init__(self) -> None:
        # Reentrant: a worker that is found dead is replaced by the thread that holds the lock, in `_dispatch`.
        self._lock, self._is_closing = threading.RLock(), False
        # A queue of our own instead of an executor's: a task that waits must not be lost with the worker it waits for.
        self._waiting: deque[_Task] = deque()
        self._idle: list[Executor] = []
        self._all: list[Executor] = []

    def submit(self, task: Callable[..., T], *arguments: object) -> Future[T]:
        """Have a worker call a function that can be pickled; after the end of the block the future is cancelled."""
        future: Future[T] = Future()
        with self._lock:
            if self._is_closing:
                future.cancel()
                return future
            self._waiting.append(_Task(partial(task, *arguments), future))
        self._dispatch()
        return future

    @property
    def waiting(self) -> int:
        """How many tasks there are that no worker has begun, nor is being started for."""
        return len(self._waiting)

    @abstractmethod
    def _new_worker(self) -> Executor:
        """Start one, and add it to those that are idle, at once or as soon as it is ready."""

    def _give_up_waiting(self) -> None:
        """Cancel the tasks that no worker has begun, and begin no more."""
        with self._lock:
            self._is_closing = True
            given_up = list(self._waiting)
            # Under the lock, but cancelled after it: whoever is told may call back.
            self._waiting.clear()
        for task in given_up:
            task.future.cancel()

    def _add_idle(self, worker: Executor) -> None:
        with self._lock:
            self._idle.append(worker)
        self._dispatch()

    def _dispatch(self) -> None:
        with self._lock:
            while self._waiting and self._idle and not self._is_closing:
                task = self._waiting.popleft()
                # One that is begun again is running already; one that was cancelled in the meantime is passed over.
                if task.future.running() or task.future.set_running_or_notify_cancel():
                    self._begin(task, self._idle.pop())

    def _begin(self, task: _Task, worker: Executor) -> None:
        try:
            worker.submit(task.call).add_done_callback(partial(self._done, task, worker))
        except BrokenExecutor:  # it was killed while it had nothing to do
            self._waiting.appendleft(task)
            self._replace(worker)

    def _done(self, task: _Task, worker: Executor, call: Future[Any]) -> None:
        error = None if call.cancelled() else call.exception()
        is_dead = isinstance(error, BrokenExecutor)
        with self._lock:
            task.tries += 1
            do_again = is_dead and task.tries < TRIES and not self._is_closing
            if do_again:
                # To the front: whoever takes results in order waits for it.
                self._waiting.appendleft(task)
        # The result is handed on after this: whoever waits for it may put in the next task, and finds a worker idle.
        if is_dead:
            self._replace(worker)
            self._dispatch()  # another may be idle, and the new one not be ready for long
        else:
            self._add_idle(worker)
        if call.cancelled():
            task.future.set_exception(CancelledError())
        elif error is None:
            task.future.set_result(call.result())
        elif not do_again:
            task.future.set_exception(error)

    def _replace(self, worker: Executor) -> None:
        with self._lock:
            if self._is_closing:
                return
            log.info("a worker process has ended, and is replaced")
            self._all.remove(worker)
            self._all.append(self._new_worker())


NewPool = Callable[..., AbstractContextManager[Pool]]
"""Starts a pool, with the arguments of `WorkerPool`."""


class WorkerPool(Pool):
    """Processes with one thread each for PyTorch and OpenCV; leaving the block with an exception ends them at once.

    Each worker watches a pipe of which this process alone has the other end: when that is closed, or this process is no
    more, the worker cleans up and ends, within two seconds. Signals that stop the whole group are left to this process.

    Args:
        count: number of processes.
        start: called in each of them before its first task; a function that can be pickled, with its arguments.
        on_report: called in a thread of its own with what workers `report`.
    """

    def __init__(
        self,
        count: int,
        start: Callable[..., None] | None = None,
        *arguments: object,
        on_report: Callable[[Any], None] | None = None,
    ) -> None:
        super().__init__()
        # Forking a process in which torch, OpenCV or FFmpeg has started threads can hang.
        self._context = get_context("spawn")
        # Workers get the reading end alone: the other is closed with this process, also by kill -9.
        self._theirs, self._ours = self._context.Pipe(duplex=False)
        self._started_with = start, arguments
        self._reports: list[Connection[Any, Any]] | None = None if on_report is None else []
        self._all = [self._new_worker() for _ in range(count)]
        if on_report is not None:
            threading.Thread(target=self._listen, args=(on_report,), daemon=True).start()

    def submit(self, task: Callable[..., T], *arguments: object) -> Future[T]:
        """Have a worker call a function that can be pickled."""
        return super().submit(partial(_in_worker, task), *arguments)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_up_waiting()
        # Ends the workers at once; otherwise they finish what they have begun, and then the pipe is closed.
        if error is not None:
            self._ours.close()
        for worker in list(self._all):
            worker.shutdown(cancel_futures=True)
        self._ours.close()
        self._theirs.close()

    def _new_worker(self) -> Executor:
        # Linux counts a thread as the parent: only the main one is sure to outlive the workers.
        may_be_killed = threading.current_thread() is threading.main_thread()
        incoming, outgoing = (None, None) if self._reports is None else self._context.Pipe(duplex=False)
        given = (self._theirs, outgoing, os.getpid() if may_be_killed else None, *self._started_with)
        # An executor for each process: one of several processes breaks as a whole when a single one of them is killed.
        worker = ProcessPoolExecutor(1, mp_context=self._context, initializer=_start, initargs=given)
        worker.submit(_nothing)  # begin to load what it needs
        if incoming is not None and outgoing is not None and self._reports is not None:
            outgoing.close()  # the worker has its own end: with it the pipe ends
            self._reports.append(incoming)
        self._add_idle(worker)
        return worker

    def _listen(self, on_report: Callable[[Any], None]) -> None:
        assert self._reports is not None
        while not self._is_closing:
            # With a timeout, since a worker that is started later brings another pipe.
            ready = wait(self._reports, timeout=_LISTEN_SECONDS)
            for pipe in [pipe for pipe in self._reports if pipe in ready]:
                try:
                    on_report(pipe.recv())
                except (EOFError, OSError):  # its worker is no more
                    self._reports.remove(pipe)


@dataclass(eq=False)
class _Task:
    call: Callable[[], Any]
    future: Future[Any]
    tries: int = 0


class WorkerError(GFSalNetError):
    """A task has ended its process, as often as it was begun."""


def result_of(future: Future[T]) -> T:
    """What a worker returned or raised.

    Raises:
        WorkerError: if its process has ended.
    """
    try:
        return future.result()
    except BrokenExecutor as error:
        remedy = "Start again with fewer --workers, they may need too much memory; what was finished is kept"
        raise WorkerError("a worker process", "ended unexpectedly", remedy) from error


_busy = _ending = False
"""Whether this worker has a task, and whether it is to end."""


_send: Callable[[object], None] | None = None
_start_error: BaseException | None = None


def report(message: object) -> None:
    """Tell the process that started this worker something short that can be pickled, where it listens."""
    if _send is not None:
        _send(message)


def report_to(send: Callable[[object], None]) -> None:
    """Say what `report` calls in this worker from now on."""
    global _send
    _send = send


def _nothing() -> None:
    """Do nothing."""


def _start(
    lifeline: Connection[Any, Any],
    outgoing: Connection[Any, Any] | None,
    parent: int | None,
    start: Callable[..., None] | None,
    arguments: tuple[Any, ...],
) -> None:
    global _start_error
    if outgoing is not None:
        report_to(partial(_send_if_heard, outgoing))
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
        try:
            start(*arguments)
        except Exception as error:  # raised by the tasks: an initializer's would only be printed
            _start_error = error


def _send_if_heard(outgoing: Connection[Any, Any], message: object) -> None:
    with suppress(OSError):
        outgoing.send(message)


def _watch(lifeline: Connection[Any, Any]) -> None:
    with suppress(OSError, EOFError):
        lifeline.poll(None)  # nothing is ever sent: it returns at the end
    # By a signal, since only the main thread can be interrupted in a task and clean up after it.
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
        if _start_error is not None:
            raise _start_error
        return task(*arguments)
    finally:
        _busy = False
        # The signal came while the task was running, and whatever it raised may have been caught there.
        if _ending:
            os._exit(1)
