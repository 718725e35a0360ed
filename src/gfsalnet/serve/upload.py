"""A multipart upload that goes to the disk as it comes, and to no more of it than it may."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from gfsalnet.errors import RequestError
from gfsalnet.files import file_name
from gfsalnet.formats.texts import parse_json
from gfsalnet.serve.problems import Problem

FILE_FIELD = "file"
_FIELD_BYTES, _FIELDS = 10_000, 50
"""Options are short, and there are not many."""
_HEADER_BYTES = 10_000
"""Of a part of the form."""
_NAME_LETTERS = 255
BESIDES_BYTES = _FIELDS * (_FIELD_BYTES + _HEADER_BYTES)
"""The most that a form has besides its file."""
_LEAST_BYTES_PER_SECOND = 1000
"""On the average of an upload, after the time that it may stand still."""


@dataclass(eq=False)
class Upload:
    """What a form has brought."""

    path: Path | None = None
    """Where its file lies."""
    name: str = ""
    """What the sender called it."""
    fields: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    """SHA-256 of the file."""


class _Form:
    """Takes a form apart as it comes.

    Args:
        folder: where to put the file.
        most_bytes: of the file.
    """

    def __init__(self, boundary: bytes, folder: Path, most_bytes: int) -> None:
        self.upload = Upload()
        self._folder, self._most_bytes = folder, most_bytes
        self._hash, self._size = hashlib.sha256(), 0
        self._header, self._value = b"", b""
        self._header_bytes = 0
        self._headers: dict[str, bytes] = {}
        self._field: str | None = None
        self._text = b""
        self._file: BinaryIO | None = None
        self.ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_header,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._open,
                "on_part_data": self._on_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def write(self, data: bytes) -> None:
        """Take in the next bytes of the body."""
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise Problem(400, f"The form is damaged: {error}.") from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._headers, self._field, self._text = {}, None, b""
        self._header_bytes = 0

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += self._of_header(data[start:end])

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._of_header(data[start:end])

    def _of_header(self, data: bytes) -> bytes:
        self._header_bytes += len(data)
        if self._header_bytes > _HEADER_BYTES:
            raise Problem(413, f"The head of a part of the form is longer than {_HEADER_BYTES} bytes.")
        return data

    def _on_header_end(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = self._value
        self._header, self._value = b"", b""

    def _open(self) -> None:
        _, said = parse_options_header(self._headers.get("content-disposition", b""))
        name = said.get(b"name", b"").decode("utf-8", "replace")
        if not name:
            raise Problem(400, "A part of the form has no name.")
        if name != FILE_FIELD:
            if len(self.upload.fields) >= _FIELDS or name in self.upload.fields:
                raise Problem(400, f"The form has {name!r} twice, or more than {_FIELDS} fields.")
            self._field = name
            return
        if self.upload.path is not None:
            raise Problem(400, "The form has two files: send one job for each.")
        self.upload.name = said.get(b"filename", b"").decode("utf-8", "replace")[:_NAME_LETTERS] or "video"
        self.upload.path = self._folder / stored_name(self.upload.name)
        self._file = self.upload.path.open("xb")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        chunk = data[start:end]
        if self._file is None:
            self._text += chunk
            if len(self._text) > _FIELD_BYTES:
                raise Problem(413, f"The field {self._field!r} is longer than {_FIELD_BYTES} bytes.")
            return
        self._size += len(chunk)
        if self._size > self._most_bytes:
            raise Problem(413, too_large(self._most_bytes))
        self._hash.update(chunk)
        self._file.write(chunk)

    def _end_part(self) -> None:
        if self._file is not None:
            self.close()
            self.upload.digest = self._hash.hexdigest()
        elif self._field is not None:
            try:
                self.upload.fields[self._field] = self._text.decode("utf-8")
            except UnicodeDecodeError as error:
                raise Problem(400, f"The field {self._field!r} is no UTF-8 text.") from error

    def _end(self) -> None:
        self.ended = True


async def received(
    body: AsyncIterator[bytes],
    content_type: str,
    folder: Path,
    *,
    most_bytes: int,
    free_bytes: int,
    stands_still_seconds: float,
) -> Upload:
    """The form in a request's body, its file written to `folder`.

    Raises:
        Problem: if it is no form, has no file, is too large, stands still, or the disk is full.
    """
    kind, parameters = parse_options_header(content_type)
    boundary = parameters.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 200:
        raise Problem(415, "Send multipart/form-data with the video as the field 'file', or JSON that names one.")
    form, size = _Form(boundary, folder, most_bytes), 0
    try:
        async for chunk in aiter_within(body, stands_still_seconds):
            size += len(chunk)
            if size > most_bytes + BESIDES_BYTES:  # before the first part, or after the last one
                raise Problem(413, too_large(most_bytes))
            require_space(folder, free_bytes + len(chunk))
            form.write(chunk)
    except OSError as error:
        raise Problem(507, f"The upload cannot be stored ({error.strerror or error}).") from error
    finally:
        form.close()
    if not form.ended:
        raise Problem(400, "The upload ends in the middle: send it again.")
    if form.upload.path is None:
        raise Problem(422, "file: the form has no field of that name. Send the video as the field 'file'.")
    return form.upload


async def aiter_within(body: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """The chunks of a body, each within so many seconds, and all of them at a speed that is worth waiting for.

    Raises:
        Problem: if one takes longer, or the client is gone.
    """
    iterator, began, size = body.__aiter__(), time.monotonic(), 0
    while True:
        spare = seconds + size / _LEAST_BYTES_PER_SECOND - (time.monotonic() - began)
        try:
            chunk = await asyncio.wait_for(iterator.__anext__(), min(seconds, spare))
        except StopAsyncIteration:
            return
        except (asyncio.TimeoutError, TimeoutError) as error:
            said = f"The upload stood still for {seconds:.0f} seconds, or came byte by byte."
            raise Problem(408, said) from error
        except ClientDisconnect as error:
            raise Problem(400, "The upload ends in the middle: send it again.") from error
        size += len(chunk)
        yield chunk


async def small_json(body: AsyncIterator[bytes], most_bytes: int, within_seconds: float) -> Any:
    """The JSON in a request's body.

    Args:
        body: of the request.
        most_bytes: of the body.
        within_seconds: in which all of it has to come.

    Raises:
        Problem: if it is too long, takes too long, or is no JSON.
    """
    said, ends = b"", time.monotonic() + within_seconds
    async for chunk in aiter_within(body, within_seconds):
        said += chunk
        if len(said) > most_bytes:
            raise Problem(413, f"JSON may be {most_bytes} bytes long.")
        if time.monotonic() > ends:
            raise Problem(408, f"The request took longer than {within_seconds:.0f} seconds.")
    try:
        value = parse_json(said.decode("utf-8"), Path("the body"), RequestError)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RequestError as error:
        raise Problem(400, str(error)) from error
    except UnicodeError as error:
        raise Problem(400, "The body is no UTF-8 text, or names half of a character.") from error
    return value


def stored_name(name: str) -> str:
    """A name for the file that no system and no program takes for more than a name.

    >>> stored_name("../../etc/passwd"), stored_name("concat:a|b.mp4"), stored_name("-x.mp4")
    ('passwd', 'concat-a-b.mp4', '_-x.mp4')
    """
    safe = file_name(name.replace("\\", "/").rpartition("/")[2])
    safe = "".join(c for c in safe if c.isprintable()).lstrip(".")
    stem, dot, suffix = safe.rpartition(".")
    stem, suffix = (stem, suffix[:10]) if dot else (safe, "")
    stem = stem.encode("utf-8", "ignore")[:120].decode("utf-8", "ignore") or "video"
    whole = f"{stem}.{suffix}" if suffix else stem
    return f"_{whole}" if whole.startswith("-") else whole


def require_space(folder: Path, least_bytes: int) -> None:
    """Make sure that so much is free.

    Raises:
        Problem: if not.
    """
    free = shutil.disk_usage(folder).free
    if free < least_bytes:
        raise Problem(507, f"The server's disk has {free // 2**20} MiB left: ask whoever runs it to make room.")


def too_large(most_bytes: int) -> str:
    """The sentence about an upload over the limit."""
    return f"The upload is larger than {most_bytes // 2**20} MiB, the most that this server takes."
