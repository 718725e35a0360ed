"""How maps are drawn and stored: what the options of `predict` decide, in one record each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

import cv2
import numpy as np

from gfsalnet.choices import Colormap, MapPrecision, MapValues, Scale
from gfsalnet.maps import Map
from gfsalnet.render.colours import Byte, as_bytes, colour_table

FULL_COLOUR = 32.0
"""The density relative to an even spread that gets the last colour on the absolute scale: five doublings."""
OPAQUE_FROM = 0.5
"""Level at which the opacity is reached; before it grows from nothing, so what nobody looks at stays bare."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How maps are drawn.

    Raises:
        ValueError: if a word is unknown or the opacity is not 0 to 1.
    """

    colormap: Colormap = "plasma"
    opacity: float = 0.7
    """Opacity of the colours where most look, 0…1; it falls with the attention."""
    scale: Scale = "absolute"
    """What the last colour stands for: `absolute`, 32 times an even spread of the looks, on a logarithmic scale;
    `frame` or `video`, the maximum of that, on a linear one."""
    legend: bool = True
    """Whether videos and stills say what the colours mean, in a corner."""

    def __post_init__(self) -> None:
        colour_table(self.colormap)
        if self.scale not in get_args(Scale):
            raise ValueError(f"there is no scale {self.scale!r}; known are {', '.join(get_args(Scale))}")
        if not 0 <= self.opacity <= 1:
            raise ValueError(f"opacity is 0 to 1, not {self.opacity}")


@dataclass(frozen=True, kw_only=True)
class MapForm:
    """How maps are stored."""

    size_hw: tuple[int, int] | None = None
    """Height and width of the maps in maps.npz and maps.mkv, in pixels; None: the model's own."""
    values: MapValues | None = None
    """What their numbers mean (`stored_values`); None: the usual of each form, `density` in maps.npz, else `frame`."""
    precision: MapPrecision = "float32"
    """Precision of the numbers in maps.npz."""


def display_levels(density: Map, look: Look | None = None, video_peak: float | None = None) -> Byte:
    """How strongly to draw each place.

    On the absolute scale the level is the logarithm of the density relative to an even spread: 0 where a place gets its
    even share of the looks or less, 255 where it gets `FULL_COLOUR` times that, each doubling between them one equal
    step. So frames, videos and map sizes compare, and a frame in which nothing stands out stays bare, instead of being
    stretched to full colour as by a frame's maximum. On the other two, 255 is that maximum.

    Args:
        density: (h, w) float32, sums to 1.
        look: decides the scale; None: absolute.
        video_peak: the largest `density · h · w` of the video, needed for the scale `video`.

    Returns:
        (h, w) uint8.

    Raises:
        ValueError: if the peak of the video is needed and missing.
    """
    scale = "absolute" if look is None else look.scale
    if scale == "absolute":
        relative = np.maximum(density * np.float32(density.size), 1)
        # It rounds, and what is above FULL_COLOUR stays at 255.
        return as_bytes(cv2.convertScaleAbs(cv2.log(relative), alpha=255 / np.log(FULL_COLOUR)))
    return as_bytes(cv2.convertScaleAbs(density, alpha=255 * _per_peak(density, scale, video_peak)))


def _per_peak(density: Map, scale: str, video_peak: float | None) -> float:
    """What a density is to be multiplied by, so that the maximum of the frame or video becomes 1; 0 without mass."""
    if scale == "frame":
        peak = float(density.max())
    elif video_peak is None:
        raise ValueError("the scale of the video needs its peak, which is known only at its end")
    else:
        peak = video_peak / density.size
    return 1 / peak if peak > 0 else 0.0


TOP_TIMES_EVEN = 256.0
"""The density relative to an even spread that the largest stored integer stands for, for `density` and `log`."""
_TOP_DOUBLINGS = np.log2(TOP_TIMES_EVEN)


def stored_values(density: Map, values: MapValues, video_peak: float | None = None) -> Map:
    """A density as numbers from 0 to 1, which pictures and videos of maps store as 0…255 or 0…65535.

    With `relative = density · h · w`, 1 where a place gets its even share of the looks:

    - `density`: `relative / 256`, cut off at 1;
    - `log`: `(log2(relative) + 8) / 16`, from 1/256 to 256 times the even share;
    - `frame`, `video`: divided by the maximum of the frame or the video; a map without mass stays 0.

    Args:
        density: (h, w) float32, sums to 1.
        values: what the numbers are to mean.
        video_peak: the largest `relative` of the video, needed for `video`.

    Returns:
        (h, w) float32.

    Raises:
        ValueError: if the peak of the video is needed and missing.
    """
    if values in ("frame", "video"):
        scaled = density * np.float32(_per_peak(density, values, video_peak))
    else:
        relative = density * np.float32(density.size)
        if values == "density":
            scaled = relative / np.float32(TOP_TIMES_EVEN)
        else:
            doublings = np.log2(np.maximum(relative, np.float32(1 / TOP_TIMES_EVEN)))
            scaled = ((doublings + _TOP_DOUBLINGS) / (2 * _TOP_DOUBLINGS)).astype(np.float32)
    return np.asarray(np.minimum(scaled, 1), np.float32)


@lru_cache(maxsize=16)
def tables(look: Look) -> tuple[Byte, Byte]:
    """Colour × opacity (256, 1, 3) and 255 × (1 − opacity) (256, 1) for each level."""
    # Tables of 256 levels: per frame only look-ups are left.
    opacity = look.opacity * np.minimum(np.linspace(0, 1, 256) / OPAQUE_FROM, 1)
    tint = np.rint(colour_table(look.colormap) * opacity[:, None])
    return as_bytes(tint)[:, None], as_bytes(np.rint(255 * (1 - opacity)))[:, None]
