"""Pictures of another aspect: cropped, or whole between bars."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from gfsalnet.apply.reframe.aspect import Crop
from gfsalnet.types import RGB
from gfsalnet.video import Letterbox
from gfsalnet.video.geometry import resize_rgb

Bars = Literal["black", "blur"]

BLUR_SHARE = 0.04
"""Standard deviation of the blur behind a whole frame, in shares of the longer side."""
BLUR_LIGHT = 0.6
"""How bright what is blurred stays: darker than the frame before it."""


def cropped(rgb: RGB, crop: Crop, start: float) -> RGB:
    """The part (h, w, 3) of a frame (H, W, 3) from `start` on, in pixels along the crop's axis.

    Between two pixels it is interpolated (bicubic), so that slow motion does not go in jerks.
    """
    (width, height), (x, y) = crop.size_wh, crop.corner(start)
    left, top = int(x), int(y)
    dx, dy = x - left, y - top
    if dx == dy == 0:
        return np.ascontiguousarray(rgb[top : top + height, left : left + width])
    # One pixel more on either side is all that the interpolation reads.
    slab = rgb[max(0, top - 1) : top + height + 2, max(0, left - 1) : left + width + 2]
    shift = np.array([[1, 0, x - max(0, left - 1)], [0, 1, y - max(0, top - 1)]], np.float64)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(slab, shift, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def whole(rgb: RGB, crop: Crop, bars: Bars) -> RGB:
    """A frame (H, W, 3) reduced to fit into the size of a crop (h, w, 3), between bars or over itself, blurred."""
    box = Letterbox((rgb.shape[0], rgb.shape[1]), crop.size_wh[::-1])
    if bars == "black":
        return box.apply(rgb)
    # The middle, not the path: behind a frame that stands still nothing moves.
    view = _blurred(cropped(rgb, crop, crop.room // 2))
    (top, left), (height, width) = box.offset_yx, box.inner_hw
    view[top : top + height, left : left + width] = resize_rgb(rgb, box.inner_hw)
    return view


def _blurred(rgb: RGB) -> RGB:
    """Blur a picture (H, W, 3) at an eighth of its size, where a wide blur is cheap and looks the same."""
    height, width = rgb.shape[:2]
    small = cv2.resize(rgb, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), BLUR_SHARE * max(small.shape[:2]))
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC) * BLUR_LIGHT, np.uint8)
