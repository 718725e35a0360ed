"""What the interface answers and takes, as OpenAPI describes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel

from gfsalnet.serve.jobs import ENDED, Job
from gfsalnet.serve.progress import Progress, Stage
from gfsalnet.serve.upload import FILE_FIELD

PREVIEW, REPORT = "preview.jpg", "report.html"
"""The first frame's overlay, which is there long before the results, and one file of these."""


class JobFile(BaseModel):
    """A file of the results."""

    name: str
    bytes: int
    url: str


class JobStatus(BaseModel):
    """A job as it is now."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    name: str
    """Of the video."""
    options: dict[str, Any]
    created: datetime
    started: datetime | None
    finished: datetime | None
    stage: Stage
    frames_done: int
    frames_total: int | None
    frames_per_second: float
    seconds_left: float | None
    problem: str | None
    """Why it failed, or what of the video could not be read."""
    notes: list[str]
    preview: str | None
    """Where the overlay of the first frame is, as soon as there is one."""
    files: list[JobFile]
    """Of the results, once they are complete; pictures of single frames are in `zip` alone."""
    zip: str | None
    """Where all results are as one file."""


class ModelInfo(BaseModel):
    """A model that jobs may name."""

    name: str
    description: str
    licence: str
    ready: bool


class Ready(BaseModel):
    """Whether jobs are taken."""

    status: str
    version: str


class Token(BaseModel):
    """What the page asks its user for."""

    token: str


def shown(job: Job, progress: Progress, folder: Path) -> JobStatus:
    """A job as it is now.

    Args:
        job: its row.
        progress: how far it is.
        folder: all that is kept of it.
    """
    place, results = f"/v1/jobs/{job.id}", Path(job.results) if job.results else None
    files = sorted(p for p in results.iterdir() if p.is_file() and not p.name.startswith(".")) if results else []
    return JobStatus(
        id=job.id,
        state=job.state,
        name=job.name,
        options=job.options,
        created=_date(job.created),
        started=None if job.started is None else _date(job.started),
        finished=None if job.finished is None else _date(job.finished),
        stage="ended" if job.state in ENDED else progress.stage,
        frames_done=job.frames if job.state in ENDED else progress.frames_done,
        frames_total=progress.frames_total,
        frames_per_second=progress.frames_per_second,
        seconds_left=progress.seconds_left,
        problem=job.problem,
        notes=job.notes,
        preview=f"{place}/files/{PREVIEW}" if (folder / PREVIEW).is_file() else None,
        files=[JobFile(name=p.name, bytes=p.stat().st_size, url=f"{place}/files/{quote(p.name)}") for p in files],
        zip=f"{place}/zip" if results else None,
    )


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def json_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A body of JSON, for OpenAPI."""
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def request_body(options_schema: Mapping[str, Any], *, by_path: bool) -> dict[str, Any]:
    """What `POST /v1/jobs` takes, for OpenAPI.

    Args:
        options_schema: a JSON schema of the options of a job, as one object.
        by_path: whether jobs may name a video of the server's.
    """
    video = {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "description": "The video or picture.",
    }
    form = {
        **options_schema,
        "required": [FILE_FIELD],
        "properties": {FILE_FIELD: video, **options_schema.get("properties", {})},
    }
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    if by_path:
        path = {"type": "string", "description": "Of a video under the folder that the server was started with."}
        named = {"path": path, "options": dict(options_schema)}
        form = {"type": "object", "required": ["path"], "properties": named, "additionalProperties": False}
        content["application/json"] = {"schema": form}
    return {"required": True, "content": content}
