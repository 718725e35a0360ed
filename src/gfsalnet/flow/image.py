"""The flow image: the motion stream's input, and how people look at flow.

Hue is the direction, saturation the speed, white is no motion. The wheel is that of Baker et al., "A Database and
Evaluation Methodology for Optical Flow" (IJCV 2011): 55 colours, red for motion to the right, then clockwise on the
screen yellow for down, a greenish cyan for left and violet-blue for up.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.types import RGB, FlowField

_CORNERS = np.array([[255, 0, 0], [255, 255, 0], [0, 255, 0], [0, 255, 255], [0, 0, 255], [255, 0, 255]], np.float64)
_STEPS_TO_NEXT_CORNER = (15, 6, 4, 11, 13, 6)
_FINER = 64
"""Palette entries per colour of the wheel: enough to be within half a grey level of exact interpolation."""
_OUT_OF_RANGE = 0.75
"""The share of its brightness that a colour keeps where the motion is faster than the scale."""


def colour_wheel() -> NDArray[np.uint8]:
    """The published wheel: (55, 3) uint8 RGB, from motion to the right clockwise on the screen."""
    arcs = []
    for corner, following, steps in zip(_CORNERS, np.roll(_CORNERS, -1, axis=0), _STEPS_TO_NEXT_CORNER, strict=True):
        # Rounded down, as the published code does; one channel climbs or falls along an arc, the others keep still.
        climbed = np.floor(255 * np.arange(steps) / steps)[:, None]
        arcs.append(corner + np.sign(following - corner) * climbed)
    return np.concatenate(arcs).astype(np.uint8)


def _palette() -> NDArray[np.float32]:
    """(54 · _FINER + 1, 3): how far each direction's full colour lies below white, from motion to the left clockwise.

    The published code spreads the 55 colours over the full turn with the last of them at its very end, so the 55th and
    the first meet in a small step at "right". We do the same, for the same pictures.
    """
    wheel = colour_wheel().astype(np.float64)
    positions = np.arange((len(wheel) - 1) * _FINER) / _FINER
    colours = [np.interp(positions, np.arange(len(wheel)), channel) for channel in wheel.T]
    below_white = (255 - np.stack(colours, axis=-1)).astype(np.float32)
    return np.concatenate([below_white[_HALF_TURN:], below_white[: _HALF_TURN + 1]])


# Of 54 steps: 55 colours with the last at the very end of the turn.
_HALF_TURN = 27 * _FINER
_BELOW_WHITE = _palette()


def flow_image(field: FlowField, max_pixels: float | None = None) -> RGB:
    """Draw a flow field (H, W) as colours (H, W, 3).

    Args:
        field: the motion.
        max_pixels: the speed, in the field's pixels per frame interval, that gets the full colour; what is faster is
            drawn in the full colour at 3/4 of its brightness, as in the published code. None: the field's fastest
            pixel, which is the published code's default and likely what the paper used. Mind that this blows up the
            noise of a still scene to full colour, and that frames cannot be compared; a fixed scale does neither.

    Where nothing moves the picture is exactly white, with either scale.

    Raises:
        ValueError: if `max_pixels` is not a positive number.
    """
    if max_pixels is not None and not 0 < max_pixels < math.inf:
        raise ValueError(f"max_pixels must be a positive number, not {max_pixels}")
    dx, dy = cv2.split(field.flow_pixels)
    speed = np.sqrt(dx * dx + dy * dy)
    full = speed.max() if max_pixels is None else np.float32(max_pixels)
    # Where nothing moves at all, 0 / 0 would be drawn in any colour.
    if full == 0:
        return white_image(field.size_hw)

    # The palette begins at motion to the left, where arctan2 jumps from π to −π: both ends have the same colour.
    entry = np.rint(np.arctan2(dy, dx) * np.float32(_HALF_TURN / np.pi)) + _HALF_TURN
    # OpenCV's way of looking up in a table of 32-bit colours: many times faster than NumPy's.
    below_white = cv2.remap(_BELOW_WHITE[None], entry, np.zeros_like(entry), cv2.INTER_NEAREST)
    saturation = speed / full
    picture: RGB = (255 - below_white * cv2.merge([np.minimum(saturation, 1)] * 3)).astype(np.uint8)
    beyond = saturation > 1
    # Rare with a fixed scale and never there with the field's own: most fields skip the slow indexing.
    if beyond.any():
        picture[beyond] = (_OUT_OF_RANGE * (255 - below_white[beyond])).astype(np.uint8)
    return picture


def white_image(size_hw: tuple[int, int]) -> RGB:
    """The flow image (H, W, 3) of a scene in which nothing moves."""
    return np.full((*size_hw, 3), 255, np.uint8)
