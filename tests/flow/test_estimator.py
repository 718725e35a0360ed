from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.flow import DISFlow, resize_flow, zero_flow
from gfsalnet.types import FlowField

sides = st.integers(1, 12)
vectors = st.floats(-50, 50, width=32)


@given(st.tuples(sides, sides), st.tuples(sides, sides), vectors, vectors)
def test_resizing_scales_vectors_with_each_side(size_hw, new_size_hw, dx, dy):
    field = FlowField(np.broadcast_to(np.float32([dx, dy]), (*size_hw, 2)).copy())
    resized = resize_flow(field, new_size_hw)
    assert resized.size_hw == new_size_hw
    expected = (dx * new_size_hw[1] / size_hw[1], dy * new_size_hw[0] / size_hw[0])
    np.testing.assert_allclose(resized.flow_pixels, np.broadcast_to(expected, (*new_size_hw, 2)), rtol=1e-5, atol=1e-5)


def test_shrinking_takes_the_mean_of_an_area():
    field = FlowField(np.arange(4 * 6 * 2, dtype=np.float32).reshape(4, 6, 2))
    expected = field.flow_pixels.reshape(2, 2, 3, 2, 2).mean((1, 3)) / 2
    np.testing.assert_allclose(resize_flow(field, (2, 3)).flow_pixels, expected)


def test_the_same_size_is_the_same_field():
    field = zero_flow((3, 5))
    assert resize_flow(field, (3, 5)) is field


def test_mirrored_frames_give_the_mirrored_flow(moved):
    previous, current = moved((96, 128), 2.5, 1)
    of_mirrored = DISFlow(size_wh=None)(previous[:, ::-1], current[:, ::-1]).flow_pixels
    mirrored = DISFlow(size_wh=None)(previous, current).flow_pixels[:, ::-1] * np.float32([-1, 1])
    assert np.abs(of_mirrored - mirrored)[16:-16, 16:-16].mean() < 0.1
    assert of_mirrored[16:-16, 16:-16, 0].mean() == pytest.approx(-2.5, abs=0.1)


def test_zero_flow_is_zero():
    assert zero_flow((2, 3)).size_hw == (2, 3)
    assert not zero_flow((2, 3)).flow_pixels.any()
