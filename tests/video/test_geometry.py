from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gfsalnet.video import Letterbox, Resize, fitted_size_hw

sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))
geometries = st.builds(
    lambda kind, source, target: kind(source, target), st.sampled_from([Resize, Letterbox]), sizes, sizes
)


@given(geometries, st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=1, max_size=20))
def test_points_come_back(geometry, points):
    points_xy = np.array(points)
    np.testing.assert_allclose(geometry.points_to_source(geometry.points_to_target(points_xy)), points_xy, atol=1e-6)


@given(geometries)
@settings(max_examples=60)
def test_shapes_and_corners(geometry):
    (height, width), (rows, columns) = geometry.source_hw, geometry.target_hw
    assert geometry.apply(np.zeros((height, width, 3), np.uint8)).shape == (rows, columns, 3)
    assert geometry.restore(np.ones((rows, columns), np.float32)).shape == (height, width)
    assert geometry.restore(np.ones((max(1, rows // 4), max(1, columns // 4)), np.float32)).shape == (height, width)
    corners = geometry.points_to_target(np.array([(-0.5, -0.5), (width - 0.5, height - 0.5)]))
    (top, left), (inner_height, inner_width) = geometry.offset_yx, geometry.inner_hw
    expected = [(left - 0.5, top - 0.5), (left + inner_width - 0.5, top + inner_height - 0.5)]
    np.testing.assert_allclose(corners, expected, atol=1e-9)
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
    np.testing.assert_allclose(centre(seen), geometry.points_to_target(np.array([[x, y]]))[0], atol=0.3)
    restored = geometry.restore(seen.astype(np.float32))
    np.testing.assert_allclose(centre(restored), (x, y), atol=0.5)


def test_points_follow_cv2_resize():
    ramp = np.repeat(np.arange(64, dtype=np.float32)[None], 8, axis=0)
    shrunk = cv2.resize(ramp, (16, 8), interpolation=cv2.INTER_AREA)
    xs = np.stack([np.arange(16.0), np.zeros(16)], axis=1)
    np.testing.assert_allclose(Resize((8, 64), (8, 16)).points_to_source(xs)[:, 0], shrunk[0], atol=1e-5)


def test_letterbox_keeps_the_aspect_and_pads_in_black():
    geometry = Letterbox((100, 200), (256, 256))
    assert (geometry.inner_hw, geometry.offset_yx) == ((128, 256), (64, 0))
    seen = geometry.apply(np.full((100, 200, 3), 200, np.uint8))
    assert (seen[64:192] == 200).all()
    assert (seen[:64] == 0).all()
    assert (seen[192:] == 0).all()
    values = np.zeros((64, 64), np.float32)  # a map at a quarter of the target's size
    values[16:48] = 1
    assert (geometry.crop(values) == 1).all()
    assert geometry.crop(values).shape == (32, 64)
    assert (geometry.restore(values) == 1).all()


def test_padding_does_not_bleed_into_the_map():
    geometry = Letterbox((97, 301), (256, 320))
    values = np.ones((256, 320), np.float32)
    (top, left), (height, width) = geometry.offset_yx, geometry.inner_hw
    values[:top] = values[top + height :] = 0
    values[:, :left] = values[:, left + width :] = 0
    np.testing.assert_allclose(geometry.restore(values), 1, rtol=1e-6)


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
