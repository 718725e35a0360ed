"""How far a running job is, for whoever listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Literal

Stage = Literal["waiting", "looking", "predicting", "ended"]
_HEARTBEAT_SECONDS = 15.0
"""How often listeners hear something, so that those that are gone are noticed."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Of one job."""

    stage: Stage = "waiting"
    frames_done: int = 0
    frames_total: int | None = None
    """None: unknown."""
    frames_per_second: float = 0.0
    seconds_left: float | None = None


class Board:
    """The progress of all jobs that are worked at; of one event loop."""

    def __init__(self) -> None:
        self._of: dict[str, Progress] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self.listeners = 0
        self._ended = False

    def of(self, job_id: str) -> Progress:
        """As far as a job is known to be."""
        return self._of.get(job_id, Progress())

    def show(self, job_id: str, **changes: object) -> None:
        """Change some of it, and wake the listeners."""
        self._of[job_id] = replace(self.of(job_id), **changes)  # type: ignore[arg-type]  # fields of Progress
        self._wake(job_id)

    def forget(self, job_id: str) -> None:
        """The job has ended, or is no more."""
        self._of.pop(job_id, None)
        self._wake(job_id)

    def _wake(self, job_id: str) -> None:
        event = self._changed.pop(job_id, None)
        if event is not None:
            event.set()

    def end(self) -> None:
        """The server ends: nobody is told any more. May be called from a signal's handler."""
        self._ended = True
        for job_id in list(self._changed):
            self._wake(job_id)

    async def changes(self, job_id: str) -> AsyncIterator[None]:
        """Yields at once, then after every change, and now and then without one, until the server ends."""
        self.listeners += 1
        try:
            while not self._ended:
                event = self._changed.setdefault(job_id, asyncio.Event())
                yield
                try:
                    await asyncio.wait_for(event.wait(), _HEARTBEAT_SECONDS)
                except (asyncio.TimeoutError, TimeoutError):
                    continue
        finally:
            self.listeners -= 1
