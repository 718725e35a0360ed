"""H.264 in MP4, with the times and the sound of the source."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from gfsalnet.errors import OutputError
from gfsalnet.types import RGB
from gfsalnet.video.audio import AudioCarrier

SLICES = 4
"""A frame is cut into so many, each encoded by a thread; on any machine, so that bytes do not depend on its cores."""
PRESET_LOOKAHEAD, LEAST_LOOKAHEAD = 10, 2
"""Frames that x264 looks ahead with this preset, and that it needs to choose frame types well."""
LOOKAHEAD_BYTES = 2**25
"""What those frames may take: all ten up to 1080p, fewer above."""
FINE_TIME_BASE = Fraction(1, 90_000)
"""Ticks for sources that do not say theirs: those of MPEG."""
MAX_TICKS_PER_SECOND = 2**30
"""MP4 keeps its time scale in 32 bits."""
_CPU_AVX_512F = 13
"""OpenCV's CV_CPU_AVX_512F, which its Python module does not name."""
BT709 = 1
"""FFmpeg's AVCOL_SPC_BT709, AVCOL_PRI_BT709 and AVCOL_TRC_BT709 are all 1."""

TO_BT709: dict[str, Any] = {"dst_colorspace": "ITU709", "dst_color_range": "MPEG"}
"""Names instead of enumerations: every version of PyAV takes them."""
LIMITED_RANGE = 1
"""FFmpeg's AVCOL_RANGE_MPEG: luma 16…235."""


class VideoWriter:
    """Writes RGB frames to an MP4 file: H.264, yuv420p, BT.709 limited range, index first.

    Times are kept, variable ones too; frames at a steady rate get it as the exact fraction. Odd sizes are padded to
    even ones by repeating the last column and row, which 4:2:0 needs. When the context ends with an exception, the
    partial file is removed.

    Args:
        path: the file to write; an existing one is replaced.
        size_wh: width and height of the frames.
        rate: frames per second; for the last frame's duration, and for all where the times are steady.
        time_base: seconds per tick of the source's times; a time within one tick of the steady grid is put on it.
        audio_from: a file whose sound, as far as the video goes, is copied, or encoded as AAC where MP4 cannot hold it.
        audio_start_seconds: the time in that file at which the video begins.
        crf: H.264 quality, 0 (lossless) … 51; 18 is visually clean.
        most_bits_per_second: of the video, at the cost of quality; None: no limit.
        pixel_aspect: width of a pixel divided by its height.

    Raises:
        OutputError: if the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        size_wh: tuple[int, int],
        rate: Fraction,
        time_base: Fraction | None = None,
        audio_from: Path | None = None,
        audio_start_seconds: float = 0.0,
        crf: int = 18,
        most_bits_per_second: int | None = None,
        pixel_aspect: Fraction = Fraction(1),
    ) -> None:
        self.notes: list[str] = []
        """What the file lacks, for the user: such as sound that could not be carried over."""
        self._path, self._size_wh, self._rate = path, size_wh, rate
        # A tick is the precision of the source's own times; finer differences are rounding.
        self._tick = time_base or FINE_TIME_BASE
        self._time_base = common_time_base(rate, self._tick)
        self._last_pts = -1
        self._end_seconds = 0.0
        self._reformatter = VideoReformatter()
        with self._output_errors():
            path.open("wb").close()  # FFmpeg opens it with the first frame, too late to refuse a folder
            # `file:` keeps a name with a colon from being taken for a protocol; faststart puts the index first, so that
            # browsers play what has arrived of the file.
            self._container: OutputContainer = av.open(
                f"file:{os.path.abspath(path)}", "w", format="mp4", container_options={"movflags": "+faststart"}
            )
            self._stream = self._add_stream(crf, most_bits_per_second, pixel_aspect)
        self._audio = None
        if audio_from is not None:
            self._audio = AudioCarrier.from_file(audio_from, self._container, self.notes, audio_start_seconds)

    def _add_stream(self, crf: int, most_bits_per_second: int | None, pixel_aspect: Fraction) -> VideoStream:
        width, height = self._size_wh
        # A fast preset, since the encoder shares the cores with the network; CRF keeps the quality, at larger files.
        options = {"crf": str(crf), "preset": "veryfast"}
        if (ahead := LOOKAHEAD_BYTES // (width * height * 3 // 2)) < PRESET_LOOKAHEAD:
            options["rc-lookahead"] = str(max(ahead, LEAST_LOOKAHEAD))
        if most_bits_per_second is not None:  # over two seconds, so that a cut may take more than its share
            options |= {"maxrate": str(most_bits_per_second), "bufsize": str(2 * most_bits_per_second)}
        stream = self._container.add_stream("libx264", rate=self._rate, options={**options, **_repeatable()})
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        context = stream.codec_context
        context.time_base = self._time_base
        context.sample_aspect_ratio = pixel_aspect
        context.thread_count = SLICES
        # Where a stream does not say its matrix, players guess it from the size of the picture.
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        return stream

    def write(self, rgb: RGB, time_seconds: float) -> None:
        """Append a frame.

        Args:
            rgb: (H, W, 3) uint8 of the writer's size.
            time_seconds: later than that of the frame before; what is not is put a tick after it.

        Raises:
            ValueError: if the shape is another one.
            OutputError: if the disk is full or the file cannot be written.
        """
        width, height = self._size_wh
        if rgb.shape != (height, width, 3) or rgb.dtype != np.uint8:
            raise ValueError(f"expected a uint8 frame of shape {(height, width, 3)}, not {rgb.shape} {rgb.dtype}")
        frame = self._yuv(rgb)
        frame.pts, frame.time_base = self._pts(time_seconds), self._time_base
        # MP4 refuses stamps that do not grow, see `_pts`.
        self._last_pts = frame.pts
        self._end_seconds = float(frame.pts * self._time_base + 1 / self._rate)
        with self._output_errors():
            self._mux(frame)
            if self._audio is not None:
                self._audio.mux_until(self._end_seconds)

    def _yuv(self, rgb: RGB) -> VideoFrame:
        width, height = self._size_wh
        if width % 2 or height % 2:
            # 4:2:0 has one chroma sample for 2×2 pixels; repeating the border adds no visible edge.
            padded = cv2.copyMakeBorder(rgb, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            rgb = np.asarray(padded, dtype=np.uint8)
        return self._reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"),
            format="yuv420p",
            **TO_BT709,
        )

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
            if self._audio is not None:
                self._audio.finish(self._end_seconds)
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

    def __enter__(self) -> VideoWriter:
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
            if self._audio is not None:
                self._audio.close()


def _repeatable() -> dict[str, str]:
    """Options with which x264 makes the same bytes of the same frames.

    Its AVX-512 code for macroblock trees makes videos that differ from run to run. Where a processor has AVX-512, x264
    is held to AVX2; elsewhere it chooses for itself.
    """
    return {"x264-params": "asm=avx2"} if cv2.checkHardwareSupport(_CPU_AVX_512F) else {}


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
