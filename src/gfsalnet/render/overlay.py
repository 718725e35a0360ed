"""Maps over the frame: heat map, focus, contours, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.maps import Map
from gfsalnet.render.colours import as_bytes
from gfsalnet.render.look import OPAQUE_FROM, Look, display_levels, tables
from gfsalnet.types import RGB

_DIMMED = 0.25  # brightness of a focus view at level 0
_CONTOUR_SIDE = 960  # longer side of the map that contours are taken from: smooth lines, cheap also at 8K
_SUBPIXEL_BITS = 4
_SMOOTHED_POINTS = 4  # on each side


def overlay(rgb_HW3: RGB, density: Map, look: Look | None = None, *, video_peak: float | None = None) -> RGB:
    """Blend the heat map of a density over a frame.

    Colour and opacity grow with `display_levels`; at level 0 the frame is left as it is.

    Args:
        rgb_HW3: (H, W, 3) uint8; not changed.
        density: (h, w) float32 of any size, sums to 1, covers the whole frame.
        look: colours, opacity and scale; None: the usual ones. No legend is drawn.
        video_peak: see `display_levels`.

    Returns:
        (H, W, 3) uint8.
    """
    tint, kept = tables(look or Look())
    levels = _frame_levels(rgb_HW3, density, look, video_peak)
    return blend(rgb_HW3, cv2.applyColorMap(levels, tint), cv2.LUT(levels, kept))


def focus(rgb_HW3: RGB, density: Map, look: Look | None = None, *, video_peak: float | None = None) -> RGB:
    """Leave the frame as it is where viewers look, and dim it where they do not.

    The brightness grows with `display_levels`, from a quarter where a place gets its even share of the looks or less.

    Args:
        rgb_HW3: (H, W, 3) uint8; not changed.
        density: (h, w) float32 of any size, sums to 1, covers the whole frame.
        look: its scale counts; None: the usual one.
        video_peak: see `display_levels`.

    Returns:
        (H, W, 3) uint8.
    """
    levels = _frame_levels(rgb_HW3, density, look, video_peak)
    return as_bytes(cv2.multiply(rgb_HW3, cv2.merge([cv2.LUT(levels, _BRIGHTNESS)] * 3), scale=1 / 255))


CONTOUR_SHARES = (0.5, 0.9)
"""The parts of all looks that lie inside the two lines of `contours`."""


def contours(rgb_HW3: RGB, density: Map, shares: Sequence[float] = CONTOUR_SHARES) -> RGB:
    """Draw lines around the smallest areas that hold these shares of the looks, the first the thickest.

    White on black, so that they show on every picture and need no colour. They have no scale.

    Args:
        rgb_HW3: (H, W, 3) uint8; not changed.
        density: (h, w) float32 of any size, sums to 1, covers the whole frame.
        shares: of the looks, each between 0 and 1, from the innermost line on.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = rgb_HW3.shape[:2]
    thickness = max(1, round(max(height, width) / 480))
    lines = [(_outlines(density, share, (height, width)), thickness + 1 - place) for place, share in enumerate(shares)]
    view = rgb_HW3.copy()
    for grey, wider in ((0, 2 * thickness), (255, 0)):  # the black rim of all lines lies under the white of all
        for outlines, line in lines:
            width_pixels = max(1, line) + wider
            cv2.polylines(view, outlines, True, (grey,) * 3, width_pixels, cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    return as_bytes(view)


def _outlines(density: Map, share: float, size_hw: tuple[int, int]) -> list[Any]:
    """Closed lines as int32 points in 1/16 pixels of the frame."""
    height, width = size_hw
    shrunk = min(1.0, _CONTOUR_SIDE / max(size_hw))
    fine_wh = max(2, round(width * shrunk)), max(2, round(height * shrunk))
    # Contours run from pixel to pixel: on a finer map their steps are small enough to be smoothed away.
    fine = cv2.resize(density, fine_wh, interpolation=cv2.INTER_CUBIC)
    # The threshold is the map's own, by its cells; of the enlarged one interpolation would move it.
    inside = (fine >= _threshold(density, share)).astype(np.uint8)
    found, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    # Centres of pixels; from the finer map's to the frame's.
    scale = np.array([width / fine_wh[0], height / fine_wh[1]])
    lines = [_smoothed(line[:, 0].astype(np.float64)) for line in found]
    return [np.rint(((line + 0.5) * scale - 0.5) * 2**_SUBPIXEL_BITS).astype(np.int32) for line in lines]


def _smoothed(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """A closed line (N, 2) from pixel to pixel without its stairs: the mean of a few neighbours, the ends joined."""
    reach = min(_SMOOTHED_POINTS, len(line) // 8)
    return np.asarray(np.mean([np.roll(line, step, axis=0) for step in range(-reach, reach + 1)], axis=0))


def _threshold(density: Map, share: float) -> float:
    """The density from which on the places hold this share of the looks."""
    if not 0 < share < 1:
        raise ValueError(f"a share of the looks lies between 0 and 1, and is not {share}")
    ordered = np.sort(density, axis=None)[::-1]
    held = np.cumsum(ordered, dtype=np.float64)
    return float(ordered[min(int(np.searchsorted(held, share * held[-1])), ordered.size - 1)])


def side_by_side(left: RGB, right: RGB) -> RGB:
    """Two pictures of one size (H, W, 3) as one of (H, 2·W, 3)."""
    return as_bytes(np.hstack([left, right]))


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


def _frame_levels(rgb_HW3: RGB, density: Map, look: Look | None, video_peak: float | None) -> Any:
    """`display_levels` at the frame's size; cubic, because a small map enlarged bilinearly shows its grid."""
    levels = display_levels(density, look, video_peak)
    return cv2.resize(levels, rgb_HW3.shape[1::-1], interpolation=cv2.INTER_CUBIC)


_BRIGHTNESS = as_bytes(np.rint(255 * np.clip(np.linspace(_DIMMED, _DIMMED + (1 - _DIMMED) / OPAQUE_FROM, 256), 0, 1)))
