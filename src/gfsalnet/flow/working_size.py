"""The size at which an estimator works, and frames at that size."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import GFSalNetError
from gfsalnet.types import RGB
from gfsalnet.video.geometry import quickly_resized

_SIZE_REMEDY = "Give a width and a height of at least 1, such as 320, 240, or none for the frame's own size."


def checked_size_wh(size_wh: Sequence[int] | None) -> tuple[int, int] | None:
    """The setting as every estimator keeps it.

    Raises:
        GFSalNetError: if it is neither None nor two positive numbers.
    """
    if size_wh is None:
        return None
    if len(size_wh) != 2 or min(size_wh) < 1:
        raise GFSalNetError(f"flow size {size_wh}", "is no width and height in pixels", _SIZE_REMEDY)
    return int(size_wh[0]), int(size_wh[1])


def at_size(picture: NDArray[np.uint8], size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3) at `size_hw`: bilinear when growing, area mean when shrinking."""
    height, width = picture.shape[:2]
    if (height, width) == size_hw:
        return picture
    shrinking = size_hw[0] <= height and size_hw[1] <= width
    interpolation = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size_hw[::-1], interpolation=interpolation), np.uint8)


def grey_at(rgb: RGB, size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W) brightness at `size_hw`."""
    # Grey first: a third of the values to resize.
    return quickly_resized(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8), size_hw)
