"""The protocol of all optical flow estimators, and operations on flow fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import cv2
import numpy as np

from gfsalnet.types import RGB, FlowField


class FlowEstimator(Protocol):
    """Estimates the motion between two frames of one size.

    An estimator keeps nothing between calls: the same two frames always give the same field. The field has the size at
    which the estimator works (`field_size_hw`), and its vectors are pixels of that size; `resize_flow` changes both.
    """

    @property
    def name(self) -> str:
        """The name under which `make_estimator` knows it."""

    @property
    def settings(self) -> Mapping[str, object]:
        """Everything that changes its result, as JSON values, so that `make_estimator(name, **settings)` remakes it."""

    @property
    def version(self) -> str:
        """The library or weights it runs on, of which a newer one may give other results."""

    def field_size_hw(self, frame_size_hw: tuple[int, int]) -> tuple[int, int]:
        """The height and width of the field for frames of this size."""

    def __call__(self, previous_rgb: RGB, current_rgb: RGB) -> FlowField:
        """The motion from `previous_rgb` to `current_rgb`, both (H, W, 3) uint8.

        The vector (dx, dy) at a pixel says where its content goes from the previous to the current frame: dx > 0 is to
        the right, dy > 0 is down.

        Raises:
            ValueError: if the frames are not (H, W, 3) uint8 of one size.
        """


def check_pair(previous_rgb: RGB, current_rgb: RGB) -> None:
    """Check the two frames given to an estimator.

    Raises:
        ValueError: if the frames are not (H, W, 3) uint8 of one size.
    """
    for rgb in (previous_rgb, current_rgb):
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
            raise ValueError(f"a frame must be (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}")
    if previous_rgb.shape != current_rgb.shape:
        raise ValueError(f"optical flow needs frames of one size, not {previous_rgb.shape} and {current_rgb.shape}")


def resize_flow(field: FlowField, size_hw: tuple[int, int]) -> FlowField:
    """The same motion at another size: resampled, and the vectors scaled with the width and the height."""
    if field.size_hw == size_hw:
        return field
    (height, width), (new_height, new_width) = field.size_hw, size_hw
    # Area means avoid aliasing when shrinking; when growing they would leave blocks.
    growing = new_height >= height and new_width >= width
    interpolation = cv2.INTER_LINEAR if growing else cv2.INTER_AREA
    resized = cv2.resize(field.flow_pixels, (new_width, new_height), interpolation=interpolation)
    # A vector is in pixels of its own field, so it is scaled with the field.
    growth = [new_width / width, new_height / height]
    return FlowField(np.multiply(resized, growth, dtype=np.float32))


def zero_flow(size_hw: tuple[int, int]) -> FlowField:
    """A field of `size_hw` in which nothing moves."""
    return FlowField(np.zeros((*size_hw, 2), np.float32))
