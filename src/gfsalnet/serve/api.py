"""The HTTP interface, version 1."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse

from gfsalnet._version import __version__
from gfsalnet.errors import RequestError
from gfsalnet.files import remove
from gfsalnet.models import MODELS
from gfsalnet.serve.documents import (
    PREVIEW,
    REPORT,
    JobStatus,
    ModelInfo,
    Ready,
    Token,
    json_body,
    request_body,
    shown,
)
from gfsalnet.serve.jobs import ENDED, Job, Jobs, new_id
from gfsalnet.serve.problems import Problem, documented
from gfsalnet.serve.progress import Board
from gfsalnet.serve.results import ResultFile, ZipOfResults, inside, report_policy
from gfsalnet.serve.runner import Runner
from gfsalnet.serve.settings import CheckOptions, ServeSettings
from gfsalnet.serve.upload import (
    BESIDES_BYTES,
    FILE_FIELD,
    Upload,
    received,
    require_space,
    small_json,
    too_large,
)
from gfsalnet.tokens import COOKIE, is_token

_JSON_BYTES = 100_000
_TOKEN_BYTES, _TOKEN_SECONDS = 10_000, 5.0
"""Whoever sends one is a stranger still."""
_RETRY_SECONDS = 30
_PROMETHEUS = "text/plain; version=0.0.4"
_MORE_ANSWERS: dict[str, dict[int | str, dict[str, object]]] = {
    "events": documented(429),
    "zip": documented(409),
    "file": {
        206: {"description": "The ranges that were asked for"},
        304: {"description": "Not changed since the client was sent it"},
        **documented(416),
    },
}
JobId = Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="As `POST /v1/jobs` answered it.")]


class Api:
    """The handlers, and what they share.

    Args:
        jobs: all of them.
        board: how far they are.
        runner: works at them.
        settings: the limits.
        check_options: makes arguments of a job's options.
        options_schema: a JSON schema of the options of a job, as one object, for OpenAPI.
    """

    def __init__(
        self,
        jobs: Jobs,
        board: Board,
        runner: Runner,
        settings: ServeSettings,
        check_options: CheckOptions,
        options_schema: Mapping[str, Any],
    ) -> None:
        self._jobs, self._board, self._runner, self._settings = jobs, board, runner, settings
        self._check_options = check_options
        self._under_way: set[str] = set()
        self._arriving = 0
        self.router = router = APIRouter()
        job_errors = documented(401, 404, 421, 422)
        router.add_api_route(
            "/v1/jobs",
            self.create,
            methods=["POST"],
            status_code=202,
            response_model=JobStatus,
            responses=documented(400, 401, 403, 404, 408, 409, 413, 415, 421, 422, 429, 507),
            openapi_extra={"requestBody": request_body(options_schema, by_path=settings.root is not None)},
            summary="Predict a video",
        )
        for path, handler, more in (
            ("/v1/jobs/{job_id}", self.status, {"response_model": JobStatus}),
            ("/v1/jobs/{job_id}/events", self.events, {"response_class": StreamingResponse}),
            ("/v1/jobs/{job_id}/zip", self.zip, {"response_class": StreamingResponse}),
            ("/v1/jobs/{job_id}/files/{name:path}", self.file, {"response_class": FileResponse}),
        ):
            self._add(path, handler, {**job_errors, **_MORE_ANSWERS.get(handler.__name__, {})}, **more)
        router.add_api_route(
            "/v1/jobs/{job_id}",
            self.delete,
            methods=["DELETE"],
            response_model=JobStatus,
            responses={**job_errors, **documented(403)},
            summary="Cancel and remove a job",
        )
        errors = documented(401, 421)
        self._add("/v1/models", self.models, errors)
        router.add_api_route(
            "/v1/session",
            self.session,
            methods=["POST"],
            status_code=204,
            responses=documented(400, 401, 403, 408, 413, 421, 422),
            openapi_extra={"requestBody": json_body(Token.model_json_schema())},
        )
        self._add("/healthz", self.healthz, documented(421))
        self._add("/readyz", self.readyz, documented(421, 503, 507))
        self._add("/metrics", self.metrics, errors, response_class=PlainTextResponse)

    def _add(self, path: str, handler: Any, responses: dict[int | str, Any], **more: Any) -> None:
        """A route for GET, and for HEAD where the answer has an end that is known."""
        self.router.add_api_route(path, handler, methods=["GET"], responses=responses, **more)
        if more.get("response_class") is not StreamingResponse:
            self.router.add_api_route(path, handler, methods=["HEAD"], include_in_schema=False, **more)

    async def create(
        self,
        request: Request,
        response: Response,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
    ) -> JobStatus:
        """Queue a job: `multipart/form-data` with the video as `file`, and options of `gfsalnet predict` as fields.

        The same `Idempotency-Key` again gives the job that there is.
        """
        waiting = self._jobs.counts()["queued"] + self._arriving
        if waiting >= self._settings.queue:
            said = f"{waiting} jobs wait or arrive, as many as this server lets: try again later."
            raise Problem(429, said, {"retry-after": str(_RETRY_SECONDS)})
        if idempotency_key in self._under_way:
            raise Problem(409, "A request with this Idempotency-Key is under way.")
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._settings.upload_bytes + BESIDES_BYTES:
            raise Problem(413, too_large(self._settings.upload_bytes))
        job_id = new_id()
        folder = self._runner.folder(job_id) / "upload"
        folder.mkdir(parents=True)
        if idempotency_key is not None:
            self._under_way.add(idempotency_key)
        kept = False
        self._arriving += 1
        try:
            require_space(folder, self._settings.free_bytes + (int(length) if length.isdecimal() else 0))
            job = await self._created(request, job_id, folder, idempotency_key)
            kept = job.id == job_id
        finally:
            self._arriving -= 1
            self._under_way.discard(idempotency_key or "")
            if not kept:  # refused, sent before, or the client is gone
                remove(folder.parent)
        self._runner.wake()
        response.headers["location"] = f"/v1/jobs/{job.id}"
        return self._shown(job)

    async def _created(self, request: Request, job_id: str, folder: Path, key: str | None) -> Job:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
            upload, options = await self._named(request)
        else:
            limits = self._settings
            upload = await received(
                request.stream(),
                request.headers.get("content-type", ""),
                folder,
                most_bytes=limits.upload_bytes,
                free_bytes=limits.free_bytes,
                stands_still_seconds=limits.upload_seconds,
            )
            options = _options_of_fields(upload.fields)
        try:
            self._check_options(options)
        except RequestError as error:
            raise Problem(422, str(error)) from error
        content = hashlib.sha256(json.dumps([upload.digest, upload.name, options], sort_keys=True).encode()).hexdigest()
        before = self._jobs.by_key(key) if key is not None else None
        if before is not None:
            if before.content != content:
                raise Problem(409, "The Idempotency-Key belongs to another request: use a new one.")
            return before
        return self._jobs.add(job_id, upload.name, str(upload.path), options, key, content)

    async def _named(self, request: Request) -> tuple[Upload, dict[str, Any]]:
        """A video that lies on the server already."""
        said = await small_json(request.stream(), _JSON_BYTES, self._settings.upload_seconds)
        if not isinstance(said, dict) or not isinstance(said.get("path"), str) or set(said) - {"path", "options"}:
            raise Problem(422, 'JSON has the form {"path": "clip.mp4", "options": {"save": "overlay"}}.')
        options = said.get("options", {})
        if not isinstance(options, dict) or not isinstance(options.get("report", False), bool):
            raise Problem(422, 'options: an object such as {"save": "overlay", "report": true}.')
        path = self._inside_root(said["path"])
        status = path.stat()
        return Upload(path, path.name, digest=f"{path} {status.st_size} {status.st_mtime_ns}"), options

    def _inside_root(self, text: str) -> Path:
        root = self._settings.root
        if root is None:
            raise Problem(403, "Jobs of this server bring their video: send it as the field 'file' of a form.")
        try:
            path = (root / text).resolve()
            found = path.is_relative_to(root.resolve()) and path.is_file()
        except (OSError, ValueError):  # too long, or with a NUL
            found = False
        if not found:
            raise Problem(404, "There is no such video.")
        return path

    async def status(self, job_id: JobId) -> JobStatus:
        """How far a job is, and where its results are."""
        return self._shown(self._job(job_id))

    async def events(self, job_id: JobId) -> Response:
        """Server-sent events: the job as JSON at every change, until it has ended."""
        self._job(job_id)
        if self._board.listeners >= self._settings.listeners:
            said = f"{self._board.listeners} listen to events, as many as this server lets: ask for the job instead."
            raise Problem(429, said, {"retry-after": str(_RETRY_SECONDS)})
        told = self._told(job_id)
        first = await anext(told, "")  # from here on it counts as one that listens

        async def all_of_it() -> AsyncIterator[str]:
            yield first
            async for text in told:
                yield text

        return StreamingResponse(all_of_it(), media_type="text/event-stream")

    async def _told(self, job_id: str) -> AsyncIterator[str]:
        told = None
        async for _ in self._board.changes(job_id):
            job = self._jobs.get(job_id)
            if job is None:  # removed
                return
            text = self._shown(job).model_dump_json()
            yield f"event: job\ndata: {text}\n\n" if text != told else ": still there\n\n"
            told = text
            if job.state in ENDED:
                return

    async def file(self, job_id: JobId, name: str) -> Response:
        """One file of the results, or a range of it."""
        job = self._job(job_id)
        path = self._runner.folder(job_id) / PREVIEW if name == PREVIEW else inside(job.results, name)
        if path is None or not path.is_file():
            raise Problem(404, "The results have no such file.")
        headers = {"content-disposition": f"inline; filename*=UTF-8''{quote(path.name)}"}
        headers["content-security-policy"] = report_policy(path) if path.name == REPORT else "sandbox"
        return ResultFile(path, headers)

    async def zip(self, job_id: JobId) -> Response:
        """All results as one ZIP file."""
        job = self._job(job_id)
        if job.results is None or not Path(job.results).is_dir():
            raise Problem(409, f"The job has no results: it is {job.state}.")
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(Path(job.results).name)}.zip"}
        return ZipOfResults(Path(job.results), headers)

    async def delete(self, job_id: JobId) -> JobStatus:
        """Remove a job with all that is kept of it; one that waits or runs is cancelled first."""
        self._jobs.end(job_id, "cancelled")  # unless it has ended
        job = self._shown(self._job(job_id))
        await self._runner.cancel(job_id)
        await self._runner.remove(job_id)
        return job.model_copy(update={"files": [], "preview": None, "zip": None})

    async def models(self) -> list[ModelInfo]:
        """The models that jobs may name."""
        return [
            ModelInfo(name=name, description=entry.what, licence=entry.licence, ready=entry.ready)
            for name, entry in MODELS.items()
        ]

    async def session(self, request: Request) -> Response:
        """Keep the token in a cookie, for the page: pictures, videos and events bring no header."""
        said = await small_json(request.stream(), _TOKEN_BYTES, _TOKEN_SECONDS)
        token = said.get("token") if isinstance(said, dict) else None
        if not isinstance(token, str):
            raise Problem(422, 'JSON has the form {"token": "…"}.')
        response = Response(status_code=204)
        if self._settings.token is not None:
            if not is_token(token, self._settings.token):
                raise Problem(401, "That is not the token.")
            secure = request.url.scheme == "https"
            response.set_cookie(COOKIE, self._settings.token, httponly=True, samesite="strict", secure=secure)
        return response

    async def healthz(self) -> Ready:
        """Whether the server answers."""
        return Ready(status="ok", version=__version__)

    async def readyz(self) -> Ready:
        """Whether it takes jobs."""
        require_space(self._settings.data, self._settings.free_bytes)
        if not self._runner.is_at_work:
            raise Problem(503, "The server works at no jobs any more: whoever runs it has to start it again.")
        if self._jobs.counts()["queued"] >= self._settings.queue:
            raise Problem(503, "As many jobs wait as this server lets.", {"retry-after": str(_RETRY_SECONDS)})
        return Ready(status="ok", version=__version__)

    async def metrics(self) -> Response:
        """In Prometheus' text format."""
        lines = ["# HELP gfsalnet_jobs Jobs by state.", "# TYPE gfsalnet_jobs gauge"]
        lines += [f'gfsalnet_jobs{{state="{state}"}} {count}' for state, count in self._jobs.counts().items()]
        lines += ["# HELP gfsalnet_listeners Clients that listen to events.", "# TYPE gfsalnet_listeners gauge"]
        lines += [f"gfsalnet_listeners {self._board.listeners}"]
        return PlainTextResponse("\n".join(lines) + "\n", media_type=_PROMETHEUS)

    def _job(self, job_id: str) -> Job:
        job = self._jobs.get(job_id)
        if job is None:
            raise Problem(404, "There is no such job: it was removed, or its results have expired.")
        return job

    def _shown(self, job: Job) -> JobStatus:
        return shown(job, self._board.of(job.id), self._runner.folder(job.id))


def _options_of_fields(fields: Mapping[str, str]) -> dict[str, Any]:
    """Options as a form has them: texts."""
    options: dict[str, Any] = {name: value for name, value in fields.items() if name != FILE_FIELD}
    if "report" in options:
        if options["report"] not in ("true", "false"):
            raise Problem(422, "report: true or false.")
        options["report"] = options["report"] == "true"
    return options
