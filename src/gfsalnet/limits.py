"""How large what is read may be, found out from headers before anything is unpacked; each limit can be set.

A few kilobytes can claim to be gigabytes: by mistake, by damage, or on purpose. What is larger than a limit is refused
in one line that names the variable which sets it.
"""

from __future__ import annotations

import os

from gfsalnet.errors import GFSalNetError, RequestError

PIXELS_VARIABLE, BYTES_VARIABLE = "GFSALNET_MAX_PIXELS", "GFSALNET_MAX_BYTES"
MAX_PIXELS = 50_000_000
"""Pixels of a frame or picture, unless `$GFSALNET_MAX_PIXELS` says otherwise: 8K video has 33 million."""
MAX_BYTES = 2**29
"""Bytes of arrays, unpacked, that are read of one file, unless `$GFSALNET_MAX_BYTES` says otherwise: 512 MiB."""
TEXT_SHARE = 8
"""JSON, TOML and tables take several times their length in memory: their files may have an eighth of `max_bytes`."""


def max_pixels() -> int:
    """The largest number of pixels that a frame or picture may have.

    Raises:
        RequestError: if the variable that sets it holds no number.
    """
    return _set_by(PIXELS_VARIABLE, MAX_PIXELS)


def max_bytes() -> int:
    """How many bytes the arrays of a file may take in memory.

    Raises:
        RequestError: if the variable that sets it holds no number.
    """
    return _set_by(BYTES_VARIABLE, MAX_BYTES)


def max_text_bytes() -> int:
    """How long a file of text may be, in bytes; errors as `max_bytes`."""
    return max_bytes() // TEXT_SHARE


def _set_by(variable: str, default: int) -> int:
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    if not text.isdecimal() or not text.isascii() or int(text) == 0:
        raise RequestError(variable, f"is {text!r}, no positive whole number", "Set it to one, or unset it")
    return int(text)


def check_bytes(where: object, count: int, kind: type[GFSalNetError], what: str = "its arrays take") -> None:
    """Refuse what would take too much memory.

    Args:
        where: the file it is about.
        count: bytes that it would take.
        kind: of error to raise.
        what: begins the sentence that ends with the number of bytes.

    Raises:
        GFSalNetError: of that kind, if `count` is over `max_bytes`.
    """
    limit = max_bytes()
    if count > limit:
        raise kind(where, f"{what} {_megabytes(count)}, more than {_megabytes(limit)}", remedy_for(count))


def remedy_for(count: int) -> str:
    """How to have more bytes read."""
    return f"If that is meant, and the memory is there, set {BYTES_VARIABLE} to {count} or more."


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


class Budget:
    """Bytes that may still be read of one file.

    Args:
        where: the file.
        kind: of error to raise.
    """

    def __init__(self, where: object, kind: type[GFSalNetError]) -> None:
        self._where, self._kind, self._spent = where, kind, 0

    def spend(self, count: int) -> None:
        """Count bytes before they are read.

        Raises:
            GFSalNetError: of that kind, if all together are over `max_bytes`.
        """
        self._spent += count
        check_bytes(self._where, self._spent, self._kind)
