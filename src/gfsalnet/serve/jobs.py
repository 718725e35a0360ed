"""The jobs: one row each in SQLite, so that none is lost with the server."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.texts import parse_json

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
_ATTEMPTS = 10
"""How often a job may be begun and get no further: one that brings itself or the server down must not for ever."""

_TABLE = f"""
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ({", ".join(f"'{state}'" for state in get_args(State))})),
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    options TEXT NOT NULL,
    request_key TEXT UNIQUE,
    content TEXT NOT NULL,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    results TEXT,
    frames INTEGER NOT NULL DEFAULT 0,
    problem TEXT,
    notes TEXT NOT NULL DEFAULT '[]'
)
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A row. Times are seconds since 1970."""

    id: str
    state: State
    name: str
    """Of the video, as whoever sent it called it."""
    source: str
    """Its path."""
    options: dict[str, Any]
    request_key: str | None
    """The Idempotency-Key of the request."""
    content: str
    """A digest of all that the request asked for."""
    created: float
    started: float | None
    finished: float | None
    attempts: int
    results: str | None
    """The folder of the results."""
    frames: int
    """Predicted, once the job has ended."""
    problem: str | None
    """Why the job failed, or what of it could not be done."""
    notes: list[str]


class Jobs:
    """All jobs of a data folder; of one event loop, whose thread need not be the one that made it.

    Args:
        path: of the database; it is made where there is none.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(_TABLE)

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    def add(self, job_id: str, name: str, source: str, options: dict[str, Any], key: str | None, content: str) -> Job:
        """A new job, queued."""
        self._db.execute(
            "INSERT INTO jobs (id, state, name, source, options, request_key, content, created) "
            "VALUES (?, 'queued', ?, ?, ?, ?, ?, ?)",
            (job_id, name, source, json.dumps(options), key, content, time.time()),
        )
        job = self.get(job_id)
        assert job is not None
        return job

    def get(self, job_id: str) -> Job | None:
        """The job of that id."""
        return self._one("SELECT * FROM jobs WHERE id = ?", job_id)

    def by_key(self, key: str) -> Job | None:
        """The job that a request with that Idempotency-Key has made."""
        return self._one("SELECT * FROM jobs WHERE request_key = ?", key)

    def take(self) -> Job | None:
        """The job that has waited longest, from now on running; None: none waits."""
        with self._transaction():
            job = self._one("SELECT * FROM jobs WHERE state = 'queued' ORDER BY created, rowid LIMIT 1")
            if job is not None:
                self._db.execute(
                    "UPDATE jobs SET state = 'running', started = ?, attempts = attempts + 1 WHERE id = ?",
                    (time.time(), job.id),
                )
        return None if job is None else self.get(job.id)

    def end(
        self,
        job_id: str,
        state: State,
        problem: str | None = None,
        notes: tuple[str, ...] = (),
        results: str | None = None,
        frames: int = 0,
    ) -> None:
        """Say how a job ended, unless it was removed or has ended already."""
        self._db.execute(
            "UPDATE jobs SET state = ?, problem = ?, notes = ?, results = ?, frames = ?, finished = ? "
            "WHERE id = ? AND state IN ('queued', 'running')",
            (state, problem, json.dumps(notes), results, frames, time.time(), job_id),
        )

    def running(self) -> list[Job]:
        """Those that are worked at, or were when the server ended."""
        return [_job(row) for row in self._db.execute("SELECT * FROM jobs WHERE state = 'running'")]

    def requeue(self, job_id: str) -> None:
        """Put a job back if it is running, as if it had not been begun."""
        self._db.execute(
            "UPDATE jobs SET state = 'queued', attempts = attempts - 1 WHERE id = ? AND state = 'running'", (job_id,)
        )

    def retry(self, job_id: str) -> bool:
        """Put a running job back whose process was killed; False if that has happened too often."""
        found = self._db.execute(
            "UPDATE jobs SET state = 'queued' WHERE id = ? AND state = 'running' AND attempts < ?", (job_id, _ATTEMPTS)
        )
        return found.rowcount == 1

    def recover(self) -> None:
        """After a server that ended in the middle: its running jobs wait again, or have failed too often."""
        problem = f"was interrupted {_ATTEMPTS} times by the end of the server"
        self._db.execute(
            "UPDATE jobs SET state = 'failed', problem = ?, finished = ? WHERE state = 'running' AND attempts >= ?",
            (problem, time.time(), _ATTEMPTS),
        )
        self._db.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")

    def remove(self, job_id: str) -> None:
        """Forget a job."""
        self._db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def counts(self) -> dict[State, int]:
        """How many jobs are in each state."""
        found = dict(self._db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in get_args(State)}

    def ended_before(self, seconds: float) -> list[Job]:
        """Jobs that ended before that time."""
        rows = self._db.execute("SELECT * FROM jobs WHERE finished < ?", (seconds,))
        return [_job(row) for row in rows]

    def ids(self) -> set[str]:
        """Of all jobs."""
        return {row["id"] for row in self._db.execute("SELECT id FROM jobs")}

    def _one(self, query: str, *values: object) -> Job | None:
        row = self._db.execute(query, values).fetchone()
        return None if row is None else _job(row)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # SQLite may have taken it back itself
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def new_id() -> str:
    """Nobody guesses it: whoever knows a job's id may see and remove the job."""
    return secrets.token_urlsafe(16)


def _job(row: sqlite3.Row) -> Job:
    values, place = dict(row), Path(f"job {row['id']}")
    lists = {name: parse_json(values[name], place, GFSalNetError) for name in ("options", "notes")}
    return Job(**{**values, **lists})
