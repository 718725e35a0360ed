"""Drops motion that explains nothing.

Where a picture is smooth, an estimator takes the noise of the sensor and the codec for motion. Such motion can be
recognised: moving the pixels along it does not bring the two frames closer together than leaving them in place.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.types import FlowField

_ROUNDING = 0.5
"""Grey levels²: the least noise of frames with whole grey levels."""
_SIGMA_PIXELS = 5
"""Sigma of the neighbourhood over which differences are averaged; the patches of DIS are 8 pixels wide."""
_ENOUGH = 0.67
"""The share of the change around it that a motion must explain, noise taken off, to be kept whole."""


def evident_flow(
    field: FlowField, previous_grey_HW: NDArray[np.uint8], current_grey_HW: NDArray[np.uint8]
) -> FlowField:
    """The field with every vector shortened to the share of the change around it that the motion explains.

    The median of what stays unexplained estimates the noise of these frames; as much may be explained by chance.

    Args:
        field: (H, W), from the previous to the current frame.
        previous_grey_HW: at the field's size.
        current_grey_HW: at the field's size.
    """
    height, width = field.size_hw
    previous, current = previous_grey_HW.astype(np.float32), current_grey_HW.astype(np.float32)
    # OpenCV's remap wants float32 maps of absolute places.
    column, row = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    dx, dy = field.flow_pixels[..., 0], field.flow_pixels[..., 1]
    # Warp the current frame back along the flow: with true motion it equals the previous one.
    moved_back = cv2.remap(current, column + dx, row + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    unmoved, moved = (cv2.GaussianBlur((c - previous) ** 2, (0, 0), _SIGMA_PIXELS) for c in (current, moved_back))
    noise = max(float(np.median(moved)), _ROUNDING)
    # 0: the motion explains nothing beyond noise; 1: it explains nearly all of the change.
    kept = np.clip((unmoved - moved - noise) / np.maximum(unmoved, noise) / _ENOUGH, 0, 1)
    return FlowField(np.asarray(field.flow_pixels * kept[..., None], np.float32))
