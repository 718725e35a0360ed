"""The gate made visible: where the model trusted motion, and where appearance."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from gfsalnet.render.colours import as_bytes, diverging_table
from gfsalnet.render.look import Look, display_levels
from gfsalnet.render.overlay import blend
from gfsalnet.types import RGB, Prediction

_FRAME_BRIGHTNESS = 0.5
_OPACITY = 0.75
_SEEN_FROM = 0.35  # display level at which a place counts as fully looked at


def gate_view(prediction: Prediction, look: Look | None = None, *, video_peak: float | None = None) -> RGB:
    """Tint the dimmed grey frame by the gate: orange for motion, blue for appearance, light grey for both alike.

    The hue is the gate on its fixed scale 0…1, not stretched per frame. The strength is the density (`display_levels`):
    a gate has a value everywhere but only matters where viewers are expected to look, so elsewhere there is no tint.
    There is none at all on the first frame of a shot: it has no motion that the gate could have weighed.

    Args:
        prediction: with a gate.
        look: its scale counts for the strength; None: the usual one.
        video_peak: see `display_levels`.

    Returns:
        (H, W, 3) uint8, at the frame's size.

    Raises:
        ValueError: if the prediction has no gate.
    """
    if prediction.map_gate is None:
        raise ValueError("the prediction has no gate: it comes from a model of one stream")
    grey = _dimmed_grey(prediction.frame.rgb)
    if prediction.starts_shot:
        return as_bytes(grey)
    # Drawn at the size of the maps and then enlarged: far cheaper than at full HD, and as smooth.
    levels = display_levels(prediction.map_density, look, video_peak)
    hue = cv2.applyColorMap(cv2.convertScaleAbs(prediction.map_gate, alpha=255), _HUE)
    kept = cv2.LUT(levels, _KEPT)
    # Multiplied by its opacity, as `blend` takes it.
    tint = cv2.multiply(hue, cv2.merge([255 - kept] * 3), scale=1 / 255)
    size_wh = prediction.frame.size_hw[::-1]
    return blend(grey, cv2.resize(tint, size_wh), cv2.resize(kept, size_wh))


def _dimmed_grey(rgb_HW3: RGB) -> Any:
    grey = cv2.convertScaleAbs(cv2.cvtColor(rgb_HW3, cv2.COLOR_RGB2GRAY), alpha=_FRAME_BRIGHTNESS)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


_HUE = diverging_table()[:, None]
_KEPT = as_bytes(np.rint(255 * (1 - _OPACITY * np.minimum(np.linspace(0, 1, 256) / _SEEN_FROM, 1))))[:, None]
