"""The path of a crop: the optimum, its limits, and the curve through it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.apply.reframe.path import SPEEDS_EACH_WAY, cheapest_path, kept_shares, spline


def test_kept_shares_by_hand() -> None:
    looks = np.array([[0.1, 0.2, 0.3, 0.4], [1.0, 0.0, 0.0, 0.0]])
    found = kept_shares(looks, np.array([0.0, 0.125, 0.5]), 0.5)
    np.testing.assert_allclose(found, [[0.3, 0.4, 0.7], [1.0, 0.5, 0.0]])
    each = kept_shares(looks, np.array([[0.5], [0.0]]), 0.5)
    np.testing.assert_allclose(each, [[0.7], [1.0]])


@pytest.mark.parametrize("seed", range(6))
def test_no_path_is_cheaper(seed: int) -> None:
    losses = np.random.default_rng(seed).random((5, 4))
    way, turn = (0.05, 0.1) if seed % 2 else (0.3, 0.02)

    def cost(path: tuple[int, ...]) -> float:
        steps = np.diff(path)
        return float(losses[range(5), path].sum() + way * np.abs(steps).sum() + turn * np.abs(np.diff(steps)).sum())

    found = tuple(cheapest_path(losses, way, turn).tolist())
    assert cost(found) == pytest.approx(min(map(cost, itertools.product(range(4), repeat=5))))


def test_it_stands_still_where_moving_gains_nothing() -> None:
    assert len(set(cheapest_path(np.zeros((20, 50)), 0.01, 0.01).tolist())) == 1


def test_it_never_goes_faster_than_its_limit() -> None:
    losses = np.ones((30, 200))
    losses[:15, 0], losses[15:, 199] = 0, 0
    steps = np.diff(cheapest_path(losses, 0.0, 0.0))
    assert np.abs(steps).max() == SPEEDS_EACH_WAY


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12))
def test_the_curve_lies_between_its_points_and_is_no_faster(points: list[float]) -> None:
    given_points = np.array(points)
    places = np.linspace(-0.5, len(points) - 0.5, 101)
    curve = spline(given_points, places)
    assert curve.min() >= given_points.min() - 1e-9
    assert curve.max() <= given_points.max() + 1e-9
    fastest = np.abs(np.diff(given_points)).max(initial=0)
    assert np.abs(np.diff(curve) / np.diff(places)).max() <= fastest + 1e-6


def test_the_curve_keeps_lines_and_rests() -> None:
    np.testing.assert_allclose(spline(np.full(6, 3.0), np.linspace(0, 5, 20)), 3.0)
    np.testing.assert_allclose(spline(np.arange(9.0), np.linspace(2, 6, 20)), np.linspace(2, 6, 20))
