"""Joint transforms: one view of a picture, applied to its pixels, fixations, density and flow alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze.maps import gaze_density
from gfsalnet.maps import Map
from gfsalnet.types import RGB, Fixations, FlowField


@dataclass(frozen=True)
class View:
    """A rectangle of a picture, in shares 0…1 of its width and height, that may be mirrored left to right."""

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0
    mirrored: bool = False

    def of_image(self, rgb: RGB, size_hw: tuple[int, int]) -> RGB:
        """The rectangle of an (H, W, 3) picture, resampled to `size_hw`."""
        return np.asarray(self._resampled(rgb, size_hw), dtype=np.uint8)

    def of_density(self, density: Map, size_hw: tuple[int, int]) -> Map:
        """The rectangle of an (H, W) density, resampled to `size_hw`; sums to 1 again, or is all zero."""
        return gaze_density(np.asarray(self._resampled(density, size_hw), dtype=np.float32))

    def of_map(self, values: Map, size_hw: tuple[int, int]) -> Map:
        """The rectangle of an (H, W) map of any meaning, resampled to `size_hw` and otherwise left as it is."""
        return np.asarray(self._resampled(values, size_hw), dtype=np.float32)

    def of_flow(self, field: FlowField, size_hw: tuple[int, int]) -> FlowField:
        """The rectangle of a flow field, resampled to `size_hw`, in pixels of the view; mirrored, dx is negated."""
        height, width = field.size_hw
        growth = [size_hw[1] / (self.width * width), size_hw[0] / (self.height * height)]
        if self.mirrored:
            growth[0] = -growth[0]
        return FlowField(np.multiply(self._resampled(field.flow_pixels, size_hw), growth, dtype=np.float32))

    def _resampled(self, pixels: NDArray[Any], size_hw: tuple[int, int]) -> NDArray[Any]:
        target_h, target_w = size_hw
        shrink = min(self.width * pixels.shape[1] / target_w, self.height * pixels.shape[0] / target_h)
        if shrink > 1:  # bilinear sampling alone would skip pixels
            smaller_wh = (round(pixels.shape[1] / shrink), round(pixels.shape[0] / shrink))
            pixels = np.asarray(cv2.resize(pixels, smaller_wh, interpolation=cv2.INTER_AREA), dtype=pixels.dtype)
        height, width = pixels.shape[:2]
        x_scale, y_scale = self.width * width / target_w, self.height * height / target_h
        # Where the centre of each target pixel comes from; pixel centres lie at half integers.
        source_from_target = np.array(
            [
                [x_scale, 0, self.left * width + 0.5 * x_scale - 0.5],
                [0, y_scale, self.top * height + 0.5 * y_scale - 0.5],
            ]
        )
        flags, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
        view = cv2.warpAffine(pixels, source_from_target, (target_w, target_h), flags=flags, borderMode=border)
        return np.ascontiguousarray(view[:, ::-1] if self.mirrored else view)

    def of_fixations(self, fixations: Fixations) -> Fixations:
        """The fixations in pixels of the view at its own size; those outside it lie outside its size too."""
        picture_w, picture_h = fixations.size_wh
        size_wh = (max(round(self.width * picture_w), 1), max(round(self.height * picture_h), 1))
        x = (fixations.x - self.left * picture_w) * (size_wh[0] / (self.width * picture_w))
        y = (fixations.y - self.top * picture_h) * (size_wh[1] / (self.height * picture_h))
        if self.mirrored:
            # Coordinates and not pixel numbers: the left edge, 0, becomes the right one.
            x = size_wh[0] - x
        return Fixations(x=x.astype(np.float32), y=y.astype(np.float32), size_wh=size_wh, subject=fixations.subject)
