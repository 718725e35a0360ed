from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import zoom

from gfsalnet import metrics
from gfsalnet.metrics.emd import transport_cost
from gfsalnet.metrics.resize import resize_bicubic, resize_bilinear, resize_linear_corners

RNG = np.random.default_rng(1)
SIZES = [(9, 13), (40, 24), (20, 48), (1, 1), (5, 7)]


@pytest.mark.parametrize("size_hw", SIZES)
def test_bilinear_is_opencvs(size_hw: tuple[int, int]) -> None:
    map_hw = RNG.random((20, 24))
    theirs = cv2.resize(map_hw, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(resize_bilinear(map_hw, size_hw), theirs, atol=1e-6)


@pytest.mark.parametrize("size_hw", [(9, 13), (40, 24), (20, 48), (5, 7)])
def test_linear_corners_is_scipys_zoom(size_hw: tuple[int, int]) -> None:
    map_hw = RNG.random((20, 24))
    theirs = zoom(map_hw, (size_hw[0] / 20, size_hw[1] / 24), order=1, mode="nearest")
    np.testing.assert_allclose(resize_linear_corners(map_hw, size_hw), theirs, atol=1e-12)


@pytest.mark.parametrize("resize", [resize_bicubic, resize_bilinear, resize_linear_corners])
def test_resizing_keeps_constants_ramps_and_identity(resize: object) -> None:
    assert callable(resize)
    map_hw = RNG.random((20, 24))
    assert resize(map_hw, (20, 24)) is map_hw
    np.testing.assert_allclose(resize(np.full((5, 6), 0.3), (13, 4)), 0.3)
    rows = resize(np.tile(np.arange(16.0)[:, None], (1, 6)), (31, 6))[:, 0]
    assert (np.diff(rows[4:-4]) > 0).all()


def test_bicubic_doubling_by_hand() -> None:
    # At quarter positions the kernel with a = -0.5 weighs four neighbours -9, 111, 29, -3 of 128.
    row = np.array([[0.0, 0, 0, 128, 0, 0, 0, 0]])
    np.testing.assert_allclose(resize_bicubic(row, (1, 16))[0, 2:12], [0, -3, -9, 29, 111, 111, 29, -9, -3, 0])


def test_bicubic_shrinking_averages() -> None:
    assert resize_bicubic(RNG.random((64, 64)), (2, 2)) == pytest.approx(0.5, abs=0.1)
    np.testing.assert_allclose(resize_bicubic(np.ones((33, 20)), (2, 1), scale=1 / 32), 1)


def test_emd_by_hand() -> None:
    corners = np.zeros((4, 5))
    corners[0, 0] = 1
    assert metrics.emd(corners, corners[::-1, ::-1]) == pytest.approx(5)  # 3 down, 4 across
    assert metrics.emd([[2, 1, 0]], [[0, 1, 2]]) == pytest.approx(4 / 3)


def test_emd_on_a_line_is_the_wasserstein_distance() -> None:
    """Which is the area between the two cumulative distributions."""
    first, second = RNG.random((2, 1, 30))
    expected = np.abs(np.cumsum(first / first.sum()) - np.cumsum(second / second.sum())).sum()
    assert metrics.emd(first, second) == pytest.approx(expected, abs=1e-9)


def test_emd_depends_on_the_difference_alone() -> None:
    first, second = RNG.random((2, 5, 6))
    shared = RNG.random((5, 6))
    second *= first.sum() / second.sum()
    assert transport_cost(first + shared, second + shared) == pytest.approx(transport_cost(first, second), abs=1e-9)


def test_emd_shrinks_large_maps() -> None:
    y, x = np.mgrid[:96, :128]
    left, right = (np.exp(-((x - centre) ** 2 + (y - 48) ** 2) / 400) for centre in (32, 96))
    assert metrics.emd(left, right) == pytest.approx(64 / 32, rel=0.05)
    assert metrics.emd(left, right, downsize=16) == pytest.approx(64 / 16, rel=0.05)
