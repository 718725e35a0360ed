"""Polynomial expansion (Farnebäck, SCIA 2003), as OpenCV has it: smooth, and slower than DIS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from gfsalnet.errors import GFSalNetError
from gfsalnet.flow.estimator import check_pair
from gfsalnet.flow.working_size import checked_size_wh, grey_at
from gfsalnet.types import RGB, FlowField
from gfsalnet.video.geometry import working_size_hw


class FarnebackFlow:
    """Optical flow on the grey frames.

    Args:
        size_wh: how large the frames are made for the estimation, as for `DISFlow`; None: the frame's own size.
        levels: of the pyramid over the full size, each half as large as the one below; OpenCV leaves out those under
            32 pixels a side.
        window_pixels: side of the window over which displacements are averaged: larger is smoother and less exact.
        iterations: at each level.
        poly_pixels: side of the neighbourhood to which a polynomial is fitted, 5 or 7 as a rule.
        poly_sigma: of the Gaussian that weighs the neighbourhood; 1.1 goes with 5 pixels, 1.5 with 7.

    Raises:
        GFSalNetError: if the size is not two positive numbers, or another setting is not positive.
    """

    name = "farneback"
    version = f"opencv {cv2.__version__}"

    def __init__(
        self,
        size_wh: Sequence[int] | None = (320, 240),
        levels: int = 5,
        window_pixels: int = 15,
        iterations: int = 3,
        poly_pixels: int = 7,
        poly_sigma: float = 1.5,
    ) -> None:
        numbers: dict[str, int | float] = {
            "levels": levels,
            "window_pixels": window_pixels,
            "iterations": iterations,
            "poly_pixels": poly_pixels,
            "poly_sigma": poly_sigma,
        }
        for setting, value in numbers.items():
            if value <= 0:
                raise GFSalNetError(f"flow setting {setting} {value}", "is not positive", "Give a number above 0.")
        self.size_wh = checked_size_wh(size_wh)
        self._numbers = numbers

    @property
    def settings(self) -> dict[str, Any]:
        """`size_wh`, `levels`, `window_pixels`, `iterations`, `poly_pixels` and `poly_sigma`."""
        return {"size_wh": self.size_wh, **self._numbers}

    def field_size_hw(self, frame_size_hw: tuple[int, int]) -> tuple[int, int]:
        """The height and width at which frames of this size are worked on.

        >>> FarnebackFlow().field_size_hw((1080, 1920))
        (208, 370)
        """
        return working_size_hw(frame_size_hw, self.size_wh)

    def __call__(self, previous_rgb: RGB, current_rgb: RGB) -> FlowField:
        """The motion from `previous_rgb` to `current_rgb`, at the working size.

        Raises:
            ValueError: if the frames are not (H, W, 3) uint8 of one size.
        """
        check_pair(previous_rgb, current_rgb)
        size_hw = self.field_size_hw((current_rgb.shape[0], current_rgb.shape[1]))
        estimator = cv2.FarnebackOpticalFlow.create(
            numLevels=int(self._numbers["levels"]),
            winSize=int(self._numbers["window_pixels"]),
            numIters=int(self._numbers["iterations"]),
            polyN=int(self._numbers["poly_pixels"]),
            polySigma=float(self._numbers["poly_sigma"]),
        )
        flow_pixels = estimator.calc(grey_at(previous_rgb, size_hw), grey_at(current_rgb, size_hw), None)  # type: ignore[call-overload]  # the stub knows no None
        return FlowField(np.asarray(flow_pixels, dtype=np.float32))
