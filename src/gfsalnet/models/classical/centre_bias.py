"""Centre bias: the same Gaussian for every frame, for what is earned without looking at the picture.

Clarke and Tatler, "Deriving an appropriate baseline for describing fixation behaviour", Vision Research 102, 2014: over
ten eye-movement datasets, one Gaussian around the middle, wider than high, serves without being fitted. Their unit is
half the width of the picture. Both constants are as users of the paper quote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from gfsalnet.models.classical.base import ClassicalModel, FloatArray, Shot
from gfsalnet.types import RGB, FlowField
from gfsalnet.video.geometry import working_size_hw

VARIANCE = 0.23
"""Along x, in (half widths)²: a standard deviation of 24 % of the width."""
HEIGHT_SHARE = 0.45
"""The variance along y as a share of that along x, at any aspect of the picture: 16 % of the width."""
MAP_SIZE_WH = (128, 96)
"""The map size of a 4:3 frame, pixels; other shapes get as many pixels."""


class CentreBias(ClassicalModel):
    """A fixed Gaussian in the middle of the frame."""

    name = "centre-bias"
    input_size_hw = MAP_SIZE_WH[::-1]
    constants: ClassVar[Mapping[str, Any]] = {"variance": VARIANCE, "height_share": HEIGHT_SHARE}

    def start_shot(self, size_hw: tuple[int, int]) -> Shot:
        """What gives the same map whatever the frame shows."""
        gaussian = central_gaussian(working_size_hw(size_hw, MAP_SIZE_WH))

        def shot(rgb: RGB, field: FlowField | None) -> FloatArray:
            return gaussian

        return shot


def central_gaussian(size_hw: tuple[int, int]) -> FloatArray:
    """(H, W), at most 1."""
    height, width = size_hw
    x = (2 * np.arange(width) + 1 - width) / width
    # Divided by the width too: the unit of both is half a width. Pixels count at their centres, so that the map is
    # symmetric.
    y = (2 * np.arange(height) + 1 - height) / width
    gaussian: FloatArray = np.exp(-(x**2 + y[:, None] ** 2 / HEIGHT_SHARE) / (2 * VARIANCE))
    return gaussian
