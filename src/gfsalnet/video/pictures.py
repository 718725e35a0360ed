"""The door for pictures: their size is read from the header, and what is too large is never unpacked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.door import opening
from gfsalnet.limits import PIXELS_VARIABLE, max_pixels
from gfsalnet.video.image_header import HEADER_BYTES, header_size_wh, is_deep

_AGAIN = "Save it as PNG or JPEG."


def picture_bytes(path: Path, kind: type[GFSalNetError], remedy: str = _AGAIN) -> NDArray[np.uint8]:
    """The bytes of an image file whose header says that it can be decoded.

    Raises:
        GFSalNetError: of that kind, if it cannot be read, its header gives no size, or one over `max_pixels`.
    """
    with opening(path, "picture", kind, remedy):
        # cv2.imread does not take every file name on every system.
        data = np.fromfile(path, np.uint8)
    # The size is mostly among the first bytes; some JPEG have megabytes of notes before it.
    size_wh = header_size_wh(data[:HEADER_BYTES].tobytes()) or header_size_wh(data.tobytes())
    if size_wh is None:
        raise kind(path, "it is not an image that OpenCV can read, or it is damaged", remedy)
    check_pixels(path, size_wh, kind, is_deep=is_deep(data[:HEADER_BYTES].tobytes()))
    return data


def check_pixels(where: object, size_wh: tuple[int, int], kind: type[GFSalNetError], *, is_deep: bool = False) -> None:
    """Refuse what has more pixels than `max_pixels`; deep ones, of 8 bytes each, count as four thirds.

    Raises:
        GFSalNetError: of that kind.
    """
    (width, height), most = size_wh, max_pixels() * 3 // 4 if is_deep else max_pixels()
    if width * height > most:
        of = "16-bit pixels" if is_deep else "pixels"
        remedy = f"Scale it down to at most {most / 1e6:,.0f} million pixels, or set {PIXELS_VARIABLE}."
        raise kind(where, f"a picture of {width}x{height} {of} is too large", remedy)


def read_picture(path: Path, flags: int, kind: type[GFSalNetError], remedy: str = _AGAIN) -> NDArray[Any]:
    """Decode an image file with OpenCV.

    Args:
        path: of the file.
        flags: of OpenCV, its IMREAD_…
        kind: of error to raise.
        remedy: what to do about a file that cannot be read.

    Returns:
        (H, W) or (H, W, C), in OpenCV's order of channels.

    Raises:
        GFSalNetError: of that kind, if the file is missing, damaged, no picture or too large.
    """
    return decoded(path, picture_bytes(path, kind, remedy), flags, kind, remedy)


def decoded(
    path: Path | str, data: NDArray[np.uint8], flags: int, kind: type[GFSalNetError], remedy: str = _AGAIN
) -> NDArray[Any]:
    """Decode what `picture_bytes` read of a file; arguments and errors as `read_picture`."""
    try:
        pixels: Any = cv2.imdecode(data, flags)
    except cv2.error:  # a header it refuses
        pixels = None
    if pixels is None:
        raise kind(path, "it is not an image that OpenCV can read, or it is damaged", remedy)
    return np.asarray(pixels)
