"""The pictures as another stream, for programs such as OBS and FFmpeg."""

from __future__ import annotations

import sys
import time
from fractions import Fraction
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.video.stream import VideoStream

from gfsalnet.errors import OutputError
from gfsalnet.types import RGB
from gfsalnet.urls import shown_url
from gfsalnet.video.writer import YUVConverter

PIPE = "pipe:"
_TICK = Fraction(1, 90_000)
_KEY_FRAME_EVERY = 30


class StreamSink:
    """Encodes pictures as H.264 without delay, to `pipe:` (standard output, MPEG-TS) or an `rtsp://` server.

    Pictures have the time at which they are written: what is shown later than it came is later there, too.

    Args:
        target: `pipe:` or an address.
        rate: about how many pictures a second there will be.

    Raises:
        OutputError: if the target is neither, or cannot be opened; from `write`, if it goes away.
    """

    def __init__(self, target: str, rate: Fraction) -> None:
        self._target, self._rate = target, rate
        self._container: Any = None
        self._began = 0.0
        self._last = -1
        if target != PIPE and not target.startswith(("rtsp://", "rtsps://")):
            raise OutputError(target, "is no place for a live stream", f"Give {PIPE} or an address of rtsp://")

    def write(self, picture: RGB) -> None:
        """Send a picture, (H, W, 3) uint8; all of them have the size of the first."""
        try:
            if self._container is None:
                self._open(picture.shape[1], picture.shape[0])
            frame = self._yuv(np.ascontiguousarray(picture))
            self._last = max(self._last + 1, round((time.monotonic() - self._began) / _TICK))
            frame.pts, frame.time_base = self._last, _TICK
            self._container.mux(self._stream.encode(frame))
        except (OSError, av.error.FFmpegError) as error:
            remedy = "Start the program that takes it first, and look at its address"
            raise OutputError(self._shown, f"does not take the stream ({error.strerror or error})", remedy) from error

    @property
    def _shown(self) -> str:
        return "standard output" if self._target == PIPE else shown_url(self._target)

    def _open(self, width: int, height: int) -> None:
        if self._target == PIPE:
            self._container = av.open(sys.stdout.buffer, "w", format="mpegts")
        else:
            options = {"rtsp_transport": "tcp"}
            self._container = av.open(self._target, "w", format="rtsp", options=options)
        options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(_KEY_FRAME_EVERY)}
        stream = self._container.add_stream("libx264", rate=self._rate, options=options)
        assert isinstance(stream, VideoStream)
        self._stream, self._yuv, self._began = stream, YUVConverter(), time.monotonic()
        context = stream.codec_context
        context.width, context.height, context.time_base = width + width % 2, height + height % 2, _TICK
        self._yuv.describe(context)

    def __enter__(self) -> StreamSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._container is not None:
            try:
                self._container.mux(self._stream.encode(None))
                self._container.close()
            except (OSError, av.error.FFmpegError):  # whoever took it is gone
                return
