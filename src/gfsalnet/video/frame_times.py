"""How many frames a source holds and when each is shown: counted, never estimated."""

from __future__ import annotations

import os
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import SourceError
from gfsalnet.video.container import ContainerReader, main_stream
from gfsalnet.video.damage import promise_of
from gfsalnet.video.pyav import FILE, open_input
from gfsalnet.video.sources import open_source
from gfsalnet.video.stamps import Clock
from gfsalnet.video.structure import Structure

EXACT_CONTAINERS = frozenset({"mov", "matroska"})
"""Containers whose packets carry presentation stamps; AVI and raw streams have none, MPEG-TS starts anywhere."""
EXACT_CODECS = frozenset({"av1", "h264", "hevc", "mjpeg", "prores"})
"""Codecs in which each packet is one frame; VP8, VP9 and MPEG-4 have packets that are never shown."""


def frame_times(source: str | Path, rate: Fraction | None = None) -> NDArray[np.float64]:
    """When each frame of a source is shown: what reading it would give.

    Only packets are read where they tell exactly, else the video is decoded. The answer is kept until the file changes.

    Args:
        source: a file, or a folder or glob of pictures; not a camera or a stream, which have no end.
        rate: frames per second of picture sequences; 25 if None.

    Returns:
        (T,) seconds, strictly increasing, the first 0.

    Raises:
        SourceError: if the source cannot be opened, has no end, or frames of it are lost.
    """
    try:
        # Time and size of the file are part of the cache's key: a changed file is read again.
        status = os.stat(source)
    except (OSError, ValueError):
        return _read_times(str(source), rate)  # a glob, or `open_source` reports what is wrong
    # A copy, because whoever changes the kept array would change it for all later calls.
    return np.array(_kept_times(str(source), rate, status.st_mtime_ns, status.st_size))


def count_frames(source: str | Path) -> int:
    """How many frames a source holds; arguments and errors as `frame_times`."""
    return len(frame_times(source))


@lru_cache(maxsize=2048)
def _kept_times(source: str, rate: Fraction | None, changed_ns: int, size_bytes: int) -> NDArray[np.float64]:
    return _read_times(source, rate)


def _read_times(source: str, rate: Fraction | None) -> NDArray[np.float64]:
    with open_source(source, rate=rate) as reader:
        info = reader.info
        if info.is_live:
            raise SourceError(source, "it has no end, so its frames cannot be counted", "Record it to a file first.")
        seconds = None
        if isinstance(reader, ContainerReader) and info.path is not None:
            seconds = _times_by_packets(info.path, Clock(info.time_base, info.rate))
        if seconds is None:
            seconds = list(reader.times())
            if reader.report.is_short:
                problem = f"{reader.report.loss_in_words()} ({reader.report.damage})"
                raise SourceError(source, problem, "Copy, download or export it again.")
    return np.array(seconds, np.float64)


def _times_by_packets(path: Path, clock: Clock) -> list[float] | None:
    """The times without decoding; None where packets do not tell them exactly."""
    stamps: list[int] = []
    hidden = 0
    try:
        with open_input(f"{FILE}{path.absolute()}") as container:
            stream = main_stream(container, str(path))
            is_exact = EXACT_CONTAINERS & set(container.format.name.split(","))
            if not is_exact or stream.codec_context.name not in EXACT_CODECS:
                return None
            for packet in container.demux(stream):
                if packet.is_corrupt or (packet.size and packet.pts is None):
                    return None
                if packet.size and packet.is_discard:
                    hidden += 1
                elif packet.size:
                    # The decoder drops packets before the first key frame; how many it drops is not known here.
                    if not stamps and not hidden and not packet.is_keyframe:
                        return None
                    stamps.append(packet.pts or 0)
            promise = promise_of(container, stream, path)
    # Whatever is wrong, decoding meets it as well and reports it in full.
    except (av.FFmpegError, IndexError, SourceError):
        return None
    # A frame shown before the first key frame needs one that is missing; two packets of one time are two fields.
    is_plain = bool(stamps) and (hidden > 0 or min(stamps) == stamps[0]) and len(set(stamps)) == len(stamps)
    books = promise.structure or Structure()
    is_sound = not books.cut and books.problem is None and books.shown in (None, len(stamps))
    is_whole = is_sound and promise.count in (None, len(stamps) + hidden) and books.packets is not None
    is_whole = is_whole and (books.shown is not None or books.packets == len(stamps) + hidden)
    # Packets come in the order of decoding; sorted, they are in the order of display.
    return [clock.seconds(stamp) for stamp in sorted(stamps)] if is_plain and is_whole else None
