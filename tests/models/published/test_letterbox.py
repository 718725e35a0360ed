"""A letterbox that rounds down: sizes by hand, what is put into it, and the way back to the frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from gfsalnet.models.published.letterbox import FlooredLetterbox, from_letterbox, to_letterbox
from gfsalnet.models.published.resampling import pillow_bilinear


@pytest.mark.parametrize(
    ("source_hw", "inner_hw", "offset_yx"),
    [
        ((360, 640), (126, 224), (49, 0)),
        ((640, 360), (224, 126), (0, 49)),
        ((405, 720), (126, 224), (49, 0)),
        ((100, 151), (148, 224), (38, 0)),  # 148.3
        ((100, 133), (168, 224), (28, 0)),  # 168.4, an odd remainder would go below
        ((300, 101), (224, 75), (0, 74)),  # 75.4
        ((90, 131), (153, 224), (35, 0)),  # 153.9, which rounding would make 154
        ((224, 224), (224, 224), (0, 0)),
        ((1, 4000), (1, 224), (111, 0)),
    ],
)
def test_sides_are_rounded_down(
    source_hw: tuple[int, int], inner_hw: tuple[int, int], offset_yx: tuple[int, int]
) -> None:
    box = FlooredLetterbox(source_hw, (224, 224))
    assert box.inner_hw == inner_hw
    assert box.offset_yx == offset_yx


def test_what_is_placed_is_in_the_middle_of_zeros() -> None:
    box = FlooredLetterbox((2, 5), (5, 5))
    inner = np.arange(1, 21, dtype=np.float32).reshape(2, 5, 2)
    placed = box.place(inner)
    assert placed.dtype == np.float32
    assert np.array_equal(placed[1:3], inner)
    assert not placed[0].any()
    assert not placed[3:].any()


def test_a_picture_is_in_a_letterbox_blue_first_with_means_swapped() -> None:
    rgb = np.zeros((360, 640, 3), np.uint8)
    rgb[...] = (10, 20, 30)
    x = to_letterbox(rgb, (224, 224))
    assert x.shape == (1, 3, 224, 224)
    inside, outside = x[0, :, 112, 112], x[0, :, 48, 112]
    assert inside.tolist() == pytest.approx([30 - 123.68, 20 - 116.779, 10 - 103.939], abs=1e-4)
    assert outside.tolist() == pytest.approx([-123.68, -116.779, -103.939], abs=1e-4)
    assert torch.equal(x[0, :, 49, 0], inside)
    assert torch.equal(x[0, :, 174, 223], inside)
    assert torch.equal(x[0, :, 175, 0], outside)


@pytest.mark.parametrize("frame_hw", [(360, 640), (500, 300), (128, 160), (90, 160)])
def test_what_went_into_the_letterbox_comes_back(frame_hw: tuple[int, int]) -> None:
    """A patch of the frame, seen through the letterbox, is found where it was."""
    height, width = frame_hw
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[height // 5 : 2 * height // 5, width // 2 : 7 * width // 10] = 255
    box = FlooredLetterbox(frame_hw, (256, 320))
    seen = box.place(pillow_bilinear(rgb, box.inner_hw))[..., 0].astype(np.float32)
    saliency = torch.from_numpy(seen.reshape(128, 2, 160, 2).mean(axis=(1, 3)))[None, None]
    back = from_letterbox(saliency, frame_hw)
    expected = gaussian_filter(rgb[..., 0].astype(np.float64), 7.0)
    assert back.shape == frame_hw
    assert np.corrcoef(back.ravel(), expected.ravel())[0, 1] > 0.99
    centre = [(np.indices(frame_hw) * m).sum(axis=(1, 2)) / m.sum() for m in (back, expected)]
    np.testing.assert_allclose(centre[0], centre[1], atol=1.5)


def test_a_dot_gets_a_blur_of_seven_pixels() -> None:
    dot = torch.zeros(1, 1, 128, 160)
    dot[0, 0, 64, 80] = 1
    rows, columns = np.indices((128, 160))
    bell = np.exp(-((rows - 64) ** 2 + (columns - 80) ** 2) / 98)
    np.testing.assert_allclose(from_letterbox(dot, (128, 160)), bell / bell.sum(), atol=1e-6)


def test_frames_smaller_than_the_map_average_it() -> None:
    stripes = torch.zeros(1, 1, 128, 160)
    stripes[..., ::2] = 1
    small = from_letterbox(stripes, (32, 40))
    np.testing.assert_allclose(small, 0.5, atol=0.02)
