"""Processes of a Ray cluster as a pool of workers: what this machine's processes do, on many machines.

They are plain actors, each of which has the model loaded and does one task at a time: a source, a segment, a video to
score. Ray carries a few hundred bytes of each task and of its outcome; videos are read, and results written, where the
work is done, on a file system that all nodes share.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from gfsalnet._version import __version__
from gfsalnet.device import cores, keep_threads
from gfsalnet.errors import GFSalNetError, OutputError
from gfsalnet.files import output_errors
from gfsalnet.packages import needed_by
from gfsalnet.scale.ray_address import LOCAL, host_and_port
from gfsalnet.workers import TRIES, Pool, report_to, result_of

with needed_by("--ray"):
    import ray
    import ray.exceptions

_ray: Any = ray
"""Half of it has no types."""
log = logging.getLogger(__name__)

_STORE_BYTES = 80 * 2**20
"""Size of Ray's object store on this machine: hardly anything goes through it."""
_REACH_SECONDS = 5.0
_GRACE_SECONDS = 1.5
"""How long a process may take to remove what it has half done."""
_ASK_SECONDS, _ASKED_PER_SECOND = 0.5, 1000
"""How often a process is asked how far it is, and how many of them at most in a second."""
_KEPT_REPORTS = 50


class RayPool(Pool):
    """A pool of Ray actors, to be used as `WorkerPool` is: the same tasks, the same repeats of those of a lost process.

    It waits for the first actor to be ready, and gives work to others as they come: they may ask for more than a
    cluster has, or has yet. Those of a node that does not see the files take no part. A Ray that this process is
    connected to already is used, and left as it is.

    Args:
        count: number of processes; 0: one for each core, or GPU, that the cluster has now.
        start: called in each of them before its first task; a function that can be pickled, with its arguments.
        on_report: called in a thread of its own with what workers `report`.
        address: of a cluster that this machine is a node of, `HOST:PORT` or `auto`; or `LOCAL`.
        folder: of the results, which all nodes must see; None: they are not written by the tasks.
        on_gpu: whether each process needs a GPU; more processes than GPUs share them.

    Raises:
        RequestError: if it is no address.
        GFSalNetError: if there is no such cluster.
        OutputError: if no node sees the folder, or the one in which this process works.
    """

    is_spread = True

    def __init__(
        self,
        count: int,
        start: Callable[..., None] | None = None,
        *arguments: object,
        on_report: Callable[[Any], None] | None = None,
        address: str = LOCAL,
        folder: Path | None = None,
        on_gpu: bool = False,
    ) -> None:
        super().__init__()
        self._events: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._on_report = on_report
        self._first: Future[None] = Future()
        self._starting, self._lost_at_start = 0, 0
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            _connect(address, count)
        has = _ray.cluster_resources()
        gpus = has.get("GPU", 0)
        self._count = count or max(1, int(gpus if on_gpu else has.get("CPU", 0)))
        # Rounded down: shares that add up to a hair more than a GPU would leave the last process without one.
        share = min(1.0, int(1000 * (gpus or self._count) / self._count) / 1000) if on_gpu else 0
        # A thread of its own for talking: the one that works answers nothing until it is done. Not restarted by Ray,
        # which does not know what has to be repeated; the pool replaces processes itself.
        self._kind = _ray.remote(num_cpus=1, num_gpus=share, max_restarts=0, concurrency_groups={"talk": 1})(_Process)
        # A file that every node must see: a folder of the same name may be another one there.
        self._mark = None if folder is None else folder.resolve() / f".ray-{secrets.token_hex(4)}"
        self._started_with = __version__, Path.cwd(), self._mark, start, arguments
        self._thread = threading.Thread(target=self._listen, name="ray", daemon=True)

    @property
    def waiting(self) -> int:
        """How many tasks there are that no worker has begun, nor is being started for."""
        return max(0, len(self._waiting) - self._starting)

    def __enter__(self) -> RayPool:
        try:
            if self._mark is not None:
                with output_errors(self._mark):
                    self._mark.parent.mkdir(parents=True, exist_ok=True)
                    self._mark.touch()
            with self._lock:
                self._all = [self._new_worker() for _ in range(self._count)]
            self._thread.start()
            log.info("waiting for the first of %d processes of Ray", self._count)
            result_of(self._first)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_up_waiting()
        actors = [worker for worker in self._all if isinstance(worker, _Actor)]
        if error is not None:
            busy = [actor for actor in actors if actor.call is not None]
            # All are asked first and then waited for together.
            for actor in busy:
                actor.ask("stop")
            wait([actor.call for actor in busy if actor.call is not None], _GRACE_SECONDS)
        for actor in actors:
            actor.shutdown()
        self._events.put(None)
        if self._thread.is_alive():
            self._thread.join()
        if self._mark is not None:
            self._mark.unlink(missing_ok=True)
        if self._is_ours:
            ray.shutdown()

    def _new_worker(self) -> Executor:
        actor = _Actor(self._kind.remote(), self._events)
        self._starting += 1
        actor.start(self._started_with).add_done_callback(lambda started: self._started(actor, started))
        return actor

    def _started(self, actor: _Actor, started: Future[Any]) -> None:
        error = started.exception()
        with self._lock:
            self._starting -= 1
            if error is None:
                self._lost_at_start = 0
                if not self._first.done():
                    self._first.set_result(None)
                self._add_idle(actor)
                return
            self._lost_at_start += 1
            if isinstance(error, BrokenExecutor) and self._lost_at_start < TRIES * self._count:
                self._replace(actor)
                return
            log.info("a process of Ray takes no part: %s", error)
            self._all.remove(actor)
            if not self._all:
                self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """No process is left, and none will come."""
        if not self._first.done():
            self._first.set_exception(error)
        while self._waiting:
            task = self._waiting.popleft()
            # Neither of those: it was cancelled, and takes no result.
            if task.future.running() or task.future.set_running_or_notify_cancel():
                task.future.set_exception(error)

    def _replace(self, worker: Executor) -> None:
        worker.shutdown()  # it may only have been out of reach
        super()._replace(worker)

    def _listen(self) -> None:
        """Ray calls back in threads of its own, in which it must not be called: all is done in this one."""
        asked = time.monotonic()
        while True:
            with suppress(Empty):
                event = self._events.get(timeout=_ASK_SECONDS)
                if event is None:
                    return
                event()
            if self._on_report and time.monotonic() - asked > max(_ASK_SECONDS, len(self._all) / _ASKED_PER_SECOND):
                self._ask(self._on_report)
                asked = time.monotonic()

    def _ask(self, on_report: Callable[[Any], None]) -> None:
        with self._lock:
            busy = [worker for worker in self._all if isinstance(worker, _Actor) and worker.call is not None]
        for worker in busy:
            worker.hear(on_report)


class _Actor(Executor):
    """One process of Ray, as this process sees it."""

    def __init__(self, handle: Any, events: SimpleQueue[Callable[[], None] | None]) -> None:
        self._handle, self._events = handle, events
        self._is_asked = False
        self.call: Future[Any] | None = None
        """What it is at work on."""

    def start(self, given: tuple[Any, ...]) -> Future[Any]:
        return self._answer(self._handle.start.remote(*given))

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have it call a function that can be pickled."""
        self.call = self._answer(self._handle.call.remote(task, *args, **kwargs))
        self.call.add_done_callback(self._rests)
        return self.call

    def ask(self, method: str) -> Future[Any]:
        """Call a method beside its work."""
        return self._answer(getattr(self._handle, method).options(concurrency_group="talk").remote())

    def hear(self, on_report: Callable[[Any], None]) -> None:
        """Ask for its reports, unless it has still to answer."""

        def heard(answer: Future[Any]) -> None:
            self._is_asked = False
            for message in () if answer.exception() else answer.result():
                on_report(message)

        if not self._is_asked:
            self._is_asked = True
            self.ask("reports").add_done_callback(heard)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End it, whatever it does."""
        ray.kill(self._handle)

    def _rests(self, call: Future[Any]) -> None:
        self.call = None

    def _answer(self, reference: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        reference.future().add_done_callback(lambda done: self._events.put(lambda: _settle(answer, done)))
        return answer


def _settle(answer: Future[Any], done: Future[tuple[Any, BaseException | None]]) -> None:
    error = done.exception()
    result = None
    if error is None:
        result, error = done.result()
    elif isinstance(error, ray.exceptions.RayTaskError):  # of Ray itself: a task's own errors are results
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
        error = GFSalNetError("a process of Ray", f"cannot be used ({reason})", "Install the same on all nodes")
    elif isinstance(error, ray.exceptions.RayError):
        error = BrokenExecutor(str(error).partition("\n")[0])
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)


class _Process:
    """What runs in a process of Ray. Errors are returned: Ray would print and wrap those that are raised."""

    def __init__(self) -> None:
        self._reports: deque[object] = deque(maxlen=_KEPT_REPORTS)
        self._is_stopping = False

    def start(
        self,
        version: str,
        works_in: Path,
        mark: Path | None,
        start: Callable[..., None] | None,
        arguments: tuple[object, ...],
    ) -> tuple[None, BaseException | None]:
        """Get ready, where this node has all that is needed."""
        try:
            _require_the_same(version, works_in, mark)
            report_to(self._report)
            keep_threads(1)
            if start is not None:
                start(*arguments)
        except Exception as error:
            return None, error
        return None, None

    def call(self, task: Callable[..., Any], *arguments: Any) -> tuple[Any, BaseException | None]:
        """Do a task."""
        try:
            return task(*arguments), None
        except KeyboardInterrupt:
            return None, CancelledError()
        except Exception as error:
            return None, error

    def reports(self) -> tuple[list[object], None]:
        """What has been reported since this was last asked."""
        return [self._reports.popleft() for _ in range(len(self._reports))], None

    def stop(self) -> tuple[None, None]:
        """End the task that is being done at its next report."""
        self._is_stopping = True
        return None, None

    def _report(self, message: object) -> None:
        if self._is_stopping:
            raise KeyboardInterrupt  # on its way up, partial files are removed
        self._reports.append(message)


def _require_the_same(version: str, works_in: Path, mark: Path | None) -> None:
    """Make sure that results from here are those that the command would make itself."""
    node = f"the Ray node {socket.gethostname()}"
    if version != __version__:
        raise GFSalNetError(node, f"has gfsalnet {__version__}, and not {version}", "Install the same on all nodes")
    shared = "a file system that all nodes share"
    try:
        os.chdir(works_in)  # to which paths that the user typed are relative
    except OSError:
        raise OutputError(node, f"does not see {works_in}", f"Start the command in a folder of {shared}") from None
    if mark is not None and not mark.exists():
        raise OutputError(node, f"does not see {mark.parent}", f"Choose an --output on {shared}")


def _connect(address: str, count: int) -> None:
    """Start Ray on this machine, or become part of a cluster.

    Raises:
        GFSalNetError: if that is not possible.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report its use to its makers
    how: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": logging.CRITICAL}
    if address == LOCAL:
        how |= {"num_cpus": count or cores(), "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    elif (place := host_and_port(address)) is not None:
        _require_reachable(address, place)
    try:
        with _signals_kept():
            ray.init(**how)
    except Exception as error:
        remedy = f"Give the address of a cluster that this machine is a node of, or {LOCAL}"
        problem = f"cannot be used ({str(error).strip().partition(chr(10))[0].rstrip('.')})"
        raise GFSalNetError(f"Ray at {address}", problem, remedy) from error
    with suppress(AttributeError):  # there is no setting for it: the deaths of processes are printed
        _ray._private.worker.print_to_stdstream = lambda data, *others, **more: log.info("%s", data.get("lines"))


def _require_reachable(address: str, place: tuple[str, int]) -> None:
    """Ray itself tries for a minute, and says it at length."""
    try:
        socket.create_connection(place, _REACH_SECONDS).close()
    except OSError as error:
        remedy = "Start it with `ray start`, or look whether a firewall is between"
        raise GFSalNetError(f"Ray at {address}", f"cannot be reached ({error})", remedy) from error


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray's handler of SIGTERM would end the process without a clean-up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
