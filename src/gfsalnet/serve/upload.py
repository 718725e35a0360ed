"""A multipart upload that goes to the disk as it comes, and to no more of it than it may."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from gfsalnet.files import file_name
from gfsalnet.serve.problems import Problem

FILE_FIELD = "file"
_FIELD_BYTES, _FIELDS = 10_000, 50
"""Options are short, and there are not many."""


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
        self._headers: dict[str, str] = {}
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

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = self._value.decode("utf-8", "replace")
        self._header, self._value = b"", b""

    def _open(self) -> None:
        _, said = parse_options_header(self._headers.get("content-disposition", ""))
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
        self.upload.name = said.get(b"filename", b"").decode("utf-8", "replace") or "video"
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
    form = _Form(boundary, folder, most_bytes)
    chunks = aiter_within(body, stands_still_seconds)
    try:
        async for chunk in chunks:
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
    """The chunks of a body, each within so many seconds.

    Raises:
        Problem: if one takes longer.
    """
    iterator = body.__aiter__()
    while True:
        try:
            yield await asyncio.wait_for(iterator.__anext__(), seconds)
        except StopAsyncIteration:
            return
        except (asyncio.TimeoutError, TimeoutError) as error:
            raise Problem(408, f"The upload stood still for {seconds:.0f} seconds.") from error


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
