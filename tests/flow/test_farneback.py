from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.errors import GFSalNetError
from gfsalnet.flow import FarnebackFlow


def error_pixels(flow_pixels: np.ndarray, dx: float, dy: float, border: int = 24) -> float:
    inner = flow_pixels[border:-border, border:-border]
    return float(np.hypot(inner[..., 0] - dx, inner[..., 1] - dy).mean())


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (-2.5, 1.25), (6.4, -5.2)])
def test_finds_a_known_shift(moved, dx, dy):
    field = FarnebackFlow()(*moved((240, 320), dx, dy))
    assert field.size_hw == (240, 320)
    assert error_pixels(field.flow_pixels, dx, dy) < 0.1


def test_vectors_are_pixels_of_the_working_size(moved):
    field = FarnebackFlow(size_wh=(160, 120))(*moved((240, 320), 4, 2))
    assert field.size_hw == (120, 160)
    assert error_pixels(field.flow_pixels, 2, 1) < 0.1


@pytest.mark.parametrize(
    "setting",
    [{"levels": 1}, {"window_pixels": 31}, {"iterations": 1}, {"poly_pixels": 5}, {"poly_sigma": 1.1}],
    ids=str,
)
def test_settings_reach_opencv(moved, setting):
    pair = moved((160, 320), 6.5, 0)
    change = FarnebackFlow(None, **setting)(*pair).flow_pixels - FarnebackFlow(None)(*pair).flow_pixels
    assert np.abs(change).max() > 0.01


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 640), (500, 2), (7, 9), (24, 320)])
def test_tiny_and_thin_frames_are_survived(size_hw):
    previous, current = np.random.default_rng(1).integers(0, 256, (2, *size_hw, 3), np.uint8)
    for size_wh in (None, (320, 240), (1, 1)):
        estimator = FarnebackFlow(size_wh)
        assert estimator(previous, current).size_hw == estimator.field_size_hw(size_hw)


def test_wrong_settings_and_frames_are_refused(moved):
    with pytest.raises(GFSalNetError, match="width and height"):
        FarnebackFlow(size_wh=(0, 240))
    with pytest.raises(GFSalNetError, match="window_pixels 0: is not positive"):
        FarnebackFlow(window_pixels=0)
    frame, _ = moved((40, 50), 0, 0)
    with pytest.raises(ValueError, match="one size"):
        FarnebackFlow()(frame, frame[:, 1:])
