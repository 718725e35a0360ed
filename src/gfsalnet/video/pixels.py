"""Decoded frames turned into upright RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.buffer import Buffer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from gfsalnet.types import RGB

MAX_SD_HEIGHT = 576
"""Video that does not name its colour matrix is BT.709 above this height and BT.601 below: what players assume."""

UNSPECIFIED, LIMITED, FULL = 2, 1, 2
"""FFmpeg's AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_MPEG and AVCOL_RANGE_JPEG."""
_NAMES = {1: "ITU709", 4: "FCC", 5: "ITU601", 6: "ITU601", 7: "SMPTE240M", 9: "BT2020", 10: "BT2020"}
_MATRICES = {code: name for code, name in _NAMES.items() if hasattr(Colorspace, name)}  # BT.2020: since PyAV 15
_RANGES = {LIMITED: "MPEG", FULL: "JPEG"}
_HIGH_RANGES = {16: "PQ", 18: "HLG"}
"""FFmpeg's AVCOL_TRC_SMPTE2084 and AVCOL_TRC_ARIB_STD_B67."""
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's decoder → the one that reads the alpha which WebM keeps beside each picture."""
Matrix = tuple[int, int, int, int]
"""(a, b, c, d): a stored pixel (x, y) is shown at (a x + c y, b x + d y)."""


class RGBConverter:
    """Turns decoded frames of any pixel format into (H, W, 3) uint8 RGB, upright.

    The colour matrix and range of the frame are honoured (high dynamic range is not tone-mapped); alpha is seen over
    black; rotation and mirroring by the display matrix are carried out; pixels stay as stored, square or not.
    """

    def __init__(self) -> None:
        # One reformatter for all frames: to make its tables anew for each one costs eight times the decoding.
        self._reformatter = VideoReformatter()
        self._rotation: int | None = None
        self._matrix: Matrix | None = None

    def __call__(self, frame: VideoFrame) -> RGB:
        """RGB of one frame; the size is that after rotation."""
        # A frame whose side data was looked at refers to itself: its pixels, megabytes each, stay until the garbage is
        # collected. So that is done for the first frame, and again where the rotation changes.
        if frame.rotation != self._rotation:
            self._rotation, self._matrix = frame.rotation, display_matrix(frame)
        return upright(self._rgb(frame), self._matrix)

    def _rgb(self, frame: VideoFrame) -> RGB:
        has_alpha = any(component.is_alpha for component in frame.format.components)
        target = "rgba" if has_alpha else "rgb24"
        pixels = self._reformatter.reformat(frame, format=target, **_colours(frame)).to_ndarray()
        rgb = np.asarray(pixels, dtype=np.uint8)
        return over_black(rgb) if has_alpha else rgb


def _colours(frame: VideoFrame) -> dict[str, Any]:
    """What the reformatter must be told: left alone, older versions take everything for BT.601 of limited range."""
    if frame.format.is_rgb or len(frame.format.components) < 3:
        return {}
    matrix = _MATRICES.get(frame.colorspace, "ITU601")
    if frame.colorspace == UNSPECIFIED and frame.height > MAX_SD_HEIGHT:
        matrix = "ITU709"
    colours = {"src_colorspace": matrix, "dst_colorspace": "SMPTE240M"}
    if frame.color_range in _RANGES:
        colours |= {"src_color_range": _RANGES[frame.color_range], "dst_color_range": "JPEG"}
    return colours


def notes_on_range(context: VideoCodecContext) -> list[str]:
    """What the user should know of colours that a screen of standard range would be shown otherwise."""
    name = _HIGH_RANGES.get(int(context.color_trc or 0))
    if name is None:
        return []
    said = f"its colours are of high dynamic range ({name}) and are not tone-mapped"
    return [f"{said}: pictures look flat, and predictions may differ from those of a version in standard range"]


def notes_on_alpha(stream: VideoStream) -> list[str]:
    """What the user should know of transparency that FFmpeg's own decoders of VP8 and VP9 leave out."""
    decoder = _WITH_ALPHA.get(stream.codec_context.name)
    if decoder is None or stream.metadata.get("alpha_mode") != "1":
        return []
    return [
        "its transparency is not read: pictures are as they are stored beneath it. To see it over black, convert it: "
        f"ffmpeg -c:v {decoder} -i INPUT -c:v ffv1 OUTPUT.mkv"
    ]


def over_black(rgba: NDArray[np.uint8]) -> RGB:
    """Composite (H, W, 4) uint8 with straight alpha over black: (H, W, 3) uint8."""
    alpha = rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    # 255 · 255 + 127 fits into 16 bits; the 127 rounds to the nearest.
    return ((rgba[..., :3].astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)


def display_matrix(frame: VideoFrame) -> Matrix | None:
    """The display matrix of a frame; None if it is shown as stored."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(data, Buffer):
        return None
    # Three rows of three numbers with fixed points; here only their signs and which are larger matter.
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), np.int32)[:5])
    return a, b, c, d


def is_turned(matrix: Matrix | None) -> bool:
    """Whether what is shown is a quarter turn off what is stored: width and height, of pixels too, change places."""
    if matrix is None:
        return False
    a, b, c, d = matrix
    # More across than along: a quarter turn, whatever the exact angle.
    return abs(a) + abs(d) < abs(b) + abs(c)


def upright(rgb: RGB, matrix: Matrix | None) -> RGB:
    """Turn and mirror (H, W, 3) pixels as the display matrix says, to the nearest quarter turn."""
    if matrix is None:
        return rgb
    a, b, c, d = matrix
    if is_turned(matrix):
        rgb, across, down = rgb.swapaxes(0, 1), c, b
    else:
        across, down = a, d
    return np.ascontiguousarray(rgb[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])


def upright_filters(matrix: Matrix | None) -> list[tuple[str, str]]:
    """FFmpeg's filters that do what `upright` does, in order: names and arguments."""
    if matrix is None:
        return []
    a, b, c, d = matrix
    across, down = (c, b) if is_turned(matrix) else (a, d)
    filters = [("transpose", "cclock_flip")] if is_turned(matrix) else []  # which mirrors along the main diagonal
    return filters + [("vflip", "")] * (down < 0) + [("hflip", "")] * (across < 0)
