"""Degrees of visual angle ↔ pixels."""

from __future__ import annotations

import math


def pixels_per_degree(screen_width_pixels: float, screen_width_cm: float, distance_cm: float) -> float:
    """Pixels that one degree of visual angle covers in the middle of a screen.

    A sigma given in degrees times this is a sigma in pixels of the screen; where the video was shown scaled, multiply
    by video pixels per screen pixel too.

    Raises:
        ValueError: if a length is not positive.

    >>> round(pixels_per_degree(1280, 40.0, 57.3), 1)
    32.0
    """
    if min(screen_width_pixels, screen_width_cm, distance_cm) <= 0:
        raise ValueError(
            f"lengths must be positive, not {screen_width_pixels} px, {screen_width_cm} cm, {distance_cm} cm"
        )
    return 2 * distance_cm * math.tan(math.radians(0.5)) * screen_width_pixels / screen_width_cm
