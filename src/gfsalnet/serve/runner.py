"""What works at the jobs: some tasks of the event loop, each of which runs one job's processes after the other."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from gfsalnet.errors import GFSalNetError, OutputError
from gfsalnet.files import remove
from gfsalnet.formats.texts import parse_json
from gfsalnet.serve.documents import PREVIEW
from gfsalnet.serve.jobs import Job, Jobs
from gfsalnet.serve.progress import Board
from gfsalnet.serve.settings import CheckOptions, ServeSettings
from gfsalnet.unexpected import unexpected

log = logging.getLogger(__name__)

_GRACE_SECONDS = 5.0
"""How long a process may take to clean up."""
_LINE_BYTES = 2**20
_TIDY_SECONDS = 60.0
_LAST_LINES = 20
CHILD = (sys.executable, "-m", "gfsalnet.serve.child")
"""The command of a job's process."""


_LOOK_AGAIN_SECONDS = 5.0
"""Between two looks at a disk without room, or at a database that cannot be written."""
_FROM_OUTSIDE = frozenset({-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM})
"""How a process ends that somebody kills, the system for want of memory included; a fault of its own ends otherwise."""

T = TypeVar("T")


class _JobFailedError(Exception):
    """With the one line for the user."""


class _KilledError(_JobFailedError):
    """The process is not to blame: the job may be begun again."""


class Runner:
    """Runs the queued jobs, and removes old ones.

    Args:
        jobs: all of them.
        board: where to show how far they are.
        settings: the limits.
        check_options: makes arguments of `gfsalnet predict` of a job's options.
    """

    def __init__(self, jobs: Jobs, board: Board, settings: ServeSettings, check_options: CheckOptions) -> None:
        self._jobs, self._board, self._settings, self._check_options = jobs, board, settings, check_options
        self._more = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin: jobs that a former server left come first."""
        for job in self._jobs.running():
            if self._has_got_on(job):
                self._jobs.requeue(job.id)
        self._jobs.recover()
        self._remove_strays()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._work()) for _ in range(self._settings.workers)]
        self._tasks.append(loop.create_task(self._tidy()))
        for task in self._tasks:
            task.add_done_callback(_tell_of_end)

    @property
    def is_at_work(self) -> bool:
        """Whether none of its tasks has ended by a fault of its own."""
        return not any(task.done() for task in self._tasks)

    async def stop(self) -> None:
        """End the processes; their jobs wait for the next server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        """There is a new job."""
        self._more.set()

    async def cancel(self, job_id: str) -> None:
        """End the job's processes, if it has any, once its listeners know."""
        self._board.forget(job_id)
        await asyncio.sleep(0)
        task = self._running.get(job_id)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def folder(self, job_id: str) -> Path:
        """All that is kept of a job."""
        return self._settings.data / "jobs" / job_id

    async def _work(self) -> None:
        while True:
            self._more.clear()
            while self._free() < self._settings.free_bytes:
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            job = await _noted(self._jobs.take)
            if job is None:
                await self._more.wait()
                self._more.set()  # others wait for it too
                await asyncio.sleep(0)
                continue
            task = self._running[job.id] = asyncio.ensure_future(self._run(job))
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                if task.cancelled():  # that job alone
                    continue
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                self._jobs.requeue(job.id)
                raise
            finally:
                self._running.pop(job.id, None)
                self._board.forget(job.id)

    async def _run(self, job: Job) -> None:
        try:
            end = await self._within_limits(job)
            await _noted(lambda: self._jobs.end(job.id, "done", **end))
        except _KilledError as killed:
            if self._has_got_on(job):
                await _noted(lambda: self._jobs.requeue(job.id))
            elif not await _noted(lambda: self._jobs.retry(job.id)):
                await self._failed(job, str(killed))
        except _JobFailedError as failed:
            await self._failed(job, str(failed))
        except Exception as error:
            log.error("%s", unexpected(f"job {job.id}", error))
            await self._failed(job, f"failed in a way nobody foresaw ({type(error).__name__}: {error})")

    def _has_got_on(self, job: Job) -> bool:
        """Whether a piece has been finished since it was begun for the last time: the next time begins after it."""
        pieces = self.folder(job.id).glob("results/*/.pieces/*.piece")
        try:
            return any(piece.stat().st_mtime > (job.started or 0.0) for piece in pieces)
        except OSError:  # a process of before cleans up
            return True

    async def _failed(self, job: Job, problem: str) -> None:
        said = self._without_places(problem, job.id)
        await _noted(lambda: self._jobs.end(job.id, "failed", said))
        for rest in ("upload", "results"):  # nobody can ask for it any more
            with suppress(OSError, OutputError):
                await asyncio.to_thread(remove, self.folder(job.id) / rest)

    async def _within_limits(self, job: Job) -> dict[str, Any]:
        """What `_steps` says, as long as there is time, and room on the disk."""
        seconds = self._settings.job_seconds
        work, room = asyncio.ensure_future(self._steps(job)), asyncio.ensure_future(self._room_ends())
        try:
            await asyncio.wait({work, room}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            raise _JobFailedError(
                "was ended: the server's disk is full"
                if room.done()
                else f"took longer than {seconds:.0f} seconds, the most that this server allows"
            )
        finally:
            for task in (work, room):
                task.cancel()
            await asyncio.gather(work, room, return_exceptions=True)

    async def _room_ends(self) -> None:
        """Returns when half of what is to stay free is taken: the database needs the rest."""
        while self._free() > self._settings.free_bytes / 2:
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    def _without_places(self, text: str, job_id: str) -> str:
        """The text without the server's own paths."""
        folder = self.folder(job_id)
        for place in (folder / "upload", folder / "results", folder, self._settings.root):
            text = text if place is None else text.replace(f"{place}{os.sep}", "")
        return text

    def _free(self) -> int:
        return shutil.disk_usage(self._settings.data).free

    async def _steps(self, job: Job) -> dict[str, Any]:
        """What to note of a job that is done."""
        folder = self.folder(job.id)
        folder.mkdir(parents=True, exist_ok=True)
        self._board.show(job.id, stage="looking")
        seconds = str(self._settings.video_seconds)
        said: list[dict[str, Any]] = []
        await self._process(("look", job.source, str(folder / PREVIEW), seconds), said.append)
        if not said or "problem" in said[-1]:
            raise _JobFailedError(said[-1]["problem"] if said else f"{job.name}: cannot be looked at")
        self._board.show(job.id, stage="predicting")
        outcome = await self._predict(job, [*self._check_options(job.options), "--output", str(folder / "results")])
        if outcome["status"] == "failed":
            raise _JobFailedError(outcome["message"])
        problem = outcome["message"] if outcome["status"] == "damaged" else None
        return {
            "problem": None if problem is None else self._without_places(problem, job.id),
            "notes": tuple(self._without_places(note, job.id) for note in outcome["notes"]),
            "results": outcome["folder"],
            "frames": outcome["frames"],
        }

    async def _predict(self, job: Job, arguments: list[str]) -> dict[str, Any]:
        """What `gfsalnet predict` says of the source in the end."""
        outcomes: list[dict[str, Any]] = []

        def hear(said: dict[str, Any]) -> None:
            if said.get("event") == "progress":
                self._board.show(
                    job.id,
                    frames_done=said["done"],
                    frames_total=said["total"],
                    frames_per_second=said["per_second"] or 0.0,
                    seconds_left=said["seconds_left"],
                )
            elif said.get("event") in ("outcome", "error"):
                outcomes.append(said)

        command = ("command", "predict", "--progress", "json", *arguments, "--", job.source)
        status, rest = await self._process(command, hear)
        if not outcomes:
            why = rest[-1] if rest else f"its process ended with status {status}; it may have needed too much memory"
            raise _JobFailedError(why)
        return {"status": "failed", **outcomes[-1]}

    async def _process(
        self, arguments: tuple[str, ...], hear: Callable[[dict[str, Any]], None]
    ) -> tuple[int, list[str]]:
        """The exit status of a process, and the last lines that were no JSON objects; those are heard."""
        limits = (str(os.getpid()), str(self._settings.job_bytes))
        process = await asyncio.create_subprocess_exec(
            *CHILD,
            *limits,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LINE_BYTES,
            start_new_session=True,  # a group of its own: workers of its own end with it
        )
        assert process.stdout is not None
        rest: list[str] = []
        try:
            async for line in process.stdout:
                text = line.decode("utf-8", "replace").strip()
                said = _object(text)
                if said is not None:
                    hear(said)
                elif any(map(str.isalnum, text)):  # a line of hyphens, or the border of a box, says nothing
                    rest = [*rest[1 - _LAST_LINES :], text]
            status = await process.wait()
            if status in _FROM_OUTSIDE:
                raise _KilledError("its process was killed each time; it may have needed too much memory")
            return status, rest
        finally:
            await _ended(process)

    async def _tidy(self) -> None:
        """Now and then remove what is older than it may be."""
        while True:
            with suppress(sqlite3.OperationalError):  # at the next time, then
                for job in self._jobs.ended_before(time.time() - self._settings.keep_seconds):
                    await self.remove(job.id)
            await asyncio.sleep(_TIDY_SECONDS)

    async def remove(self, job_id: str) -> None:
        """Forget a job and all that is kept of it."""
        try:
            self._jobs.remove(job_id)
        except sqlite3.OperationalError:  # a full disk: even that needs some room
            await self._remove_files(job_id)
            self._jobs.remove(job_id)
        await self._remove_files(job_id)

    async def _remove_files(self, job_id: str) -> None:
        with suppress(OSError, OutputError):
            await asyncio.to_thread(remove, self.folder(job_id))  # there may be thousands of files

    def _remove_strays(self) -> None:
        """Folders without a job: uploads that were cut off, and removals that were."""
        known = self._jobs.ids()
        places = self._settings.data / "jobs"
        for folder in places.iterdir() if places.is_dir() else ():
            if folder.name not in known:
                with suppress(OSError, OutputError):
                    remove(folder)


def _tell_of_end(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("%s", unexpected("the server's work", error))


async def _noted(note: Callable[[], T]) -> T:
    """Do what the database has to take down, as often as it takes: a full disk must not cost a job."""
    while True:
        try:
            return note()
        except sqlite3.OperationalError as error:
            log.error("the database cannot be written (%s); trying again", error)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def _object(text: str) -> dict[str, Any] | None:
    """A JSON object; None: any other text."""
    try:
        said = parse_json(text, Path("what the process says"), GFSalNetError)
    except GFSalNetError:
        return None
    return said if isinstance(said, dict) else None


async def _ended(process: asyncio.subprocess.Process) -> None:
    """See to it that the process and all that it started are gone."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(asyncio.TimeoutError, TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
