"""The sizes at which networks and estimators see a picture, and pictures at those sizes.

Sizes are (height, width) in pixels. Maps cover the whole frame, so the way back is `gfsalnet.maps.resize_map`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.types import RGB

SizeHW = tuple[int, int]

AREA_SLACK = 1.1
"""How far above the wished area `fitted_size_hw` may go."""


def resize_rgb(rgb: RGB, size_hw: SizeHW) -> RGB:
    """Resample (H, W, 3) to `size_hw`: area mean when shrinking, bilinear when growing."""
    if rgb.shape[:2] == size_hw:
        return rgb
    # Where a side grows, OpenCV's INTER_AREA would only repeat pixels.
    shrinking = size_hw[0] < rgb.shape[0] and size_hw[1] < rgb.shape[1]
    resized = cv2.resize(rgb, size_hw[::-1], interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)


def quickly_resized(picture: NDArray[np.uint8], size_hw: SizeHW) -> NDArray[np.uint8]:
    """Resample (H, W) or (H, W, 3): halve it while it is at least twice as large, then bilinear.

    A quarter of the time of an area mean at 640x360. An odd side loses its last row or column when it is halved.
    """
    height, width = picture.shape[:2]
    while height >= 2 * size_hw[0] and width >= 2 * size_hw[1]:
        height, width = height // 2, width // 2
        even = picture[: 2 * height, : 2 * width]
        picture = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    if (height, width) == size_hw:
        return picture
    return np.asarray(cv2.resize(picture, size_hw[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


@dataclass(frozen=True)
class _Geometry:
    source_hw: SizeHW
    target_hw: SizeHW

    def __post_init__(self) -> None:
        if min(self.source_hw + self.target_hw) < 1:
            raise ValueError(f"sizes must be positive, not {self.source_hw} and {self.target_hw}")

    @property
    def inner_hw(self) -> SizeHW:
        """Size of the picture inside the target."""
        return self.target_hw

    @property
    def offset_yx(self) -> tuple[int, int]:
        """Where in the target the picture starts: rows above it, columns left of it."""
        return 0, 0


@dataclass(frozen=True)
class Resize(_Geometry):
    """Plain resize to the target, whatever that does to the aspect (as the paper).

    Raises:
        ValueError: if a side is not positive.
    """

    def apply(self, rgb: RGB) -> RGB:
        """(H, W, 3) of `source_hw` to (h, w, 3) of `target_hw`."""
        _check_source(rgb, self.source_hw)
        return resize_rgb(rgb, self.target_hw)


@dataclass(frozen=True)
class Letterbox(_Geometry):
    """Resize that keeps the aspect, in the middle of a black target.

    Raises:
        ValueError: if a side is not positive.
    """

    @property
    def inner_hw(self) -> SizeHW:
        """Size of the picture inside the target: the largest of its aspect, at least one pixel a side."""
        scale = min(target / source for target, source in zip(self.target_hw, self.source_hw, strict=True))
        height, width = (
            min(target, max(1, round(source * scale)))
            for target, source in zip(self.target_hw, self.source_hw, strict=True)
        )
        return height, width

    @property
    def offset_yx(self) -> tuple[int, int]:
        """Rows of padding above and columns left of the picture."""
        (height, width), (inner_height, inner_width) = self.target_hw, self.inner_hw
        return (height - inner_height) // 2, (width - inner_width) // 2

    def apply(self, rgb: RGB) -> RGB:
        """(H, W, 3) of `source_hw` to (h, w, 3) of `target_hw`, black around the picture."""
        _check_source(rgb, self.source_hw)
        (top, left), (height, width) = self.offset_yx, self.inner_hw
        target = np.zeros((*self.target_hw, 3), np.uint8)
        target[top : top + height, left : left + width] = resize_rgb(rgb, self.inner_hw)
        return target


def _check_source(rgb: RGB, source_hw: SizeHW) -> None:
    if rgb.shape != (*source_hw, 3):
        raise ValueError(f"expected a picture of shape {(*source_hw, 3)}, not {rgb.shape}")


@lru_cache(maxsize=64)  # it is asked for every frame, and takes a fifth of a millisecond
def fitted_size_hw(source_hw: SizeHW, area_pixels: int, multiple: int = 32) -> SizeHW:
    """The size of about `area_pixels` whose sides are multiples of `multiple` and whose aspect suits the source.

    It minimises |log aspect ratio| + |log area ratio| among the sizes up to 10 % above the area; no side is shorter
    than one multiple, so that very long sources lose some aspect rather than area.

    >>> fitted_size_hw((480, 640), 320 * 256), fitted_size_hw((360, 640), 320 * 256)
    ((256, 320), (224, 384))

    Raises:
        ValueError: if an argument is not positive.
    """
    if min(*source_hw, area_pixels, multiple) < 1:
        raise ValueError(f"sizes must be positive, not {source_hw}, {area_pixels} and {multiple}")
    aspect = source_hw[1] / source_hw[0]
    limit = AREA_SLACK * area_pixels

    def misfit(size_hw: SizeHW) -> float:
        height, width = size_hw
        return abs(math.log(width / height / aspect)) + abs(math.log(width * height / area_pixels))

    # Every multiple of the height, with the few widths near the three ideal ones: exact and quick.
    sizes = [
        (height, width)
        for height in range(multiple, int(limit / multiple) + 1, multiple)
        # By the aspect, by the area, and the widest that is allowed.
        for width in _widths_near((height * aspect, area_pixels / height, limit / height), multiple)
        if height * width <= limit
    ]
    return min(sizes, key=misfit, default=(multiple, multiple))


def _widths_near(wishes: tuple[float, ...], multiple: int) -> set[int]:
    below = {int(wish // multiple) for wish in wishes}
    return {max(1, steps) * multiple for step in below for steps in (step, step + 1)}


def working_size_hw(
    frame_size_hw: tuple[int, int], size_wh: tuple[int, int] | None, smallest_side: int = 1
) -> tuple[int, int]:
    """The frame's own shape with the number of pixels of a `size_wh` picture; None: its own size.

    No side gets smaller than `smallest_side`; the shape gives way where it must.
    """
    scale = 1.0 if size_wh is None else math.sqrt(math.prod(size_wh) / math.prod(frame_size_hw))
    height, width = (max(smallest_side, round(side * scale)) for side in frame_size_hw)
    return height, width
