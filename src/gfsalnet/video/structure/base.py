"""What all walks share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What a container's bookkeeping says of the video stream."""

    packets: int | None = None
    """How many coded pictures it lists or holds; None where it does not say."""
    shown: int | None = None
    """How many of them are to be shown, where an edit list hides some."""
    at_least: int | None = None
    """How many it begins, where several may lie in one, and so be more."""
    seconds: float | None = None
    """How long it is by the header, where FFmpeg does not say."""
    from_start: bool = False
    """Whether it began with a key frame when it was written: if no key frame comes first, that one is destroyed."""
    open_ended: bool = False
    """Whether nothing tells how much there is after the last that was found."""
    is_loose: bool = False
    """Whether pictures may be missing anywhere without a trace: nothing counts what it is made of."""
    cut: bool = False
    """Whether the file ends before its own end."""
    problem: str | None = None
    """The first place where it contradicts itself, as a phrase without a full stop."""


class FileBytes:
    """Bytes of a file by position; at its end fewer than asked for, and never an error for that."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size

    def at(self, position: int, count: int) -> bytes:
        """The bytes from `position` on, `count` of them at most."""
        if not 0 <= position < self.size:
            return b""
        self._file.seek(position)
        return self._file.read(min(count, self.size - position))

    def number(self, position: int, width: int, order: str = "big") -> int | None:
        """An unsigned number of `width` bytes; None where the file ends before it."""
        data = self.at(position, width)
        if len(data) < width:
            return None
        return int.from_bytes(data, "big" if order == "big" else "little")
