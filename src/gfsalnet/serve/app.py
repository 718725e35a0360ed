"""The application: jobs, what works at them, the interface, and the guard around all of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from gfsalnet._version import __version__
from gfsalnet.demo import draw_clip
from gfsalnet.errors import OutputError, SourceError
from gfsalnet.files import output_errors
from gfsalnet.report import PLAYER
from gfsalnet.serve.api import Api
from gfsalnet.serve.guard import Guard
from gfsalnet.serve.jobs import Jobs
from gfsalnet.serve.local import local_file
from gfsalnet.serve.problems import ProblemDocument, answer_with_problems
from gfsalnet.serve.progress import Board
from gfsalnet.serve.runner import Runner
from gfsalnet.serve.settings import CheckOptions, ServeSettings

_READS = ["GET", "HEAD"]
_PAGE = Path(__file__).parent / "page"


def create_app(
    settings: ServeSettings, check_options: CheckOptions, options_schema: Mapping[str, Any] | None = None
) -> FastAPI:
    """An ASGI application, of one process and one event loop.

    Args:
        settings: the limits.
        check_options: makes arguments of `gfsalnet predict` of a job's options, and refuses what they may not be.
        options_schema: a JSON schema of the options of a job, as one object, for the documentation at `/openapi.json`.

    Raises:
        OutputError: if the folder of the data cannot be written.
        SourceError: if there is no folder whose videos jobs may name.
    """
    if settings.root is not None and not settings.root.is_dir():
        raise SourceError(settings.root, "is no folder", "Give --root the folder whose videos jobs may name")
    with output_errors(settings.data):
        settings.data.mkdir(parents=True, exist_ok=True)
    jobs, board = _jobs(settings.data / "jobs.sqlite3"), Board()
    runner = Runner(jobs, board, settings, check_options)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        runner.start()
        try:
            yield
        finally:
            await runner.stop()
            jobs.close()

    app = FastAPI(
        title="GFSalNet",
        version=__version__,
        description="Where viewers look in a video.",
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
    )
    app.state.on_stop = board.end
    router = Api(jobs, board, runner, settings, check_options, options_schema or {}).router
    app.include_router(router)
    _serve_page(app, settings.data / "example.mp4")
    _serve_local(app)
    answer_with_problems(app, router)
    _describe_problems(app)
    app.add_middleware(Guard, settings=settings)
    return app


def _jobs(path: Path) -> Jobs:
    try:
        return Jobs(path)
    except sqlite3.Error as error:
        raise OutputError(path, f"cannot be used ({error})", "Give --data another folder") from error


def _serve_page(app: FastAPI, example_path: Path) -> None:
    """The page for people, whose scripts are its own files and the report's player alone."""

    drawing = asyncio.Lock()

    @app.api_route("/page/example.mp4", methods=_READS, include_in_schema=False)
    async def example() -> FileResponse:
        """A video for whoever has none at hand, drawn when it is first asked for, by however many at once."""
        async with drawing:
            if not example_path.is_file():
                await asyncio.to_thread(draw_clip, example_path)
        return FileResponse(example_path)

    app.mount("/page/player", StaticFiles(directory=PLAYER))
    app.mount("/page", StaticFiles(directory=_PAGE))

    @app.api_route("/", methods=_READS, include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(_PAGE / "index.html")


def _serve_local(app: FastAPI) -> None:
    """The page that predicts in the browser itself."""

    @app.api_route("/local", methods=_READS, include_in_schema=False)
    async def to_folder() -> RedirectResponse:
        return RedirectResponse("/local/", 308)

    app.add_api_route("/local/{name:path}", local_file, methods=_READS, include_in_schema=False)


def _describe_problems(app: FastAPI) -> None:
    """Put the problem document among the schemas that OpenAPI names."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        schema = original()
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("ProblemDocument", ProblemDocument.model_json_schema())
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation extends it
