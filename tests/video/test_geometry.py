from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gfsalnet.video import Letterbox, Resize, fitted_size_hw
from gfsalnet.video.geometry import quickly_resized, resize_rgb

sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))
geometries = st.builds(
    lambda kind, source, target: kind(source, target), st.sampled_from([Resize, Letterbox]), sizes, sizes
)


@given(geometries)
@settings(max_examples=60)
def test_the_picture_lies_inside_the_target(geometry):
    (height, width), (rows, columns) = geometry.source_hw, geometry.target_hw
    assert geometry.apply(np.zeros((height, width, 3), np.uint8)).shape == (rows, columns, 3)
    (top, left), (inner_height, inner_width) = geometry.offset_yx, geometry.inner_hw
    assert top >= 0
    assert left >= 0
    assert top + inner_height <= rows
    assert left + inner_width <= columns


def blob(size_hw, x, y, sigma):
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2)).astype(np.float32)


def centre(values):
    rows, columns = np.mgrid[: values.shape[0], : values.shape[1]]
    weights = values.astype(float) / values.sum(dtype=float)
    return np.array([(columns * weights).sum(), (rows * weights).sum()])


@pytest.mark.parametrize("kind", [Resize, Letterbox])
@pytest.mark.parametrize(
    ("source_hw", "target_hw"), [((360, 640), (256, 320)), ((640, 360), (256, 320)), ((90, 120), (480, 640))]
)
def test_a_blob_lands_where_its_centre_is_mapped(kind, source_hw, target_hw):
    geometry = kind(source_hw, target_hw)
    x, y = source_hw[1] * 0.4, source_hw[0] * 0.55
    image = np.repeat((255 * blob(source_hw, x, y, source_hw[0] / 20))[..., None], 3, axis=2).astype(np.uint8)
    seen = geometry.apply(image)[..., 0]
    (top, left), (inner_height, inner_width) = geometry.offset_yx, geometry.inner_hw
    expected = (
        (x + 0.5) * inner_width / source_hw[1] + left - 0.5,
        (y + 0.5) * inner_height / source_hw[0] + top - 0.5,
    )
    np.testing.assert_allclose(centre(seen), expected, atol=0.3)


def test_letterbox_keeps_the_aspect_and_pads_in_black():
    geometry = Letterbox((100, 200), (256, 256))
    assert (geometry.inner_hw, geometry.offset_yx) == ((128, 256), (64, 0))
    seen = geometry.apply(np.full((100, 200, 3), 200, np.uint8))
    assert (seen[64:192] == 200).all()
    assert (seen[:64] == 0).all()
    assert (seen[192:] == 0).all()


def test_wrong_shapes_are_mistakes():
    with pytest.raises(ValueError, match=r"\(10, 20, 3\), not \(20, 10, 3\)"):
        Resize((10, 20), (5, 5)).apply(np.zeros((20, 10, 3), np.uint8))
    with pytest.raises(ValueError, match="must be positive"):
        Letterbox((0, 20), (5, 5))
    with pytest.raises(ValueError, match="must be positive"):
        fitted_size_hw((480, 0), 100)


@pytest.mark.parametrize(
    ("source_hw", "expected"),
    [((480, 640), (256, 320)), ((360, 640), (224, 384)), ((640, 360), (384, 224)), ((1080, 1080), (288, 288))],
)
def test_fitted_sizes_by_hand(source_hw, expected):
    assert fitted_size_hw(source_hw, 320 * 256) == expected


@given(
    st.tuples(st.integers(8, 8000), st.integers(8, 8000)),
    st.integers(32 * 32, 640 * 480),
    st.sampled_from([8, 16, 32, 64]),
)
@settings(max_examples=150)
def test_fitted_sizes(source_hw, area, multiple):
    height, width = fitted_size_hw(source_hw, area, multiple)
    assert height % multiple == width % multiple == 0
    assert min(height, width) >= multiple
    assert height * width <= max(1.1 * area, multiple**2)
    tall, wide = fitted_size_hw(source_hw[::-1], area, multiple)
    assert sorted((height, width)) == sorted((tall, wide)) or height * width > 0.5 * area
    aspect = source_hw[1] / source_hw[0]
    if 0.25 <= aspect <= 4 and area >= 64 * multiple**2:
        assert 0.66 <= width / height / aspect <= 1.5
        assert height * width >= 0.7 * area


def test_extreme_aspects_stay_sane():
    assert fitted_size_hw((100, 2000), 320 * 256) == (64, 1280)
    assert fitted_size_hw((2000, 100), 320 * 256) == (1280, 64)
    height, width = fitted_size_hw((8, 80_000), 320 * 256)
    assert height == 32
    assert height * width <= 1.1 * 320 * 256
    assert fitted_size_hw((100, 100), 10) == (32, 32)


@given(sizes, sizes)
@settings(max_examples=60)
def test_a_quick_resize_has_the_size_and_keeps_an_even_picture_even(source, target):
    resized = quickly_resized(np.full((*source, 3), 77, np.uint8), target)
    assert resized.shape == (*target, 3)
    assert (resized == 77).all()


def test_a_quick_resize_is_near_an_area_mean():
    y, x = np.mgrid[:360, :640]
    waves = (127 + 60 * np.sin(x / 20) + 60 * np.cos(y / 15)).astype(np.uint8)
    rgb = np.stack((waves, 255 - waves, waves // 2), 2)
    for size_hw in ((224, 384), (90, 160), (50, 77)):
        apart = quickly_resized(rgb, size_hw).astype(int) - resize_rgb(rgb, size_hw)
        assert abs(apart).mean() < 1
        assert abs(apart).max() <= 12


def test_a_quick_resize_of_a_grey_picture_drops_the_odd_row():
    grey = np.repeat(np.array([10, 10, 30, 30, 200], np.uint8)[:, None], 4, 1)
    assert quickly_resized(grey, (2, 2)).tolist() == [[10, 10], [30, 30]]
