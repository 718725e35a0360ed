"""What goes wrong, as problem documents (RFC 9457) with the words of the command line."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from gfsalnet.words import in_plain_words

log = logging.getLogger(__name__)


class ProblemDocument(BaseModel):
    """The body of every answer that is an error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Problem(Exception):
    """An answer that is an error.

    Args:
        status: of HTTP.
        detail: what was wrong and what to do, a sentence or two.
        headers: to be sent with it.
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers or {}

    def response(self) -> Response:
        """The document."""
        said = ProblemDocument(title=HTTPStatus(self.status).phrase, status=self.status, detail=self.detail)
        return JSONResponse(said.model_dump(), self.status, headers=self.headers, media_type="application/problem+json")


def documented(*statuses: int) -> dict[int | str, dict[str, object]]:
    """What OpenAPI says of these statuses."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def _methods(routes: Iterable[BaseRoute], request: Request) -> set[str]:
    """What may be asked of a path."""
    return {
        method
        for route in routes
        if route.matches(request.scope)[0] != Match.NONE
        for method in getattr(route, "methods", None) or ()
    }


def answer_with_problems(app: FastAPI, router: APIRouter) -> None:
    """Whatever a handler of the application or of its router raises is answered by a problem document."""

    @app.exception_handler(Problem)
    async def of_ours(request: Request, problem: Problem) -> Response:
        return problem.response()

    @app.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:  # of all routes of the path, not of the first alone
            headers["allow"] = ", ".join(sorted(_methods([*app.routes, *router.routes], request)))
        return Problem(error.status_code, str(error.detail), headers).response()

    @app.exception_handler(RequestValidationError)
    async def of_parameters(request: Request, error: RequestValidationError) -> Response:
        places = [(".".join(map(str, one["loc"][1:])), in_plain_words(one["msg"])) for one in error.errors()]
        said = "; ".join(f"{place}: {problem}" for place, problem in places)
        return Problem(422, said).response()

    @app.exception_handler(sqlite3.OperationalError)
    async def of_the_database(request: Request, error: sqlite3.OperationalError) -> Response:
        log.error("the database: %s", error)
        said = f"The server cannot note that down ({error}): ask whoever runs it to make room."
        return Problem(507, said).response()
