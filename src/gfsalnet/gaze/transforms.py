"""What moves a picture moves its gaze: one view, applied to pixels and to fixations alike."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gfsalnet.types import RGB, Fixations


@dataclass(frozen=True)
class View:
    """A rectangle of a picture, in fractions of its width and height, that may be mirrored left to right."""

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0
    mirrored: bool = False

    def of_image(self, rgb: RGB, size_hw: tuple[int, int]) -> RGB:
        """The rectangle of an (H, W, 3) picture, resampled to `size_hw`."""
        target_h, target_w = size_hw
        shrink = min(self.width * rgb.shape[1] / target_w, self.height * rgb.shape[0] / target_h)
        if shrink > 1:  # bilinear sampling alone would skip pixels
            smaller_wh = (round(rgb.shape[1] / shrink), round(rgb.shape[0] / shrink))
            rgb = np.asarray(cv2.resize(rgb, smaller_wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        height, width = rgb.shape[:2]
        x_scale, y_scale = self.width * width / target_w, self.height * height / target_h
        # Where the centre of each target pixel comes from; pixel centres lie at half integers.
        source_from_target = np.array(
            [
                [x_scale, 0, self.left * width + 0.5 * x_scale - 0.5],
                [0, y_scale, self.top * height + 0.5 * y_scale - 0.5],
            ]
        )
        flags, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
        view = cv2.warpAffine(rgb, source_from_target, (target_w, target_h), flags=flags, borderMode=border)
        return np.ascontiguousarray(view[:, ::-1] if self.mirrored else view, dtype=np.uint8)

    def of_fixations(self, fixations: Fixations) -> Fixations:
        """The fixations in pixels of the view at its own size; those outside it lie outside its size too."""
        picture_w, picture_h = fixations.size_wh
        size_wh = (max(round(self.width * picture_w), 1), max(round(self.height * picture_h), 1))
        x = (fixations.x - self.left * picture_w) * (size_wh[0] / (self.width * picture_w))
        y = (fixations.y - self.top * picture_h) * (size_wh[1] / (self.height * picture_h))
        if self.mirrored:
            x = size_wh[0] - x
        return Fixations(x=x.astype(np.float32), y=y.astype(np.float32), size_wh=size_wh, subject=fixations.subject)
