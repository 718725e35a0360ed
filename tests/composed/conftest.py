"""Photographs by code: a textured ground with a disc that everyone looks at."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from gfsalnet.types import RGB, Fixations

SIZE_HW = (120, 160)
RADIUS = 16


def disc_photograph(centre_xy: tuple[int, int], seed: int = 0) -> tuple[RGB, Fixations]:
    """A red disc of radius 16 on blue-green noise, twelve fixations on it and three elsewhere."""
    rng = np.random.default_rng(seed)
    rgb = np.zeros((*SIZE_HW, 3), np.uint8)
    rgb[..., 1:] = cv2.GaussianBlur(rng.integers(0, 255, (*SIZE_HW, 2), dtype=np.uint8), (0, 0), 2)
    cv2.circle(rgb, centre_xy, RADIUS, (230, 30, 30), -1)
    x = np.concatenate([centre_xy[0] + rng.normal(0, 3, 12), rng.uniform(0, SIZE_HW[1], 3)])
    y = np.concatenate([centre_xy[1] + rng.normal(0, 3, 12), rng.uniform(0, SIZE_HW[0], 3)])
    return rgb, Fixations(x=x.astype(np.float32), y=y.astype(np.float32), size_wh=SIZE_HW[::-1])


@pytest.fixture
def photograph() -> tuple[RGB, Fixations]:
    return disc_photograph((60, 50))
