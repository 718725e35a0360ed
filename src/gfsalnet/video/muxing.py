"""Encoded frames in MP4, with the times and the sound of the source."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import av
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gfsalnet.errors import OutputError
from gfsalnet.video.audio import AudioCarrier

FINE_TIME_BASE = Fraction(1, 90_000)
"""Ticks for sources that do not say theirs: those of MPEG."""
MAX_TICKS_PER_SECOND = 2**30
"""MP4 keeps its time scale in 32 bits."""

AnyWriter = TypeVar("AnyWriter", bound="FrameWriter")


class FrameWriter:
    """Encodes decoded frames into an MP4 file, index first.

    Times are kept, variable ones too; frames at a steady rate get it as the exact fraction. When the context ends with
    an exception, the partial file is removed.

    Args:
        path: the file to write; an existing one is replaced.
        codec: FFmpeg's name of the encoder, such as `libx264`.
        options: of the encoder.
        settle: sets what else the encoder has to know, such as the size, before it is opened.
        rate: frames per second; for the last frame's duration, and for all where the times are steady.
        time_base: seconds per tick of the source's times; a time within one tick of the steady grid is put on it.
        audio_from: a file whose sound, as far as the video goes, is copied, or encoded as AAC where MP4 cannot hold it.
        audio_start_seconds: the time in that file at which the video begins.
        all_sound: whether all its sound tracks are carried over, and not the main one alone.

    Raises:
        OutputError: if the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        codec: str,
        options: Mapping[str, str],
        settle: Callable[[VideoCodecContext], None],
        rate: Fraction,
        time_base: Fraction | None = None,
        audio_from: Path | None = None,
        audio_start_seconds: float = 0.0,
        all_sound: bool = False,
    ) -> None:
        self.notes: list[str] = []
        """What the file lacks, for the user: such as sound that could not be carried over."""
        self._path, self._rate = path, rate
        # A tick is the precision of the source's own times; finer differences are rounding.
        self._tick = time_base or FINE_TIME_BASE
        self._time_base = common_time_base(rate, self._tick)
        self._last_pts = -1
        self._end_seconds = 0.0
        with self._output_errors():
            path.open("wb").close()  # FFmpeg opens it with the first frame, too late to refuse a folder
            # `file:` keeps a name with a colon from being taken for a protocol; faststart puts the index first, so that
            # browsers play what has arrived of the file.
            self._container: OutputContainer = av.open(
                f"file:{os.path.abspath(path)}", "w", format="mp4", container_options={"movflags": "+faststart"}
            )
            stream = self._container.add_stream(codec, rate=rate, options=dict(options))
            assert isinstance(stream, VideoStream)
            self._stream = stream
            settle(self._stream.codec_context)
            self._stream.codec_context.time_base = self._time_base
        self._audio: list[AudioCarrier] = []
        if audio_from is not None:
            self._audio = AudioCarrier.from_file(
                audio_from, self._container, self.notes, audio_start_seconds, all_tracks=all_sound
            )

    def write_frame(self, frame: VideoFrame, time_seconds: float) -> None:
        """Append a frame, whose stamp is set.

        Args:
            frame: of the encoder's size and pixel format.
            time_seconds: later than that of the frame before; what is not is put a tick after it.

        Raises:
            OutputError: if the disk is full or the file cannot be written.
        """
        frame.pts, frame.time_base = self._pts(time_seconds), self._time_base
        # MP4 refuses stamps that do not grow, see `_pts`.
        self._last_pts = frame.pts
        self._end_seconds = float(frame.pts * self._time_base + 1 / self._rate)
        with self._output_errors():
            self._mux(frame)
            for track in self._audio:
                track.mux_until(self._end_seconds)

    def _pts(self, time_seconds: float) -> int:
        """The time in ticks, on the grid of the steady rate where the source's rounding allows it."""
        on_grid = round(time_seconds * self._rate) / self._rate
        # A quarter of an interval at most: a coarse tick would make truly variable times steady.
        tolerance = min(self._tick, 1 / (4 * self._rate))
        is_steady = abs(on_grid - Fraction(time_seconds)) <= tolerance
        seconds = on_grid if is_steady else Fraction(time_seconds)
        # Two times may round to one tick, and MP4 refuses stamps that do not grow.
        return max(self._last_pts + 1, round(seconds / self._time_base))

    def _mux(self, frame: VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            # MP4 takes durations from the next frame's time; only the last one's comes from here.
            packet.duration = round(1 / (self._rate * self._time_base))
            self._container.mux(packet)

    def _finish(self) -> None:
        if self._last_pts < 0:
            raise ValueError(f"no frame was written to {self._path}")
        with self._output_errors():
            # Flush the encoder: it holds frames back to reorder them.
            self._mux(None)
            for track in self._audio:
                track.finish(self._end_seconds)
            self._container.close()

    def _discard(self) -> None:
        # The file is removed in any case, so errors of closing it do not matter.
        with contextlib.suppress(av.FFmpegError, OSError):
            self._container.close()
        self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            raise OutputError(self._path, f"cannot be written ({error.strerror})", _remedy(error)) from error

    def __enter__(self: AnyWriter) -> AnyWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        except BaseException:
            self._discard()
            raise
        else:
            if error is not None:
                self._discard()
        finally:
            for track in self._audio:
                track.close()


def common_time_base(rate: Fraction, tick: Fraction) -> Fraction:
    """A time base in which both frame intervals and source ticks are whole, or at least frame intervals.

    >>> common_time_base(Fraction(30000, 1001), Fraction(1, 1000))
    Fraction(1, 30000)
    """
    # 1/lcm is the coarsest base in which both 1/rate and a tick are whole numbers.
    both = math.lcm(rate.numerator, tick.denominator)
    if both <= MAX_TICKS_PER_SECOND:
        return Fraction(1, both)
    return Fraction(1, min(rate.numerator, MAX_TICKS_PER_SECOND))


def _remedy(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "Change its permissions, or write to another folder."
    if isinstance(error, FileNotFoundError):
        return "Make its folder first."
    return "Check that the disk has room, or write to another one."
