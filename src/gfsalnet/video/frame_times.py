"""How many frames a source holds and when each is shown: counted, never estimated."""

from __future__ import annotations

import os
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import SourceError
from gfsalnet.video.container import ContainerReader
from gfsalnet.video.packets import read_packets
from gfsalnet.video.sources import open_source
from gfsalnet.video.stamps import Clock


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
    table = read_packets(path)
    return None if table is None else [clock.seconds(stamp) for stamp in table.stamps]
