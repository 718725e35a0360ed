"""Colours that mean something: lightness that only grows, so that they also read in grey and to colour-blind eyes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.choices import Colormap

Byte = NDArray[np.uint8]

COLORMAPS: dict[Colormap, tuple[int | None, float]] = {
    "plasma": (cv2.COLORMAP_PLASMA, 0.05),
    "inferno": (cv2.COLORMAP_INFERNO, 0.25),
    "magma": (cv2.COLORMAP_MAGMA, 0.25),
    "viridis": (cv2.COLORMAP_VIRIDIS, 0.1),
    "cividis": (cv2.COLORMAP_CIVIDIS, 0.1),
    "grey": (None, 0.25),
}
"""Name → OpenCV's number of the colours, and where in them they begin: over a picture, near-black looks like shadow.

Those of Smith, van der Walt and Firing (2015) and of Nuñez, Anderton and Renslow (2018): equal steps look equal.
"""

MOTION_RGB, BOTH_RGB, APPEARANCE_RGB = (245, 135, 30), (225, 225, 225), (45, 140, 235)
"""Orange, light grey and blue: the pair that the common colour blindnesses keep apart."""


@lru_cache(maxsize=len(get_args(Colormap)))
def colour_table(name: Colormap) -> Byte:
    """The colours of a map, (256, 3) uint8 RGB, of rising lightness; not to be changed.

    Raises:
        ValueError: if there is no such map.
    """
    if name not in COLORMAPS:
        raise ValueError(f"there is no colour map {name!r}; known are {', '.join(get_args(Colormap))}")
    number, begins = COLORMAPS[name]
    entries = np.rint(255 * np.linspace(begins, 1, 256)).astype(np.uint8)[:, None]
    if number is None:
        return np.repeat(entries, 3, axis=1)
    # OpenCV's tables are BGR.
    return np.ascontiguousarray(cv2.applyColorMap(entries, number)[:, 0, ::-1])


def diverging_table() -> Byte:
    """Colours of a share of appearance from 0 to 1, (256, 3) uint8 RGB: orange, light grey in the middle, blue."""
    anchors = np.array([MOTION_RGB, BOTH_RGB, APPEARANCE_RGB])
    value = np.linspace(0, 1, 256)
    channels = [np.interp(value, (0, 0.5, 1), channel) for channel in anchors.T]
    return as_bytes(np.rint(np.stack(channels, axis=-1)))


def as_bytes(values: Any) -> Byte:
    """Tell the type checker what an OpenCV call returned; uint8 arrays pass through uncopied."""
    return np.asarray(values, dtype=np.uint8)
