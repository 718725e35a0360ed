"""Many sources in several processes: whole ones each in one, long ones in segments, so that none idles at the end."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal, TypeAlias

from gfsalnet.device import cores, memory_bytes, settle_memory
from gfsalnet.errors import GFSalNetError
from gfsalnet.models import SaliencyModel
from gfsalnet.predict.batch import OnWait, attempt, predict_taken
from gfsalnet.predict.description import Outcome
from gfsalnet.predict.in_segments import predict_in_segments
from gfsalnet.predict.job import Job, OnFrame, make_results, open_for, silent, write_results
from gfsalnet.predict.listed import Listed
from gfsalnet.predict.pieces import SegmentTask, predict_segment
from gfsalnet.predict.segments import may_have_segments
from gfsalnet.predict.settings import Settings
from gfsalnet.store import TakenError
from gfsalnet.urls import is_url
from gfsalnet.video.camera import camera_number
from gfsalnet.video.sources import STANDARD_INPUT
from gfsalnet.workers import NewPool, Pool, WorkerPool, report, result_of

LONG_AT_ONCE = 2
"""Long videos in progress: while the last segments of one are predicted, the other keeps the rest of the workers busy.
Each has its pieces on the disk."""
WORTH_FRAMES = 600
"""So many frames take longer than processes need to start."""
UNKNOWN_FRAMES = 100
"""What a source counts for whose length is not known."""
WORKER_BYTES = 700 * 2**20
"""What a process takes with the shipped model and frames of 4K."""
_REPORT_SECONDS = 0.2
"""A worker says how far it is no more often than this."""
_LIVE_SCHEMES = ("rtsp:", "rtsps:", "rtmp:", "rtmps:")
_WHOLE = -1
"""Stands for a segment's number where a source is predicted in one piece."""
_MOST_HELD = 64
"""How many sources may wait for the folder of another of their name: a list of equal names is not read ahead."""
_END_SECONDS = 10.0
"""How long a thread that is given up may take to notice it."""

_Result: TypeAlias = "Outcome | TakenError | None"
_Way: TypeAlias = 'Literal["whole if short", "whole", "in segments"]'
"""How one worker predicts a source alone."""


class _StoppedError(Exception):
    """The work is given up."""


@dataclass(eq=False)
class _Source:
    """A source on its way."""

    given: str | Listed
    way: _Way = "whole if short"
    done: dict[int, int] = field(default_factory=dict)
    """Frames by segment; all in one piece are those of segment -1."""
    expected: int | None = None

    @property
    def name(self) -> str | None:
        """What it shares with sources whose results would go to the same folder."""
        return None if isinstance(self.given, Listed) else Path(self.given).stem


def predict_in_pool(
    model: SaliencyModel,
    load: Callable[[], SaliencyModel],
    sources: Iterable[str | Listed],
    settings: Settings,
    workers: int,
    on_frame: OnFrame = silent,
    on_wait: OnWait = lambda taken: None,
    new_pool: NewPool = WorkerPool,
) -> Generator[Outcome, None, None]:
    """`predict_sources` in several processes: the same results, in the order in which they are finished.

    Few sources more than are being predicted are taken from `sources` at a time. Of a list the largest files come
    first, so that no process is still busy with a long one when the others have nothing left. What only this process
    can read, cameras and standard input, is predicted by it at the end. A worker that ends unexpectedly is replaced,
    and what it was at work on is done again, see `WorkerPool`.

    Args:
        model: in this process, the same as `load` gives.
        load: called in each process; it can be pickled. The model should use one thread.
        sources: of `expand_sources`.
        settings: how.
        workers: number of processes.
        on_frame: called now and then for each source.
        on_wait: as for `predict_sources`.
        new_pool: starts the processes, on this machine or others that see the same files.
    """
    pooled = _Pooled(model, settings, on_frame)
    try:
        # What workers report and what has ended come by one queue, so that there is one thing to wait for.
        with new_pool(workers, _start_worker, load, on_report=pooled.events.put) as pool:
            yield from pooled.outcomes(pool, iter(_largest_first(sources) if isinstance(sources, list) else sources))
    finally:
        pooled.stop()
    yield from predict_taken(model, [*pooled.here, *pooled.taken], settings, on_frame, on_wait)


@dataclass(frozen=True)
class _Ended:
    source: _Source
    future: Future[_Result]


class _Pooled:
    """What is being predicted, and what waits for it; all but `_in_segments` runs in the thread of the caller."""

    def __init__(self, model: SaliencyModel, settings: Settings, on_frame: OnFrame) -> None:
        # Filled by threads of the pool and of long videos, emptied by the caller's: nothing else here needs a lock.
        self.events: SimpleQueue[Any] = SimpleQueue()
        self.here: list[str | Listed] = []
        self.taken: list[str | Listed] = []
        self._model, self._settings, self._on_frame = model, settings, on_frame
        self._busy: dict[int, _Source] = {}
        # Names of sources that have no folder yet: a second of the same name waits, or both could take one.
        self._choosing: set[str] = set()
        self._held: deque[_Source] = deque()
        self._long: deque[_Source] = deque()
        self._threads: dict[int, threading.Thread] = {}
        self._is_stopping = self._is_exhausted = False

    def outcomes(self, pool: Pool, given: Iterator[str | Listed]) -> Iterator[Outcome]:
        """The outcomes of all sources but those that are left in `here` and `taken`."""
        while True:
            self._fill(pool, given)
            if not self._busy:
                return
            event = self.events.get()
            if not isinstance(event, _Ended):
                self._progressed(*event)
            elif (outcome := self._ended(pool, event)) is not None:
                yield outcome

    def stop(self) -> None:
        """Give up what is in progress in this process."""
        # Read by `check` after each frame: the thread ends at the next one, and its partial results are removed.
        self._is_stopping = True
        for thread in self._threads.values():
            thread.join(_END_SECONDS)

    def _fill(self, pool: Pool, given: Iterator[str | Listed]) -> None:
        """See to it that no worker is idle while there is something to do."""
        while self._long and len(self._threads) < LONG_AT_ONCE:
            self._begin_long(pool, self._long.popleft())
        # One more than there are workers for is enough: `given` may have a million.
        while pool.waiting == 0 and not self._long and (source := self._next(given)) is not None:
            self._begin(pool, source)

    def _next(self, given: Iterator[str | Listed]) -> _Source | None:
        """A source whose folder does not depend on one that has none yet: `clip-2` is that of the second `clip`."""
        for source in self._held:
            if source.name not in self._choosing:
                self._held.remove(source)
                return source
        while len(self._held) < _MOST_HELD and (one := next(given, None)) is not None:
            source = _Source(one)
            if _is_read_here(str(one)):
                self.here.append(one)
            elif source.name in self._choosing:
                self._held.append(source)
            else:
                return source
        self._is_exhausted = len(self._held) < _MOST_HELD
        return None

    def _begin(self, pool: Pool, source: _Source) -> None:
        self._enter(source)
        future = pool.submit(_predict_source, id(source), source.given, self._settings, source.way)
        # Called in a thread of the pool: all else is done by that of the caller.
        future.add_done_callback(lambda done: self.events.put(_Ended(source, done)))

    def _begin_long(self, pool: Pool, source: _Source) -> None:
        self._enter(source)
        thread = threading.Thread(target=self._in_segments, args=(pool, source), name="in segments", daemon=True)
        self._threads[id(source)] = thread
        thread.start()

    def _enter(self, source: _Source) -> None:
        self._busy[id(source)] = source
        if source.name is not None:
            self._choosing.add(source.name)

    def _in_segments(self, pool: Pool, source: _Source) -> None:
        """In a thread of its own: have the segments predicted by the pool, and write the results as they come."""

        def check(name: str, done: int, expected: int | None) -> None:
            if self._is_stopping:
                raise _StoppedError

        def run(tasks: Sequence[SegmentTask]) -> Iterator[SegmentTask]:
            self.events.put((id(source), None, 0, None))  # it has its folder
            source.expected = sum(task.segment.end - task.segment.first for task in tasks) + (source.expected or 0)
            futures = [pool.submit(_predict_segment, id(source), task) for task in tasks]
            try:
                for task, future in zip(tasks, futures, strict=True):
                    result_of(future)
                    yield task
            finally:
                # Also where the loop above is left early: an error, a stop, or too little room on the disk.
                for future in futures:
                    future.cancel()

        # A future of its own, so that sources of both kinds end alike.
        ended: Future[_Result] = Future()
        ended.set_result(
            attempt(source.given, lambda given: predict_in_segments(self._model, given, self._settings, run, check))
        )
        self.events.put(_Ended(source, ended))

    def _progressed(self, key: int, segment: int | None, done: int, expected: int | None) -> None:
        # A report may come late, from a worker that was killed and whose source has ended since.
        source = self._busy.get(key)
        if source is None:
            return
        if source.name is not None:
            self._choosing.discard(source.name)
        if segment is not None:
            source.done[segment] = done
            source.expected = expected if segment == _WHOLE else source.expected
            self._on_frame(str(source.given), sum(source.done.values()), source.expected)

    def _ended(self, pool: Pool, event: _Ended) -> Outcome | None:
        """The outcome of a source; None where it has none yet."""
        source = event.source
        del self._busy[id(source)]
        was_long = self._threads.pop(id(source), None) is not None
        result = attempt(source.given, lambda given: result_of(event.future))
        if result is not None and source.name is not None:
            self._choosing.discard(source.name)
        if isinstance(result, Outcome):
            return result
        if isinstance(result, TakenError):
            self.taken.append(source.given)
        elif was_long or source.way == "in segments":
            source.way = "whole"
            self._begin(pool, source)
        elif pool.is_spread and not self._is_exhausted:  # there is enough to do, and this process writes no results
            source.way = "in segments"
            self._begin(pool, source)
        else:
            self._long.append(source)
        return None


def _largest_first(sources: list[str | Listed]) -> list[str | Listed]:
    """The sources by the bytes of their files; as given where two are called alike: the second is to be `clip-2`."""

    def size_bytes(source: str | Listed) -> int:
        path = Path(str(source))
        try:
            return path.stat().st_size if path.is_file() else 0
        except (OSError, ValueError):  # its turn will tell what is wrong with it
            return 0

    names = {Path(str(source)).stem for source in sources}
    return sorted(sources, key=size_bytes, reverse=True) if len(names) == len(sources) else sources


def default_workers(model: SaliencyModel, sources: Sequence[str], settings: Settings) -> int:
    """How many processes are worth starting: one per core, as far as there are memory and work for them.

    Args:
        model: what predicts, on the CPU.
        sources: of `expand_sources`.
        settings: how.
    """
    room = (memory_bytes() or WORKER_BYTES) // WORKER_BYTES
    count = min(cores(), room)
    return count if count > 1 and _are_worth_it(model, sources, settings) else 1


def _are_worth_it(model: SaliencyModel, sources: Sequence[str], settings: Settings) -> bool:
    frames = 0
    for source in sources:
        frames += _frames_to_share(model, source, settings, is_alone=len(sources) == 1)
        if frames >= WORTH_FRAMES:
            return True
    return False


def _frames_to_share(model: SaliencyModel, source: str, settings: Settings, *, is_alone: bool) -> int:
    if _is_read_here(source):
        return 0
    if is_url(source):
        return UNKNOWN_FRAMES * (not is_alone)  # not asked for: that takes as long as a part of the prediction
    try:
        with open_for(source, settings) as reader:
            info = reader.info
            if is_alone and not may_have_segments(model, info):
                return 0
            return min(info.estimated_frames or UNKNOWN_FRAMES, settings.max_frames or WORTH_FRAMES)
    except GFSalNetError:
        return 0


def _is_read_here(source: str) -> bool:
    """Whether another process could not read it, or could not be told when it is enough."""
    is_live = source.lower().startswith(_LIVE_SCHEMES)
    return source == STANDARD_INPUT or camera_number(source) is not None or is_live


_model: SaliencyModel
"""The model of a worker process."""


def _start_worker(load: Callable[[], SaliencyModel]) -> None:
    # Loaded once for each process: every task uses it, and a process has one task at a time.
    global _model
    _model = load()
    settle_memory()


def _predict_source(key: int, given: str | Listed, settings: Settings, way: _Way) -> _Result:
    """In a worker: predict a source; None if it should be predicted in another way."""
    tell = _now_and_then()

    def make(job: Job) -> bool:
        if way != "whole" and may_have_segments(job.model, job.reader.info):
            return False
        report((key, None, 0, None))  # it has its folder
        write_results(job, job.model.stream, lambda name, done, expected: tell((key, _WHOLE, done, expected)))
        return True

    def run(tasks: Sequence[SegmentTask]) -> Iterator[SegmentTask]:
        report((key, None, 0, None))
        for task in tasks:
            _predict_segment(key, task)
            yield task

    def predict(source: str | Listed) -> Outcome | None:
        if way == "in segments":
            return predict_in_segments(_model, source, settings, run, lambda *written: tell((key, None, 0, None)))
        return make_results(_model, source, settings, make)

    return attempt(given, predict)


def _predict_segment(key: int, task: SegmentTask) -> None:
    tell = _now_and_then()
    predict_segment(_model, task, lambda done: tell((key, task.segment.number, done, None)))
    report((key, task.segment.number, task.segment.end - task.segment.first, None))


def _now_and_then() -> Callable[[object], None]:
    last = time.monotonic()

    def tell(message: object) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _REPORT_SECONDS:
            last = now
            report(message)

    return tell
