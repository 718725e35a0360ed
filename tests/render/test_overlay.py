from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gfsalnet.render.look import FULL_COLOUR, Look, display_levels
from gfsalnet.render.overlay import contours, focus, overlay

GREY = np.full((36, 64, 3), 128, np.uint8)


def uniform(size_hw: tuple[int, int]) -> np.ndarray:
    return np.full(size_hw, 1 / (size_hw[0] * size_hw[1]), np.float32)


def test_each_doubling_is_a_step_of_equal_size():
    times_even = np.array([0, 0.5, 1, 2, 4, 8, 16, 32, 64, 128])
    density = np.zeros((100, 100), np.float32)
    density.flat[: times_even.size] = times_even / density.size
    steps = np.array([0, 0, 0, 1, 2, 3, 4, 5, 5, 5]) / np.log2(FULL_COLOUR)
    np.testing.assert_allclose(display_levels(density).flat[: times_even.size], 255 * steps, atol=0.51)


def test_levels_do_not_depend_on_the_size_of_the_map():
    small = np.zeros((10, 10), np.float32)
    small[4, 4:6] = 0.5
    large = np.kron(small, np.full((3, 3), 1 / 9, np.float32))
    np.testing.assert_array_equal(display_levels(large), np.kron(display_levels(small), np.ones((3, 3), np.uint8)))


def test_nothing_is_drawn_where_nothing_stands_out():
    np.testing.assert_array_equal(overlay(GREY, uniform((24, 32))), GREY)
    np.testing.assert_array_equal(overlay(GREY, np.zeros((24, 32), np.float32)), GREY)


def test_colour_lies_where_the_density_is(make_prediction):
    picture = overlay(GREY, make_prediction(map_hw=(24, 32)).map_density).astype(int)
    change = np.abs(picture - GREY).sum(axis=2)
    assert change[18, 32] > 100
    assert change[:6].max() == change[:, :12].max() == 0
    red, _, blue = picture[18, 32]
    assert red > blue + 50  # RGB, not BGR: the peak is warm


def test_the_frame_shows_through_and_is_not_changed(make_prediction):
    density = make_prediction().map_density
    black, white = np.zeros_like(GREY), np.full_like(GREY, 255)
    seen = overlay(white, density).astype(int) - overlay(black, density)
    assert seen.min() >= 0.3 * 255 - 2
    bare = overlay(white, density, Look(opacity=0)).astype(int) - overlay(black, density, Look(opacity=0))
    assert bare.min() == 255
    assert (white == 255).all()


def test_a_focused_map_is_drawn_stronger_than_a_diffuse_one(make_prediction):
    focused = make_prediction().map_density
    diffuse = (focused + 9 * uniform(focused.shape)) / 10
    assert display_levels(diffuse).max() < display_levels(focused).max()


@settings(max_examples=25)
@given(st.tuples(st.integers(1, 40), st.integers(1, 40)), st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_any_sizes(frame_hw, map_hw):
    frame = np.full((*frame_hw, 3), 77, np.uint8)
    density = np.zeros(map_hw, np.float32)
    density[0, 0] = 1
    picture = overlay(frame, density)
    assert picture.shape == frame.shape
    assert picture.dtype == np.uint8


def test_views_of_other_arrays_are_fine(make_prediction):
    density = make_prediction().map_density
    turned = np.rot90(np.random.default_rng(0).integers(0, 256, (64, 36, 3), np.uint8))
    np.testing.assert_array_equal(overlay(turned, density), overlay(turned.copy(), density))
    assert overlay(GREY[:, ::-1], density[::-1]).shape == GREY.shape


@pytest.mark.shared
def test_a_real_frame_keeps_its_untouched_parts(shared_dir, make_prediction):
    import av

    with av.open(str(shared_dir / "data" / "clips" / "sam2_01_dog.mp4")) as clip:
        rgb = next(clip.decode(video=0)).to_ndarray(format="rgb24")
    picture = overlay(rgb, make_prediction(map_hw=(256, 320)).map_density)
    untouched = (picture == rgb).all(axis=2)
    assert 0.5 < untouched.mean() < 1


def test_focus_keeps_the_frame_where_viewers_look_and_dims_the_rest():
    rgb = np.full((60, 80, 3), 200, np.uint8)
    density = np.zeros((30, 40), np.float32)
    density[10:14, 10:14] = 1 / 16
    seen = focus(rgb, density)
    assert seen[24, 24].tolist() == [200] * 3
    assert seen[50, 70].tolist() == [50] * 3
    assert (rgb == 200).all()


def test_the_scales_of_a_frame_and_of_a_video(make_prediction):
    density = make_prediction().map_density
    peak = float(density.max()) * density.size
    assert display_levels(density, Look(scale="frame")).max() == 255
    assert display_levels(density, Look(scale="video"), 2 * peak).max() in (127, 128)
    with pytest.raises(ValueError, match="peak"):
        display_levels(density, Look(scale="video"))


def test_the_level_of_a_place_does_not_change_with_the_rest_of_the_frame():
    """So nothing flickers: on the absolute scale a new thing elsewhere leaves the old one's level to its density."""
    density = np.full((20, 20), 1 / 800, np.float32)
    density[5, 5] = 0.1
    other = density.copy()
    other[15, 15] = 0.3
    assert display_levels(density)[5, 5] == display_levels(other)[5, 5]


def test_contours_hold_their_shares(make_prediction):
    """Of a Gaussian, half lies within 1.177 σ and nine tenths within 2.146 σ."""
    density = make_prediction(map_hw=(120, 160)).map_density  # σ is 160 / 12 pixels, around (80, 60)
    view = contours(np.full((240, 320, 3), 128, np.uint8), density)
    row = view[121, 160:, 0].astype(int)
    lines = np.flatnonzero(row > 180)
    sigma = 2 * 160 / 12
    for radius in (1.177 * sigma, 2.146 * sigma):
        assert np.abs(lines - radius).min() <= 2
    gaps = np.split(lines, np.flatnonzero(np.diff(lines) > 3) + 1)
    assert len(gaps) == 2


def test_contours_of_nothing_and_of_everything():
    frame = np.full((36, 64, 3), 128, np.uint8)
    assert contours(frame, uniform((24, 32))).shape == frame.shape
    one = np.zeros((24, 32), np.float32)
    one[0, 0] = 1
    assert contours(frame, one).shape == frame.shape
