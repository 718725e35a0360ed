"""The heat map over the frame: colour where people look, the untouched picture where they do not."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.maps import Map
from gfsalnet.types import RGB

FULL_COLOUR = 64.0
"""The density relative to an even spread that gets the last colour: six doublings."""

Byte = NDArray[np.uint8]

_OPACITY = 0.6
_OPAQUE_FROM = 0.5  # level at which the opacity is reached; before it grows from nothing
_DIMMED = 0.25  # brightness of a focus view at level 0
_TURBO_RANGE = (0.2, 0.9)  # its ends are near black and would look like shadows


def display_levels(density: Map) -> Byte:
    """How strongly to draw each place, comparable between frames, videos and map sizes.

    The level is the logarithm of the density relative to an even spread: 0 where a place gets its even share of the
    gaze or less, 255 where it gets `FULL_COLOUR` times that, each doubling between them one equal step. So a frame in
    which nothing stands out stays bare, instead of being stretched to full colour as a per-frame maximum would.

    Args:
        density: (h, w) float32, sums to 1.

    Returns:
        (h, w) uint8.
    """
    relative = np.maximum(density * np.float32(density.size), 1)
    return as_bytes(cv2.convertScaleAbs(cv2.log(relative), alpha=255 / np.log(FULL_COLOUR)))


def overlay(rgb_HW3: RGB, density: Map) -> RGB:
    """Blend the heat map of a density over a frame.

    Colour and opacity grow with `display_levels`; at level 0 the frame is left as it is.

    Args:
        rgb_HW3: (H, W, 3) uint8; not changed.
        density: (h, w) float32 of any size, sums to 1, covers the whole frame.

    Returns:
        (H, W, 3) uint8.
    """
    # Cubic, because the bilinear enlargement of a small map shows its grid as diamonds.
    levels = cv2.resize(display_levels(density), rgb_HW3.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return blend(rgb_HW3, cv2.applyColorMap(levels, _TINT), cv2.LUT(levels, _KEPT))


def focus(rgb_HW3: RGB, density: Map) -> RGB:
    """Leave the frame as it is where viewers look, and dim it where they do not.

    The brightness grows with `display_levels`, from a quarter where a place gets its even share of the gaze or less.

    Args:
        rgb_HW3: (H, W, 3) uint8; not changed.
        density: (h, w) float32 of any size, sums to 1, covers the whole frame.

    Returns:
        (H, W, 3) uint8.
    """
    levels = cv2.resize(display_levels(density), rgb_HW3.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return as_bytes(cv2.multiply(rgb_HW3, cv2.merge([cv2.LUT(levels, _BRIGHTNESS)] * 3), scale=1 / 255))


def blend(rgb_HW3: RGB, tint_HW3: Any, kept_HW: Any) -> RGB:
    """`rgb · kept / 255 + tint`: a tint whose colours are already multiplied by its opacity, over a picture.

    Args:
        rgb_HW3: (H, W, 3) uint8.
        tint_HW3: (H, W, 3) uint8, colour × opacity.
        kept_HW: (H, W) uint8, 255 × (1 − opacity).

    Returns:
        (H, W, 3) uint8.
    """
    return as_bytes(cv2.add(cv2.multiply(rgb_HW3, cv2.merge([kept_HW] * 3), scale=1 / 255), tint_HW3))


def as_bytes(values: Any) -> Byte:
    """Tell the type checker what an OpenCV call returned; uint8 arrays pass through uncopied."""
    return np.asarray(values, dtype=np.uint8)


def _tables() -> tuple[Byte, Byte]:
    """Colour × opacity (256, 1, 3) and 255 × (1 − opacity) (256, 1) for each level."""
    turbo_bgr = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_TURBO)[:, 0]
    level = np.linspace(0, 1, 256)
    low, high = _TURBO_RANGE
    turbo = turbo_bgr[np.rint(255 * (low + (high - low) * level)).astype(int), ::-1]
    opacity = _OPACITY * np.minimum(level / _OPAQUE_FROM, 1)
    return as_bytes(np.rint(turbo * opacity[:, None]))[:, None], as_bytes(np.rint(255 * (1 - opacity)))[:, None]


_TINT, _KEPT = _tables()
_BRIGHTNESS = as_bytes(np.rint(255 * np.clip(np.linspace(_DIMMED, _DIMMED + (1 - _DIMMED) / _OPAQUE_FROM, 256), 0, 1)))
