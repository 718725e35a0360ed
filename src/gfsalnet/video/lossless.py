"""16-bit grey video without loss: FFV1 in Matroska."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from gfsalnet.errors import OutputError

_TIME_BASE = Fraction(1, 1000)
"""Matroska's own, whatever is asked for."""


class LosslessGreyWriter:
    """Writes (h, w) uint16 pictures of one size, bit by bit as they are; times are kept to the millisecond.

    Args:
        path: the file to write; an existing one is replaced.
        rate: frames per second, for the header.

    Raises:
        OutputError: if the file cannot be written.
    """

    def __init__(self, path: Path, rate: Fraction) -> None:
        self._path, self._rate = path, rate
        self._stream: VideoStream | None = None
        self._last_pts = -1
        try:
            self._container = av.open(f"file:{os.path.abspath(path)}", "w", format="matroska")
        except (av.FFmpegError, OSError) as error:
            raise self._refused(error) from error

    def write(self, grey: NDArray[np.uint16], time_seconds: float) -> None:
        """Append a picture (h, w).

        Raises:
            ValueError: if it is not of the size of the first.
            OutputError: if the file cannot be written.
        """
        if self._stream is None:
            # Version 3 of FFV1 has a checksum for each slice: readers notice damage.
            self._stream = self._container.add_stream("ffv1", rate=self._rate, options={"level": "3", "slicecrc": "1"})
            self._stream.height, self._stream.width = grey.shape
            self._stream.pix_fmt = "gray16le"
            self._stream.codec_context.time_base = _TIME_BASE
        if grey.shape != (self._stream.height, self._stream.width):
            raise ValueError(f"the maps changed in size to {grey.shape}: one video holds maps of one size")
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(grey), format="gray16le")
        # Two times may round to one millisecond, and stamps must grow.
        self._last_pts = max(self._last_pts + 1, round(time_seconds / _TIME_BASE))
        frame.pts, frame.time_base = self._last_pts, _TIME_BASE
        self._mux(frame)

    def _mux(self, frame: VideoFrame | None) -> None:
        assert self._stream is not None
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> OutputError:
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "Check that the disk has room and the folder may be written to."
        return OutputError(self._path, f"cannot be written ({reason})", remedy)

    def __enter__(self) -> LosslessGreyWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and self._stream is not None:
                self._mux(None)
        finally:
            try:
                self._container.close()
            except (av.FFmpegError, OSError) as closing:
                if error is None:
                    raise self._refused(closing) from closing
