"""What the server may do, and for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CheckOptions = Callable[[Mapping[str, Any]], "list[str]"]
"""Options of a job by name → arguments of `gfsalnet predict`; `RequestError` for one that it does not take."""


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Limits are there to be reached by mistake or malice: each has an answer of its own."""

    data: Path
    """The folder of the database and of a folder for each job."""
    workers: int = 1
    """Jobs that are worked at at the same time."""
    queue: int = 100
    """Jobs that may wait; above that new ones are answered 429."""
    token: str | None = None
    """What every request has to bring; None: whoever reaches the server may use it."""
    hosts: frozenset[str] = frozenset({"localhost", "127.0.0.1", "::1"})
    """Names by which the server may be addressed; empty: any. Keeps other pages' scripts out that have made a name of
    their own lead here (DNS rebinding)."""
    root: Path | None = None
    """A folder whose videos jobs may name by path; None: jobs bring their video."""
    upload_bytes: int = 4 * 2**30
    """The largest upload."""
    upload_seconds: float = 30.0
    """How long an upload may stand still."""
    video_seconds: float = 2 * 3600.0
    """The longest video."""
    job_seconds: float = 6 * 3600.0
    """The longest time that a job may be worked at."""
    job_bytes: int = 6 * 2**30
    """Address space of a job's process."""
    free_bytes: int = 2**29
    """What has to stay free on the disk."""
    keep_seconds: float = 7 * 86400.0
    """How long results are kept."""
    listeners: int = 200
    """How many may listen to events at the same time."""
