"""Addresses as they may be shown and stored: without user names, passwords, queries and what else may be a secret."""

from __future__ import annotations

import re

_URL = re.compile(r"\b[a-z][a-z0-9+.,-]+:/[^\s'\"<>]+", re.IGNORECASE)
"""With one slash too: where an address was taken for a path, that is what is left. `C:/` is none."""
_SECRET_IN_PATH = re.compile(r"((?:user\w*?|pass\w*?|pwd|token|key|secret|auth\w*?|sig\w*?)=)[^/&]*", re.IGNORECASE)
"""As of cameras whose path is `user=admin_password=…_channel=1`."""


def is_url(text: str) -> bool:
    """Whether a source is an address rather than a path.

    >>> is_url("rtsp://camera/live"), is_url("concat:a.ts"), is_url("a:b.mp4")
    (True, False, False)
    """
    return "://" in text


def shown_url(url: str) -> str:
    """The address without what may be a secret: user name and password, query, fragment, parameters of the path.

    >>> shown_url("https://ann:pa55@example.org:8080/clip.mp4?token=x#t=1")
    'https://example.org:8080/clip.mp4'
    >>> shown_url("rtsp://10.0.0.7/user=admin_password=x_channel=1")
    'rtsp://10.0.0.7/user=***'
    """
    scheme, colon, rest = re.split(r"(:/+)", url, maxsplit=1)
    rest = re.split(r"[?#]", rest, maxsplit=1)[0] if _ends_its_host(rest) else rest.rpartition("@")[2]
    host, slash, path = rest.partition("/")
    path = re.split(r"[?#;]", path, maxsplit=1)[0]
    path = _SECRET_IN_PATH.sub(r"\1***", path)
    return f"{scheme}{colon}{host.rpartition('@')[2]}{slash}{path}"


def _ends_its_host(rest: str) -> bool:
    """Whether what stands before the first `/`, `?` or `#` is a host; if not, a password holds one of these signs."""
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    port = host.rpartition("]")[2].rpartition(":")
    return "@" not in rest or not port[1] or port[2].isdecimal() or not port[2]


def without_secrets(text: str) -> str:
    """A text with every address in it as `shown_url` shows it.

    >>> without_secrets("ftp://ann:pa55@example.org/x and a.mp4")
    'ftp://example.org/x and a.mp4'
    """
    return _URL.sub(lambda found: shown_url(found[0]), text)
