"""Areas drawn over frames: their outlines and names, over the heat map where there is a prediction."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from gfsalnet.areas.area import Corners
from gfsalnet.types import RGB

COLOURS = ((0, 158, 115), (230, 159, 0), (86, 180, 233), (213, 94, 0), (204, 121, 167), (240, 228, 66))
"""RGB of Okabe and Ito, one for each area in turn: told apart with any colour vision."""


def draw_areas(rgb: RGB, names: Sequence[str], corners: Sequence[Corners | None]) -> RGB:
    """A copy of a frame (H, W, 3) with the outline and name of every area that is there.

    Args:
        rgb: the frame, or what was drawn over it.
        names: of the areas.
        corners: (K, 2) of each in pixels of the frame, or None.
    """
    view = rgb.copy()
    # Lines and letters grow with the frame: one pixel would vanish in a still of 4K.
    thick = max(1, round(min(rgb.shape[:2]) / 240))
    for number, (name, polygon) in enumerate(zip(names, corners, strict=True)):
        if polygon is None:
            continue
        colour = COLOURS[number % len(COLOURS)]
        # OpenCV counts from the middle of pixels; what lies far outside would not fit its integers.
        points = np.rint(np.clip(polygon, -1e4, 1e5) - 0.5).astype(np.int32)
        # A dark edge under the colour keeps the line visible on any ground.
        cv2.polylines(view, [points], True, (0, 0, 0), thick + 2, cv2.LINE_AA)
        cv2.polylines(view, [points], True, colour, thick, cv2.LINE_AA)
        _draw_name(view, name, polygon, colour, thick)
    return np.asarray(view)


def _draw_name(view: RGB, name: str, polygon: Corners, colour: tuple[int, int, int], thick: int) -> None:
    """Write the name above the area, or inside its upper edge where there is no room above it."""
    text = name.encode("ascii", "replace").decode()  # what OpenCV's letters can write
    size = 0.45 * max(1.0, min(view.shape[:2]) / 480)
    # `height` is above the line that the letters stand on, `below` what hangs under it.
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
    left, top = polygon.min(axis=0)
    x = int(np.clip(left, 0, max(view.shape[1] - width, 0)))
    y = int(top) - below - thick
    if y - height < 0:
        y = int(max(top, 0)) + height + below + thick
    cv2.putText(view, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), thick + 2, cv2.LINE_AA)
    cv2.putText(view, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)
