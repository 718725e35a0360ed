"""Pictures of another aspect."""

from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.apply.reframe.aspect import Crop
from gfsalnet.apply.reframe.views import cropped, whole
from gfsalnet.types import RGB


def ramp(width: int = 64, height: int = 40) -> RGB:
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 0] = np.arange(width) * 3
    rgb[..., 1] = np.arange(height)[:, None] * 5
    return rgb


@pytest.mark.parametrize(("crop", "start"), [(Crop((64, 40), (20, 40)), 7.0), (Crop((64, 40), (64, 10)), 30.0)])
def test_whole_pixels_are_copied(crop: Crop, start: float) -> None:
    rgb, (width, height) = ramp(), crop.size_wh
    x, y = map(int, crop.corner(start))
    np.testing.assert_array_equal(cropped(rgb, crop, start), rgb[y : y + height, x : x + width])


@pytest.mark.parametrize("start", [0.25, 7.5, 43.9])
def test_between_pixels_it_is_interpolated(start: float) -> None:
    found = cropped(ramp(), Crop((64, 40), (20, 40)), start)
    assert found.shape == (40, 20, 3)
    inner = found[5, 2:-2, 0].astype(float)  # bicubic keeps a ramp, but for the border of the frame
    np.testing.assert_allclose(inner, (np.arange(2, 18) + start) * 3, atol=1.1)
    np.testing.assert_array_equal(found[:, 5, 1], np.arange(40) * 5)


@pytest.mark.parametrize("bars", ["black", "blur"])
def test_a_whole_frame_lies_between_bars(bars) -> None:
    rgb = np.full((36, 64, 3), 200, np.uint8)
    view = whole(rgb, Crop((64, 36), (20, 36)), bars)
    assert view.shape == (36, 20, 3)
    rows = view.mean(axis=(1, 2))
    assert rows[18] == 200
    assert (view == 200).all(axis=(1, 2)).sum() == 11  # 20 · 36 / 64
    assert rows[0] == rows[-1] == (0 if bars == "black" else 120)
