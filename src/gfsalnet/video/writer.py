"""H.264 in MP4, with the times and the sound of the source."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from gfsalnet.types import RGB
from gfsalnet.video.muxing import FrameWriter

SLICES = 4
"""A frame is cut into so many, each encoded by a thread; on any machine, so that bytes do not depend on its cores."""
PRESET_LOOKAHEAD, LEAST_LOOKAHEAD = 10, 2
"""Frames that x264 looks ahead with this preset, and that it needs to choose frame types well."""
LOOKAHEAD_BYTES = 2**25
"""What those frames may take: all ten up to 1080p, fewer above."""
_CPU_AVX_512F = 13
"""OpenCV's CV_CPU_AVX_512F, which its Python module does not name."""
BT709 = 1
"""FFmpeg's AVCOL_SPC_BT709, AVCOL_PRI_BT709 and AVCOL_TRC_BT709 are all 1."""

TO_BT709: dict[str, Any] = {"dst_colorspace": "ITU709", "dst_color_range": "MPEG"}
"""Names instead of enumerations: every version of PyAV takes them."""
LIMITED_RANGE = 1
"""FFmpeg's AVCOL_RANGE_MPEG: luma 16…235."""


class VideoWriter(FrameWriter):
    """Writes RGB frames to an MP4 file: H.264, yuv420p, BT.709 limited range, index first.

    Odd sizes are padded to even ones by repeating the last column and row, which 4:2:0 needs. All else is as in
    `FrameWriter`.

    Args:
        path: the file to write; an existing one is replaced.
        size_wh: width and height of the frames.
        rate: frames per second; for the last frame's duration, and for all where the times are steady.
        time_base: seconds per tick of the source's times; a time within one tick of the steady grid is put on it.
        audio_from: a file whose sound, as far as the video goes, is copied, or encoded as AAC where MP4 cannot hold it.
        audio_start_seconds: the time in that file at which the video begins.
        all_sound: whether all its sound tracks are carried over, and not the main one alone.
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
        all_sound: bool = False,
        crf: int = 18,
        most_bits_per_second: int | None = None,
        pixel_aspect: Fraction = Fraction(1),
    ) -> None:
        # Set before the encoder is opened, which `settle` is called for.
        self._size_wh = width, height = size_wh
        self._yuv = YUVConverter()

        def settle(context: VideoCodecContext) -> None:
            context.width, context.height = width + width % 2, height + height % 2
            context.sample_aspect_ratio = pixel_aspect
            context.thread_count = SLICES
            self._yuv.describe(context)

        super().__init__(
            path,
            codec="libx264",
            options=_options(size_wh, crf, most_bits_per_second),
            settle=settle,
            rate=rate,
            time_base=time_base,
            audio_from=audio_from,
            audio_start_seconds=audio_start_seconds,
            all_sound=all_sound,
        )

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
        self.write_frame(self._yuv(rgb), time_seconds)


class YUVConverter:
    """Turns (H, W, 3) uint8 RGB into frames for an encoder: yuv420p, BT.709 limited range, odd sides padded."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, rgb: RGB) -> VideoFrame:
        """The frame, of an even size."""
        height, width = rgb.shape[:2]
        if width % 2 or height % 2:
            # 4:2:0 has one chroma sample for 2×2 pixels; repeating the border adds no visible edge.
            padded = cv2.copyMakeBorder(rgb, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            rgb = np.asarray(padded, dtype=np.uint8)
        return self._reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"),
            format="yuv420p",
            **TO_BT709,
        )

    @staticmethod
    def describe(context: VideoCodecContext) -> None:
        """Tell an encoder what the frames are.

        Where a stream does not say its matrix, players guess it from the size of the picture.
        """
        context.pix_fmt = "yuv420p"
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE


def _options(size_wh: tuple[int, int], crf: int, most_bits_per_second: int | None) -> dict[str, str]:
    # A fast preset, since the encoder shares the cores with the network; CRF keeps the quality, at larger files.
    options = {"crf": str(crf), "preset": "veryfast", **repeatable()}
    if (ahead := LOOKAHEAD_BYTES // (size_wh[0] * size_wh[1] * 3 // 2)) < PRESET_LOOKAHEAD:
        options["rc-lookahead"] = str(max(ahead, LEAST_LOOKAHEAD))
    if most_bits_per_second is not None:  # over two seconds, so that a cut may take more than its share
        options |= {"maxrate": str(most_bits_per_second), "bufsize": str(2 * most_bits_per_second)}
    return options


def repeatable() -> dict[str, str]:
    """Options with which x264 makes the same bytes of the same frames.

    Its AVX-512 code for macroblock trees makes videos that differ from run to run. Where a processor has AVX-512, x264
    is held to AVX2; elsewhere it chooses for itself.
    """
    return {"x264-params": "asm=avx2"} if cv2.checkHardwareSupport(_CPU_AVX_512F) else {}
