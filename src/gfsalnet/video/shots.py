"""Where a new shot starts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.types import RGB

CUT_DIFFERENCE = 0.51
"""Threshold on 0…1: the best F1 on joined clips, panned photographs and crops of one photograph, with flashes."""
FRAMES_BACK = 3
"""A new shot differs from this many frames before it: what comes after a flash or a dropped block is seen again."""

_THUMB_WH, _LAYOUT_WH = (64, 36), (32, 18)
_BLOCKS = np.arange(36)[:, None] // 18 * 3 + np.arange(64)[None] * 3 // 64
"""(36, 64): the number of the block, 2×3 of them, in which each pixel of the thumbnail lies."""
_BLOCK_COUNT, _COLOUR_COUNT = 6, 128
_NOISE_VARIANCE = 30.0
"""Grey levels squared below which a picture's layout is noise: a dark or flat scene then has none to differ in."""


@dataclass(frozen=True, eq=False)
class _Look:
    colours: NDArray[np.float64]
    """(6 * 128,) share of the thumbnail's pixels by block, hue (8), saturation (4) and value (4)."""
    layout: NDArray[np.float32]
    """(18, 32, 3) thumbnail around a mean of 0."""

    @classmethod
    def of(cls, rgb: RGB) -> _Look:
        thumb = cv2.resize(rgb, _THUMB_WH, interpolation=cv2.INTER_AREA)
        # OpenCV's hue is 0…179: 23 levels make eight bins of it, and 64 levels four of saturation and of value.
        hue, saturation, value = cv2.split(cv2.cvtColor(thumb, cv2.COLOR_RGB2HSV))
        colour = hue // 23 * 16 + saturation // 64 * 4 + value // 64
        counts = np.bincount((_BLOCKS * _COLOUR_COUNT + colour).ravel(), minlength=_BLOCK_COUNT * _COLOUR_COUNT)
        layout = cv2.resize(thumb, _LAYOUT_WH, interpolation=cv2.INTER_AREA).astype(np.float32)
        return cls(counts / _BLOCKS.size, layout - layout.mean())

    def difference(self, other: _Look) -> float:
        """0 (same) … 1: high only if the colours and where they lie both differ.

        Motion leaves the colours, a flash leaves the layout.
        """
        colours = 1 - float(np.minimum(self.colours, other.colours).sum())
        # SSIM's term of contrast and structure, over the whole thumbnail; its constant keeps noise from deciding.
        covariance = 2 * float((self.layout * other.layout).mean())
        variance = float((self.layout**2).mean() + (other.layout**2).mean())
        layout = 1 - (covariance + _NOISE_VARIANCE) / (variance + _NOISE_VARIANCE)
        # A geometric mean, since either of the two at 0 rules a cut out.
        return float(np.sqrt(max(0.0, colours) * min(1.0, max(0.0, layout))))


class ShotDetector:
    """Finds hard cuts in a stream of frames; fades and dissolves go unnoticed.

    One detector for one video: it remembers the looks of the last few frames.
    """

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque(maxlen=FRAMES_BACK)

    def is_cut(self, rgb: RGB) -> bool:
        """Whether this frame, (H, W, 3) uint8, starts a new shot; False for the very first."""
        look = _Look.of(rgb)
        # A cut differs from all remembered frames: after a flash the picture before it is seen again.
        differences = [look.difference(other) for other in self._looks]
        self._looks.append(look)
        return min(differences, default=0.0) > CUT_DIFFERENCE
