"""Who may come in, and what browsers are told: around all that the server answers."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gfsalnet.serve.problems import Problem
from gfsalnet.serve.settings import ServeSettings
from gfsalnet.tokens import brings_token, goes_by
from gfsalnet.unexpected import unexpected

log = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/", "/local", "/healthz", "/readyz", "/v1/session"})
"""What needs no token: nothing of anybody's is there."""
OPEN_PREFIXES = ("/page/", "/local/")
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


class Guard:
    """Refuses requests by other names, from other pages' scripts and without the token; adds headers to all answers.

    What nobody foresaw is an answer, too: its report stays with whoever runs the server.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        problem = self._problem(scope, Headers(scope=scope))
        app = self._app if problem is None else problem.response()
        try:
            await app(scope, receive, send_with_headers)
        except Exception as error:
            log.error("%s", unexpected(f"{scope['method']} {scope['path']}", error))
            if not begun:
                said = "The server failed in a way nobody foresaw: whoever runs it finds a report."
                await Problem(500, said).response()(scope, receive, send_with_headers)

    def _problem(self, scope: Scope, headers: Headers) -> Problem | None:
        host = headers.get("host", "")
        if not goes_by(host, self._settings.hosts):
            return Problem(421, "The server does not go by this name: use the address that it printed when it started.")
        if "content-length" in headers and "transfer-encoding" in headers:  # a proxy may see another end than we do
            return Problem(400, "The request says its length in two ways.", {"connection": "close"})
        origin = headers.get("origin")
        if scope["method"] in _CHANGES and origin is not None and not _is_own(origin, host):
            return Problem(403, "Pages of other servers may not send requests here.")
        path = scope["path"]
        if self._settings.token is None or path in OPEN_PATHS or path.startswith(OPEN_PREFIXES):
            return None
        if brings_token(headers.get("authorization", ""), headers.get("cookie", ""), self._settings.token):
            return None
        said = {"www-authenticate": "Bearer"}
        return Problem(401, "The server asks for its token: send it as 'Authorization: Bearer TOKEN'.", said)


def _is_own(origin: str, host: str) -> bool:
    """Whether a page of that origin came from this server."""
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False
