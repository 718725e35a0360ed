"""Polygons: what they cover and hold, against areas known by hand and points counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.areas import coverage, holds
from gfsalnet.areas.area import box_corners
from gfsalnet.areas.shapes import crosses_itself, is_box, signed_area, widened

STAR = np.array([[10, 10], [50, 30], [90, 10], [70, 50], [90, 90], [50, 70], [10, 90], [30, 50.0]])
TRIANGLE = np.array([[10, 10], [90, 20], [40, 80.0]])


def test_cells_of_a_box_are_covered_by_hand() -> None:
    covered = coverage(box_corners([15, 10, 35, 30]), (40, 40), (4, 4))  # cells of 10 pixels
    np.testing.assert_allclose(covered.whole(), [[0, 0, 0, 0], [0, 0.5, 1, 0.5], [0, 0.5, 1, 0.5], [0, 0, 0, 0]])
    assert covered.area_share == pytest.approx(400 / 1600)
    assert covered.of(np.full((4, 4), 1 / 16, np.float32)).sum() == pytest.approx(0.25)


def test_only_what_is_inside_the_frame_counts() -> None:
    assert coverage(box_corners([-20, -20, 20, 20]), (40, 40), (4, 4)).area_share == 0.25
    assert coverage(box_corners([50, 0, 60, 40]), (40, 40), (4, 4)).area_share == 0
    assert coverage(TRIANGLE + 200, (100, 100), (48, 64)).area_share == 0


@pytest.mark.parametrize("corners", [TRIANGLE, TRIANGLE[::-1], STAR, box_corners([10, 10, 70, 80])])
def test_polygons_cover_their_area(corners: np.ndarray) -> None:
    assert coverage(corners, (100, 100), (48, 64)).area_share == pytest.approx(
        abs(signed_area(corners)) / 1e4, rel=1e-3
    )


def test_a_polygon_covers_the_cells_that_hold_its_points() -> None:
    fine = (np.arange(400) + 0.5) / 4  # 40 x 40 points of each cell
    x, y = np.meshgrid(fine, fine)
    held = holds(STAR, x.ravel(), y.ravel()).reshape(10, 40, 10, 40).mean(axis=(1, 3))
    np.testing.assert_allclose(coverage(STAR, (100, 100), (10, 10)).whole(), held, atol=0.01)


@given(st.floats(0, 100), st.floats(0, 100))
def test_of_two_neighbours_exactly_one_holds_a_point(x: float, y: float) -> None:
    halves = [box_corners([0, 0, 50, 101]), box_corners([50, 0, 101, 101])]
    assert sum(bool(holds(half, np.array([x]), np.array([y]))[0]) for half in halves) == 1


def test_each_point_may_have_a_polygon_of_its_own() -> None:
    moving = box_corners([0, 0, 10, 10]) + np.array([[[0, 0]], [[20, 0]], [[40, 0]]])
    assert holds(moving, np.array([5, 5, 45.0]), np.array([5, 5, 5.0])).tolist() == [True, False, True]


def test_a_margin_moves_every_side_outwards() -> None:
    wider = widened(box_corners([10, 20, 30, 40]), 5)
    np.testing.assert_allclose(wider, box_corners([5, 15, 35, 45]))
    np.testing.assert_allclose(widened(box_corners([10, 20, 30, 40])[::-1], 5)[::-1], wider)
    assert is_box(wider)
    sides = np.hypot(*(np.roll(TRIANGLE, -1, axis=0) - TRIANGLE).T).sum()
    assert signed_area(widened(TRIANGLE, 0.01)) - signed_area(TRIANGLE) == pytest.approx(0.01 * sides, rel=1e-3)


def test_crossing_sides_are_found() -> None:
    assert crosses_itself(np.array([[0, 0], [1, 1], [1, 0], [0, 1.0]]))
    assert not any(map(crosses_itself, (STAR, TRIANGLE, box_corners([0, 0, 1, 1]))))
