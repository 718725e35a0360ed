"""The files of results, as they are handed out."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import zipfile
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

from fastapi import Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.concurrency import iterate_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from gfsalnet.serve.problems import Problem

log = logging.getLogger(__name__)

_PLAYER_BYTES = 2**19
"""At the end of a report."""


def inside(folder: str | None, name: str) -> Path | None:
    """A file of the folder, and of no other."""
    if folder is None or any(part.startswith(".") or not part for part in name.split("/")):
        return None
    try:
        path = (Path(folder) / name).resolve()
        return path if path.is_relative_to(Path(folder).resolve()) and path.is_file() else None
    except (OSError, ValueError):  # too long, or with a NUL
        return None


def report_policy(path: Path) -> str:
    """What a report needs, and no other script than its player."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _PLAYER_BYTES, 0))
        player = file.read().rpartition(b'<script type="module">')[2].partition(b"</script>")[0]
    digest = base64.b64encode(hashlib.sha256(player).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:; "
        "media-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


_RANGES = re.compile(r"bytes *= *(\d{1,18}-(\d{1,18})?|-\d{1,18})( *, *(\d{1,18}-(\d{1,18})?|-\d{1,18}))*", re.ASCII)
_KEPT = ("etag", "last-modified", "cache-control", "content-security-policy")
"""Headers of a file that are told although the file is not sent."""


class ResultFile(FileResponse):
    """A file, or ranges of it, or that it has not changed (RFC 9110, sections 13 and 14).

    Args:
        path: of the file.
        headers: to be sent with it.
    """

    def __init__(self, path: Path, headers: dict[str, str]) -> None:
        super().__init__(path, headers={"cache-control": "private, no-cache", **headers}, stat_result=path.stat())
        self._bytes = path.stat().st_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        asked = Headers(scope=scope)
        if self._is_known(asked):
            kept = {name: self.headers[name] for name in _KEPT if name in self.headers}
            await Response(status_code=304, headers=kept)(scope, receive, send)
            return
        if _RANGES.fullmatch(asked.get("range", "").strip()) is None:  # what makes no sense is as if it was not there
            scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
        refused = False

        async def send_ranges(message: Message) -> None:
            nonlocal refused
            refused |= message["type"] == "http.response.start" and message["status"] in (400, 416)
            if not refused:
                await send(message)

        try:
            await super().__call__(scope, receive, send_ranges)
        except OSError as error:
            _broken_off(error)
        if refused:
            said = f"The file has {self._bytes} bytes: ask for a part of these."
            problem = Problem(416, said, {"content-range": f"bytes */{self._bytes}"})
            await problem.response()(scope, receive, send)

    def _is_known(self, asked: Headers) -> bool:
        """Whether the client has it as it is."""
        tags = asked.get("if-none-match")
        if tags is not None:
            own = self.headers["etag"]
            return any(tag.strip().removeprefix("W/") in (own, "*") for tag in tags.split(","))
        try:
            since = parsedate_to_datetime(asked.get("if-modified-since", ""))
            return parsedate_to_datetime(self.headers["last-modified"]) <= since
        except (TypeError, ValueError, IndexError, OverflowError):  # no date, or one of no time zone
            return False


class ZipOfResults(StreamingResponse):
    """A folder as a ZIP file, written as it is sent."""

    def __init__(self, folder: Path, headers: dict[str, str]) -> None:
        super().__init__(iterate_in_threadpool(zipped(folder)), media_type="application/zip", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            await super().__call__(scope, receive, send)
        except OSError as error:
            _broken_off(error)


def _broken_off(error: OSError) -> None:
    """The client learns by the connection's end that it has not got all."""
    log.warning("a download was broken off: %s", error.strerror or error)


class _Pipe:
    """What `zipfile` writes to: bytes that are taken away as they come."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        return

    def taken(self) -> bytes:
        data = b"".join(self._written)
        self._written.clear()
        return data


def zipped(folder: Path) -> Iterator[bytes]:
    """A ZIP file of a folder, a piece at a time; what is in it is compressed already."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]  # writes alone
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
            with path.open("rb") as file, archive.open(f"{folder.name}/{path.relative_to(folder)}", "w") as member:
                while chunk := file.read(2**20):
                    member.write(chunk)
                    yield pipe.taken()
            yield pipe.taken()
    yield pipe.taken()
