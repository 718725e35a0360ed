"""Fixations to maps: where a point lands, what a density weighs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.gaze import blurred, density_map, fixation_counts, fixation_map
from gfsalnet.types import Fixations


def fixations(points: list[tuple[float, float]], size_wh: tuple[int, int] = (8, 4)) -> Fixations:
    xy = np.array(points, np.float32).reshape(-1, 2)
    return Fixations(x=xy[:, 0], y=xy[:, 1], size_wh=size_wh)


def test_a_coordinate_is_floored_to_its_pixel() -> None:
    counts = fixation_counts(fixations([(0, 0), (0.99, 0.99), (7.99, 3.99), (3, 2)]), (4, 8))
    assert counts[0, 0] == 2
    assert counts[3, 7] == 1
    assert counts[2, 3] == 1
    assert counts.sum() == 4


def test_points_outside_are_dropped_not_clamped() -> None:
    assert fixation_counts(fixations([(8, 0), (-0.1, 1), (3, 4), (3, 3.9)]), (4, 8)).sum() == 1


def test_a_point_keeps_its_place_at_another_size() -> None:
    points = fixations([(5, 1)])
    assert np.argwhere(fixation_map(points, (40, 80))).tolist() == [[10, 50]]
    assert np.argwhere(fixation_map(points, (2, 4))).tolist() == [[0, 2]]


@given(st.lists(st.tuples(st.floats(0, 8, width=32, exclude_max=True), st.floats(0, 4, width=32, exclude_max=True))))
def test_no_inside_point_is_lost(points: list[tuple[float, float]]) -> None:
    assert fixation_counts(fixations(points), (7, 13)).sum() == len(points)


def test_density_of_one_fixation_is_the_gaussian() -> None:
    density = density_map(fixations([(32.5, 32.5)], (65, 65)), (65, 65), sigma_pixels=4)
    y, x = np.mgrid[-32:33, -32:33]
    gaussian = np.exp(-(x**2 + y**2) / (2 * 4**2))
    assert np.allclose(density, gaussian / gaussian.sum(), atol=2e-6)
    assert density.dtype == np.float32


def test_density_counts_every_fixation_and_sums_to_one() -> None:
    density = density_map(fixations([(10, 10)] * 3 + [(50, 30)], (64, 40)), (40, 64), sigma_pixels=2)
    assert density.sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    assert density[10, 10] == pytest.approx(3 * density[30, 50], rel=1e-4)


def test_density_without_fixations_is_empty_and_sigma_is_checked() -> None:
    assert not density_map(fixations([]), (4, 8), 2).any()
    with pytest.raises(ValueError, match="sigma_pixels"):
        density_map(fixations([(1, 1)]), (4, 8), 0)


def test_nothing_of_the_gaussian_is_cut_off() -> None:
    """Far from all fixations a density is small but not zero, and in the right proportion."""
    density = density_map(fixations([(10.5, 20.5)], (200, 40)), (40, 200), sigma_pixels=10)
    assert density[20, 100] / density[20, 10] == pytest.approx(np.exp(-(9**2) / 2), rel=1e-4)
    assert (density > 0)[:, :130].all()


def test_blurring_has_a_width_of_its_own_in_each_direction() -> None:
    weights = np.zeros((30, 40), np.float32)
    weights[10, 12], weights[20, 33] = 2, 0.5
    y, x = np.mgrid[:30, :40]
    expected = sum(
        weight * np.exp(-((x - column) ** 2) / (2 * 3**2) - (y - row) ** 2 / (2 * 5**2))
        for row, column, weight in ((10, 12, 2), (20, 33, 0.5))
    )
    assert np.allclose(blurred(weights, (3, 5)), expected, rtol=1e-9, atol=0)
    assert not blurred(np.zeros((3, 4)), (1, 1)).any()
