"""Opening what FFmpeg reads, and no more than that; what differs between PyAV 14.1 and 19."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, BinaryIO, TypeVar

import av
from av.container import InputContainer
from av.stream import Stream

from gfsalnet.limits import max_pixels

AnyStream = TypeVar("AnyStream", bound=Stream)

DEFAULT = 0x1
"""FFmpeg's AV_DISPOSITION_DEFAULT."""

_VERSION = int(av.__version__.split(".")[0])
# Titles and tags in another encoding than UTF-8 must not keep a video from being opened: PyAV 19 does so by itself.
_LENIENT: dict[str, Any] = {} if _VERSION >= 19 else {"metadata_errors": "replace"}
_OPTIONS_OF_STREAMS = _VERSION >= 18
"""Whether PyAV may be given options of streams: up to 16 it crashes where a format finds its streams late (FLV, PS)."""


FILE = "file:"
"""Put before a path, it keeps FFmpeg from taking `a:b.mp4` for a protocol."""
URL_SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "rtmps")
_UNDER_URLS = ("tcp", "tls", "httpproxy")
_UNDER_PLAYLISTS = ("crypto", "data")
"""Encrypted segments, and keys that stand in the playlist itself."""
PLAYLIST_FORMATS = frozenset(
    {"applehttp", "avisynth", "concat", "dash", "hls", "imf", "sap", "sdp", "vapoursynth", "webm_dash_manifest"}
)
"""What FFmpeg calls formats that name other files and addresses, which it would then read, or scripts."""


def open_input(
    file: str | BinaryIO,
    *,
    allow_playlists: bool = False,
    format: str | None = None,
    options: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> InputContainer:
    """Open a file, stream or device to read from.

    A file leads to no other file and no server, and an address to no file: FFmpeg's protocols are limited to those that
    the source itself needs, and formats that name other sources are refused.

    Args:
        file: path with the prefix `FILE`, an address of `URL_SCHEMES`, with `format` a device, or an open file.
        allow_playlists: whether formats of `PLAYLIST_FORMATS` are read too, with what they name. A playlist in a file
            may name files and addresses, one at an address only addresses.
        format: that FFmpeg takes it for; None: as its content says.
        options: of the format.
        timeout: seconds to wait for a server; None: for ever.

    Raises:
        FFmpegError, OSError: if it cannot be opened.
    """
    allowed = {} if format else _allowed(not isinstance(file, str) or file.startswith(FILE), allow_playlists)
    container: InputContainer = av.open(
        file,
        "r",
        format=format,
        # Of the decoders that FFmpeg asks what is in the file, before anyone has seen the size.
        options={"max_pixels": str(max_pixels())} if _OPTIONS_OF_STREAMS else {},
        container_options={**allowed, **(options or {})},
        timeout=timeout,
        **_LENIENT,
    )
    return container


def _allowed(is_file: bool, allow_playlists: bool) -> dict[str, str]:
    """FFmpeg's options that keep it from opening anything else."""
    protocols = ("file", "pipe") if is_file else (*URL_SCHEMES, *_UNDER_URLS)
    if allow_playlists:
        web = ("http", "https", *_UNDER_URLS) if is_file else ()
        return {"protocol_whitelist": ",".join((*protocols, *web, *_UNDER_PLAYLISTS))}
    # Otherwise `a%d.tga` would be read as all files whose names follow the pattern.
    return {
        "protocol_whitelist": ",".join(protocols),
        "format_whitelist": _formats_but_playlists(),
        "pattern_type": "none",
    }


@lru_cache(maxsize=1)
def _formats_but_playlists() -> str:
    """FFmpeg has a list of what it may read, and none of what it may not."""
    names = {name for names in av.formats_available for name in names.split(",")}
    return ",".join(sorted(names - PLAYLIST_FORMATS))


def has_disposition(stream: Stream, flag: int) -> bool:
    """Whether a stream is marked with `flag`, one of FFmpeg's AV_DISPOSITION_…."""
    disposition: Any = stream.disposition  # an enumeration that is no integer before PyAV 18
    return bool(getattr(disposition, "value", disposition) & flag)


def preferred(streams: Sequence[AnyStream]) -> AnyStream:
    """The first of several streams of one kind that is marked as default, or else the first."""
    return next((stream for stream in streams if has_disposition(stream, DEFAULT)), streams[0])
