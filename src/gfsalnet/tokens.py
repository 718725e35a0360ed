"""Who may use what listens: the token that a request brings, and the name by which it came."""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

COOKIE = "gfsalnet_token"
"""In which a browser keeps the token: its pictures, videos and events bring no header."""


def is_token(given: str, token: str) -> bool:
    """Whether it is the token, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())


def brings_token(authorization: str, cookie: str, token: str) -> bool:
    """Whether a request brings the token.

    Args:
        authorization: the header of that name, "" where there is none.
        cookie: likewise.
        token: the right one.
    """
    return any(is_token(given, token) for given in _given(authorization, cookie))


def _given(authorization: str, cookie: str) -> list[str]:
    scheme, _, value = authorization.partition(" ")
    given = [value.strip()] if scheme.lower() == "bearer" else []
    cookies = SimpleCookie()
    try:
        cookies.load(cookie)
    except CookieError:
        return given
    return [*given, *(one.value for name, one in cookies.items() if name == COOKIE)]


def goes_by(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header is of one of the names, which are in small letters; any is, where there are none.

    >>> goes_by("x", frozenset()), goes_by("A:80", frozenset({"a"})), goes_by("[::1]:80", frozenset({"::1"}))
    (True, True, True)
    >>> [goes_by(host, frozenset({"a"})) for host in ("b", "", "a.", "b@a", "a/b", "[")]
    [False, False, False, False, False, False]
    """
    if not names:
        return True
    try:
        parts = urlsplit(f"//{host}")
        return parts.netloc == host and "@" not in host and parts.hostname in names
    except ValueError:
        return False
