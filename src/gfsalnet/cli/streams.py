"""Standard output and error as they may be: of any encoding, on a full disk."""

from __future__ import annotations

import codecs
import errno
import faulthandler
import io
import os
import sys

_IN_ASCII = dict(
    zip("–—×σα’“”·━²", '--xsa\'""--2', strict=True),
    **{"→": "->", "…": "...", "±": "+-", "∞": "inf", "°": " deg", "≥": ">=", "≤": "<="},
)
_HANDLER = "gfsalnet-ascii"


class TolerantStream(io.TextIOWrapper):
    """A text stream that never ends the program: signs are replaced, and what cannot be written is dropped.

    What is being made matters more than what is said about it. Only where nobody reads any more (`| head`) the error is
    raised, as programs are used to.
    """

    failure: OSError | None = None
    """Why something could not be written; nothing is written after it."""

    def write(self, text: str, /) -> int:
        """Write as any text stream."""
        if self.failure is None:
            try:
                return super().write(text)
            except OSError as error:
                self._remember(error)
        return len(text)

    def flush(self) -> None:
        """Flush as any text stream."""
        if self.failure is None:
            try:
                super().flush()
            except OSError as error:
                self._remember(error)

    def _remember(self, error: OSError) -> None:
        if error.errno == errno.EPIPE:
            raise error
        self.failure = error


def use_tolerant_streams(*, libraries_too: bool) -> None:
    """Replace both standard streams of this process.

    Args:
        libraries_too: whether libraries in C may still write to standard error: libpng, libjpeg and libtiff complain
            there of every damaged picture, beside our line about it. Otherwise a crash is all that is seen of them.
    """
    codecs.register_error(_HANDLER, _in_ascii)
    sys.stdout, sys.stderr = _tolerant(sys.stdout), _tolerant(sys.stderr)
    if not libraries_too and isinstance(sys.stderr, TolerantStream):
        _keep_for_ourselves(sys.stderr)


def _keep_for_ourselves(stream: TolerantStream) -> None:
    """Move Python's standard error to another descriptor, and let nothing come of what is written to the old one."""
    try:
        ours = os.dup(stream.fileno())
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
    except (OSError, ValueError):  # there is no descriptor: nothing can write to it
        return
    moved = io.TextIOWrapper(os.fdopen(ours, "wb"), encoding=stream.encoding, line_buffering=True)
    _moved.append(moved)  # its buffer must live as long as the new stream, which shares it
    sys.stderr = _tolerant(moved)
    faulthandler.enable(ours)


_moved: list[io.TextIOWrapper] = []


def _tolerant(stream: object) -> TolerantStream:
    if not isinstance(stream, io.TextIOWrapper):  # none at all, as under pythonw, or what a debugger has put there
        return stream  # type: ignore[return-value]  # it stays as it is
    # The old wrapper lives on as sys.__stdout__, and with it the buffer that both write to.
    return TolerantStream(
        stream.buffer,
        encoding=stream.encoding,
        errors=_HANDLER,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(_IN_ASCII.get(sign) or _escaped(sign) for sign in signs), error.end


def _escaped(sign: str) -> str:
    """Such as \\xe9; a byte of a file name that is no valid text is that byte."""
    if "\udc80" <= sign <= "\udcff":
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("ascii", "backslashreplace").decode()


def visible(text: object) -> str:
    r"""The text with everything escaped that a terminal would obey, such as the line feeds that a file name may hold.

    >>> visible("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    return "".join(
        sign if sign.isprintable() or "\ud800" <= sign <= "\udfff" else repr(sign)[1:-1] for sign in str(text)
    )
