"""The gate made visible: where the model trusted motion, and where appearance."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from gfsalnet.render.overlay import Byte, blend, display_levels
from gfsalnet.types import RGB, Prediction

MOTION_RGB, BOTH_RGB, APPEARANCE_RGB = (245, 135, 30), (205, 205, 205), (45, 140, 235)
"""Orange, light grey and blue: the pair that the common colour blindnesses keep apart."""

_FRAME_BRIGHTNESS = 0.5
_OPACITY_UNSEEN, _OPACITY_SEEN = 0.2, 0.65
_SEEN_FROM = 0.5  # display level at which a place counts as fully looked at
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_BOX_GREY = 30


def gate_view(prediction: Prediction) -> RGB:
    """Tint the dimmed grey frame by the gate: orange for motion, blue for appearance, light grey for both alike.

    The hue is the gate on its fixed scale 0…1, not stretched per frame. The strength is the density (`display_levels`):
    a gate has a value everywhere but only matters where the streams expect gaze, so elsewhere the tint is faint.
    A legend stands in the lower left corner of frames that have room for it.

    Returns:
        (H, W, 3) uint8, at the frame's size.

    Raises:
        ValueError: if the prediction has no gate.
    """
    if prediction.map_gate is None:
        raise ValueError("the prediction has no gate: it comes from a model of one stream")
    # Drawn at the size of the maps and then enlarged: far cheaper than at full HD, and as smooth.
    levels = display_levels(prediction.map_density)
    hue = cv2.applyColorMap(cv2.convertScaleAbs(prediction.map_gate, alpha=255), _HUE)
    kept = cv2.LUT(levels, _KEPT)
    tint = cv2.multiply(hue, cv2.merge([255 - kept] * 3), scale=1 / 255)
    size_wh = prediction.frame.size_hw[::-1]
    view = blend(_dimmed_grey(prediction.frame.rgb), cv2.resize(tint, size_wh), cv2.resize(kept, size_wh))
    _add_legend(view)
    return view


def _dimmed_grey(rgb_HW3: RGB) -> Any:
    grey = cv2.convertScaleAbs(cv2.cvtColor(rgb_HW3, cv2.COLOR_RGB2GRAY), alpha=_FRAME_BRIGHTNESS)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def _add_legend(view: RGB) -> None:
    height, width = view.shape[:2]
    legend = _legend(max(10, round(height / 30)))
    margin = legend.shape[0] // 3
    bottom, right = height - margin, margin + legend.shape[1]
    if right + margin <= width and 3 * legend.shape[0] <= height:
        view[bottom - legend.shape[0] : bottom, margin:right] = legend


@lru_cache(maxsize=8)
def _legend(text_height: int) -> Byte:
    """`motion ▬▬▬ appearance` on a dark box; `text_height` in pixels."""
    scale = cv2.getFontScaleFromHeight(_FONT, text_height)
    thickness = max(1, round(text_height / 12))
    words = [_word(text, scale, thickness) for text in ("motion", "appearance")]
    height = 2 * text_height
    ramp = np.broadcast_to(_HUE[np.linspace(0, 255, 6 * text_height).astype(int), 0], (text_height, 6 * text_height, 3))
    parts = [words[0], ramp, words[1]]
    box = np.full((height, sum(part.shape[1] for part in parts) + 4 * (text_height // 2), 3), _BOX_GREY, np.uint8)
    left = text_height // 2
    for part in parts:
        top = (height - part.shape[0]) // 2
        box[top : top + part.shape[0], left : left + part.shape[1]] = part
        left += part.shape[1] + text_height // 2
    return box


def _word(text: str, scale: float, thickness: int) -> Byte:
    (width, ascent), descent = cv2.getTextSize(text, _FONT, scale, thickness)
    picture = np.full((ascent + descent, width, 3), _BOX_GREY, np.uint8)
    cv2.putText(picture, text, (0, ascent), _FONT, scale, (235, 235, 235), thickness, cv2.LINE_AA)
    return picture


def _tables() -> tuple[Byte, Byte]:
    """Hue (256, 1, 3) for each gate value, and 255 × (1 − opacity) (256, 1) for each display level."""
    value = np.linspace(0, 1, 256)
    anchors = np.array([MOTION_RGB, BOTH_RGB, APPEARANCE_RGB])
    hue = np.stack([np.interp(value, (0, 0.5, 1), anchors[:, channel]) for channel in range(3)], axis=-1)
    opacity = _OPACITY_UNSEEN + (_OPACITY_SEEN - _OPACITY_UNSEEN) * np.minimum(value / _SEEN_FROM, 1)
    return np.rint(hue).astype(np.uint8)[:, None], np.rint(255 * (1 - opacity)).astype(np.uint8)[:, None]


_HUE, _KEPT = _tables()
