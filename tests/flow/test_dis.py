from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gfsalnet.errors import GFSalNetError
from gfsalnet.flow import DISFlow
from gfsalnet.flow.dis import PRESETS, SMALLEST_SIDE


def endpoint_error(flow_pixels: np.ndarray, dx: float, dy: float, border: int = 16) -> float:
    """Mean distance in pixels to the true motion, away from the border where content enters and leaves."""
    inner = flow_pixels[border:-border, border:-border]
    return float(np.hypot(inner[..., 0] - dx, inner[..., 1] - dy).mean())


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, 2), (-2.5, 1.25), (0.3, -0.6), (6.4, -5.2)])
def test_finds_a_known_shift(moved, dx, dy):
    field = DISFlow()(*moved((240, 320), dx, dy))
    assert field.size_hw == (240, 320)
    assert endpoint_error(field.flow_pixels, dx, dy) < 0.1


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_finds_a_known_shift(moved, preset):
    field = DISFlow(preset)(*moved((240, 320), 3.3, -1.6))
    assert endpoint_error(field.flow_pixels, 3.3, -1.6) < 0.2


def test_right_and_down_are_positive():
    previous, current = (np.random.default_rng(0).integers(60, 90, (96, 96, 3), np.uint8) for _ in range(2))
    current[:] = previous
    y, x = np.mgrid[:24, :24]
    square = (128 + 100 * np.sin(x / 2.5) * np.cos(y / 3)).astype(np.uint8)[..., None]
    previous[30:54, 30:54] = square
    current[32:56, 33:57] = square
    dx, dy = np.median(DISFlow(size_wh=None)(previous, current).flow_pixels[36:50, 36:50], axis=(0, 1))
    assert dx == pytest.approx(3, abs=0.3)
    assert dy == pytest.approx(2, abs=0.3)


def test_the_same_frame_twice_does_not_move(moved):
    frame, _ = moved((120, 160), 0, 0)
    assert not DISFlow()(frame, frame).flow_pixels.any()


def test_vectors_are_pixels_of_the_working_size(moved):
    previous, current = moved((240, 320), 4, 2)
    field = DISFlow(size_wh=(160, 120))(previous, current)
    assert field.size_hw == (120, 160)
    assert endpoint_error(field.flow_pixels, 2, 1) < 0.1


def test_colour_counts_as_its_brightness():
    """Red, green and blue weigh .299, .587 and .114: a swap of red and blue would be seen."""
    grey_like = np.full((64, 64, 3), 76, np.uint8)
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255  # 255 · 0.299 = 76
    stripes = (np.arange(64) // 4 % 2 == 0)[None, :, None]
    assert not DISFlow(size_wh=None)(np.where(stripes, red, grey_like), grey_like).flow_pixels.any()


def test_a_small_frame_does_not_change_later_results(moved):
    pair, small = moved((240, 320), 3.3, -1.6), moved((33, 33), 1, 0)
    estimator = DISFlow(size_wh=None)
    before = estimator(*pair).flow_pixels
    estimator(*small)
    np.testing.assert_array_equal(estimator(*pair).flow_pixels, before)


@pytest.mark.parametrize("size_wh", [None, (320, 240), (64, 48), (1, 1)])
@pytest.mark.parametrize("size_hw", [(1, 1), (1, 640), (500, 2), (7, 9), (16, 320), (24, 320), (31, 33)])
def test_tiny_and_thin_frames_are_survived(size_hw, size_wh):
    previous, current = np.random.default_rng(1).integers(0, 256, (2, *size_hw, 3), np.uint8)
    for preset in PRESETS:
        estimator = DISFlow(preset, size_wh)
        field = estimator(previous, current)
        assert field.size_hw == estimator.field_size_hw(size_hw)
        assert min(field.size_hw) >= SMALLEST_SIDE


@settings(max_examples=40)
@given(st.integers(1, 120), st.integers(1, 120), st.sampled_from(sorted(PRESETS)), st.integers(0, 99))
def test_any_small_frame_gives_a_finite_field(height, width, preset, seed):
    rng = np.random.default_rng(seed)
    previous, current = rng.integers(0, rng.integers(1, 257), (2, height, width, 3), np.uint8)
    field = DISFlow(preset, size_wh=None)(previous, current)  # FlowField refuses NaN
    assert field.size_hw == (max(32, height), max(32, width))


@given(st.integers(60, 5000), st.integers(60, 5000))
def test_the_working_size_keeps_shape_and_area(height, width):
    work_height, work_width = DISFlow().field_size_hw((height, width))
    if min(work_height, work_width) > SMALLEST_SIDE:
        assert work_height * work_width == pytest.approx(320 * 240, rel=0.02)
        assert work_width / work_height == pytest.approx(width / height, rel=0.04)


def test_wrong_frames_are_refused(moved):
    frame, _ = moved((40, 50), 0, 0)
    with pytest.raises(ValueError, match=r"one size.*\(40, 50, 3\).*\(40, 49, 3\)"):
        DISFlow()(frame, frame[:, 1:])
    for wrong in (frame[..., 0], frame.astype(np.float32), frame[:0]):
        with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
            DISFlow()(frame, wrong)


def test_wrong_settings_are_refused():
    with pytest.raises(GFSalNetError, match=r"slow.*Use one of: ultrafast, fast, medium"):
        DISFlow("slow")
    for size_wh in ((320,), (0, 240), (320, -1)):
        with pytest.raises(GFSalNetError, match="width and height"):
            DISFlow(size_wh=size_wh)
