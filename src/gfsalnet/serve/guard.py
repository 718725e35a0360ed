"""Who may come in, and what browsers are told: around all that the server answers."""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gfsalnet.serve.problems import Problem
from gfsalnet.serve.settings import ServeSettings

COOKIE = "gfsalnet_token"
OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/v1/session"})
"""What needs no token: nothing of anybody's is there."""
OPEN_PREFIX = "/page/"
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
    """Refuses requests by other names, from other pages' scripts and without the token; adds headers to all answers."""

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        problem = self._problem(scope, Headers(scope=scope))
        app = self._app if problem is None else problem.response()
        await app(scope, receive, send_with_headers)

    def _problem(self, scope: Scope, headers: Headers) -> Problem | None:
        host = headers.get("host", "")
        if self._settings.hosts and _hostname(host) not in self._settings.hosts:
            return Problem(421, "The server does not go by this name: use the address that it printed when it started.")
        origin = headers.get("origin")
        if scope["method"] in _CHANGES and origin is not None and urlsplit(origin).netloc != host:
            return Problem(403, "Pages of other servers may not send requests here.")
        path = scope["path"]
        if self._settings.token is None or path in OPEN_PATHS or path.startswith(OPEN_PREFIX):
            return None
        if any(is_token(given, self._settings.token) for given in _given(headers)):
            return None
        said = {"www-authenticate": "Bearer"}
        return Problem(401, "The server asks for its token: send it as 'Authorization: Bearer TOKEN'.", said)


def is_token(given: str, token: str) -> bool:
    """Whether it is the token, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def _given(headers: Headers) -> list[str]:
    """Tokens that a request brings, as a header or as the cookie of the page."""
    given = []
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        given.append(value.strip())
    cookies = SimpleCookie()
    try:
        cookies.load(headers.get("cookie", ""))
    except CookieError:
        return given
    return [*given, *(cookie.value for name, cookie in cookies.items() if name == COOKIE)]


def _hostname(host: str) -> str:
    """Of a Host header, without the port; "" where it makes no sense."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
