"""What goes wrong, as problem documents (RFC 9457) with the words of the command line."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from gfsalnet.unexpected import unexpected


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


def _methods(app: FastAPI, request: Request) -> set[str]:
    """What may be asked of a path."""
    return {
        method
        for route in app.routes
        if route.matches(request.scope)[0] != Match.NONE
        for method in getattr(route, "methods", None) or ()
    }


def answer_with_problems(app: FastAPI) -> None:
    """Whatever a handler raises is answered by a problem document."""

    @app.exception_handler(Problem)
    async def of_ours(request: Request, problem: Problem) -> Response:
        return problem.response()

    @app.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:  # of all routes of the path, not of the first alone
            headers["allow"] = ", ".join(sorted(_methods(app, request)))
        return Problem(error.status_code, str(error.detail), headers).response()

    @app.exception_handler(RequestValidationError)
    async def of_parameters(request: Request, error: RequestValidationError) -> Response:
        said = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
        return Problem(422, said).response()

    @app.exception_handler(Exception)
    async def of_nobody(request: Request, error: Exception) -> Response:
        return Problem(500, str(unexpected(f"{request.method} {request.url.path}", error))).response()
