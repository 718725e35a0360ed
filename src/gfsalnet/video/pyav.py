"""What differs between PyAV 14.1 and 19."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import av
from av.container import InputContainer
from av.stream import Stream

AnyStream = TypeVar("AnyStream", bound=Stream)

DEFAULT = 0x1
"""FFmpeg's AV_DISPOSITION_DEFAULT."""

# Titles and tags in another encoding than UTF-8 must not keep a video from being opened: PyAV 19 does so by itself.
_LENIENT: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}


def open_input(file: str, **options: Any) -> InputContainer:
    """Open a file, stream or device to read from.

    Args:
        file: path with the prefix `file:`, URL or device.
        options: further arguments of `av.open`.

    Raises:
        FFmpegError, OSError: if it cannot be opened.
    """
    container: InputContainer = av.open(file, "r", **_LENIENT, **options)
    return container


def has_disposition(stream: Stream, flag: int) -> bool:
    """Whether a stream is marked with `flag`, one of FFmpeg's AV_DISPOSITION_…."""
    disposition: Any = stream.disposition  # an enumeration that is no integer before PyAV 18
    return bool(getattr(disposition, "value", disposition) & flag)


def preferred(streams: Sequence[AnyStream]) -> AnyStream:
    """The first of several streams of one kind that is marked as default, or else the first."""
    return next((stream for stream in streams if has_disposition(stream, DEFAULT)), streams[0])
