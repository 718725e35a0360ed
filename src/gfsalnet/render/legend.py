"""Words and colour bars in the corner of a picture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from gfsalnet.flow.image import colour_wheel
from gfsalnet.render.colours import Byte, as_bytes, colour_table, diverging_table
from gfsalnet.render.look import FULL_COLOUR, Look
from gfsalnet.types import RGB

_FONT = cv2.FONT_HERSHEY_DUPLEX
_FINER = 4  # text is drawn so much larger and reduced: OpenCV's letters are rough at small sizes
_BOX_GREY, _TEXT_GREY = 24, 240
_LARGEST_SHARE_OF_HEIGHT = 1 / 6


def add_legend(view: RGB, legend: tuple[str | Byte, ...]) -> None:
    """Write words and colour bars into the lower left corner of a picture (H, W, 3), which is changed.

    Smaller letters are tried where it is too wide; a picture without room for readable ones stays as it is.

    Args:
        view: the picture.
        legend: texts and colours (256, 3), from left to right.
    """
    height, width = view.shape[:2]
    # From the largest down, each once.
    for text_height in dict.fromkeys((max(10, round(min(height, width) / 32)), 10, 8)):
        # As bytes: what is cached has to be hashable, and every frame of a video has the same box.
        box = _box(tuple(part if isinstance(part, str) else part.tobytes() for part in legend), text_height)
        margin = box.shape[0] // 3
        bottom, right = height - margin, margin + box.shape[1]
        if right + margin <= width and box.shape[0] <= height * _LARGEST_SHARE_OF_HEIGHT:
            view[bottom - box.shape[0] : bottom, margin:right] = box
            return


def attention_legend(look: Look) -> tuple[str | Byte, ...]:
    """What the colours of an overlay mean, by its scale."""
    colours = colour_table(look.colormap)
    if look.scale == "absolute":
        return "even share of looks", colours, f"{FULL_COLOUR:.0f} times that"
    return "0", colours, f"most looks of the {look.scale}"


def focus_legend(look: Look) -> tuple[str | Byte, ...]:
    """What the brightness of a focus view means, by its scale."""
    if look.scale == "absolute":
        return ("dimmed: an even share of looks or less",)
    return (f"bright: half of the most looks of the {look.scale}, or more",)


GATE_LEGEND: tuple[str | Byte, ...] = ("motion", diverging_table(), "appearance")


def flow_legend(full_pixels: float) -> tuple[str | Byte, ...]:
    """What hue and saturation of a flow image mean.

    Args:
        full_pixels: the motion in full colour, in pixels of the frame per frame interval.
    """
    return "right, down, left, up, right", _direction_table(), f"in full: {full_pixels:.0f} pixels per frame"


@lru_cache(maxsize=1)
def _direction_table() -> Byte:
    """The hues of the directions, clockwise on the screen from right on, (256, 3) uint8 RGB."""
    wheel = colour_wheel()
    return np.asarray(wheel[np.linspace(0, len(wheel) - 1, 256).astype(int)], np.uint8)


NO_MOTION_YET: tuple[str | Byte, ...] = ("first frame of a shot: no motion yet",)
CONTOUR_LEGEND: tuple[str | Byte, ...] = ("inside the lines: 50% and 90% of all looks",)


@lru_cache(maxsize=32)
def _box(parts: tuple[str | bytes, ...], text_height: int) -> Byte:
    """The parts from left to right on a dark box; `text_height` in pixels."""
    gap, height = text_height // 2, 2 * text_height
    pictures = [_word(part, text_height) if isinstance(part, str) else _bar(part, text_height) for part in parts]
    box = np.full((height, sum(p.shape[1] + gap for p in pictures) + gap, 3), _BOX_GREY, np.uint8)
    left = gap
    for picture in pictures:
        top = (height - picture.shape[0]) // 2
        box[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + gap
    return box


def _bar(colours: bytes, text_height: int) -> Byte:
    table = np.frombuffer(colours, np.uint8).reshape(256, 3)
    ramp = table[np.linspace(0, 255, 6 * text_height).astype(int)]
    return as_bytes(np.repeat(ramp[None], text_height, axis=0))


def _word(text: str, text_height: int) -> Byte:
    scale = cv2.getFontScaleFromHeight(_FONT, text_height * _FINER)
    thickness = max(1, round(text_height * _FINER / 12))
    (width, ascent), descent = cv2.getTextSize(text, _FONT, scale, thickness)
    picture = np.full((ascent + descent, width, 3), _BOX_GREY, np.uint8)
    cv2.putText(picture, text, (0, ascent), _FONT, scale, (_TEXT_GREY,) * 3, thickness, cv2.LINE_AA)
    size_wh = max(1, width // _FINER), max(1, (ascent + descent) // _FINER)
    return as_bytes(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA))
