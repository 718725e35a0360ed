from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.flow import flow_image, white_image, zero_flow
from gfsalnet.flow.image import colour_wheel
from gfsalnet.types import FlowField


def published_wheel() -> list[tuple[int, int, int]]:
    """The 55 colours, arc by arc, as the article's code names them: RY 15, YG 6, GC 4, CB 11, BM 13, MR 6."""
    wheel = [(255, 255 * i // 15, 0) for i in range(15)]
    wheel += [(255 - 255 * i // 6, 255, 0) for i in range(6)]
    wheel += [(0, 255, 255 * i // 4) for i in range(4)]
    wheel += [(0, 255 - 255 * i // 11, 255) for i in range(11)]
    wheel += [(255 * i // 13, 0, 255) for i in range(13)]
    return wheel + [(255, 0, 255 - 255 * i // 6) for i in range(6)]


def published_colour(u: float, v: float) -> list[int]:
    """One pixel of the article's `computeColor`, (u, v) being in parts of the full speed."""
    wheel = published_wheel()
    radius = math.hypot(u, v)
    position = (math.atan2(-v, -u) / math.pi + 1) / 2 * (len(wheel) - 1)
    first = math.floor(position)
    part = position - first
    colour = []
    for one, other in zip(wheel[first], wheel[(first + 1) % len(wheel)], strict=True):
        value = (1 - part) * one / 255 + part * other / 255
        colour.append(math.floor(255 * (1 - radius * (1 - value) if radius <= 1 else 0.75 * value)))
    return colour


def one_vector(dx: float, dy: float) -> FlowField:
    return FlowField(np.float32([[[dx, dy]]]))


def test_the_wheel_is_the_published_one():
    assert colour_wheel().tolist() == [list(colour) for colour in published_wheel()]


@pytest.mark.parametrize(
    ("dx", "dy", "colour"),
    [
        (1, 0, (255, 0, 0)),  # right: the first colour, red
        (0, 1, (255, 229, 0)),  # down: place 13.5 of 54, between (255, 221, 0) and (255, 238, 0), yellow
        (-1, 0, (0, 209, 255)),  # left: place 27, (0, 255 - 46, 255), greenish cyan
        (0, -1, (88, 0, 255)),  # up: place 40.5, between (78, 0, 255) and (98, 0, 255), violet-blue
    ],
)
def test_the_four_directions(dx, dy, colour):
    assert flow_image(one_vector(dx, dy), max_pixels=1)[0, 0].tolist() == pytest.approx(list(colour), abs=1)
    assert flow_image(one_vector(20 * dx, 20 * dy))[0, 0].tolist() == pytest.approx(list(colour), abs=1)


@given(st.floats(0, 2 * math.pi), st.floats(0, 0.999) | st.floats(1.001, 40), st.floats(0.1, 100))
def test_every_colour_is_the_published_one(angle, speed, max_pixels):
    u, v = speed * math.cos(angle), speed * math.sin(angle)
    if abs(v) < 0.03 * u:
        return  # the wheel's seam, where rounding decides between its two ends; covered below
    drawn = flow_image(one_vector(u * max_pixels, v * max_pixels), max_pixels)[0, 0].tolist()
    assert drawn == pytest.approx(published_colour(u, v), abs=1)


@pytest.mark.parametrize("dy", [0.0, -0.0, 1e-20, -1e-20])
def test_right_is_red_on_either_side_of_the_seam(dy):
    assert flow_image(one_vector(1, dy))[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("max_pixels", [None, 1e-3, 20])
def test_no_motion_is_exactly_white(max_pixels):
    picture = flow_image(zero_flow((5, 7)), max_pixels)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, white_image((5, 7)))
    assert (picture == 255).all()


def test_white_where_nothing_moves_beside_what_does():
    field = zero_flow((4, 4))
    field.flow_pixels[0, 0] = (3, 4)
    for max_pixels in (None, 2, 20):
        picture = flow_image(field, max_pixels)
        assert (picture.reshape(-1, 3)[1:] == 255).all()
        assert (picture[0, 0] < 255).any()


def test_the_frames_own_scale_does_not_depend_on_speed():
    flow_pixels = np.random.default_rng(3).normal(size=(20, 30, 2)).astype(np.float32)
    slow, fast = flow_image(FlowField(flow_pixels)), flow_image(FlowField(flow_pixels * 8))
    np.testing.assert_array_equal(slow, fast)
    fixed = flow_image(FlowField(flow_pixels * 8), float(np.linalg.norm(flow_pixels * 8, axis=-1).max()))
    np.testing.assert_allclose(fixed.astype(int), fast, atol=64)  # the fastest pixel may round to just beyond
    assert (fixed != fast).any(-1).sum() <= 1


@given(st.integers(0, 10_000))
def test_on_its_own_scale_no_pixel_is_out_of_range(seed):
    """Full colours and their mixtures with white have one channel at 255; only a darkened colour has none."""
    flow_pixels = np.random.default_rng(seed).normal(size=(6, 6, 2)).astype(np.float32)
    assert (flow_image(FlowField(flow_pixels)).max(-1) >= 254).all()


def test_faster_than_the_scale_is_darker():
    assert flow_image(one_vector(10, 0), max_pixels=10)[0, 0].tolist() == [255, 0, 0]
    assert flow_image(one_vector(10.1, 0), max_pixels=10)[0, 0].tolist() == [191, 0, 0]


@pytest.mark.parametrize("max_pixels", [0, -1, math.nan, math.inf])
def test_a_senseless_scale_is_refused(max_pixels):
    with pytest.raises(ValueError, match="max_pixels"):
        flow_image(zero_flow((2, 2)), max_pixels)
