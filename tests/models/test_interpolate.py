"""Maps for the frames that were not looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest

from gfsalnet.maps import FrameMaps
from gfsalnet.models.interpolate import interpolate


class Item(NamedTuple):
    """Stands for a frame."""

    number: int
    starts_shot: bool = False


def flat(value: float) -> FrameMaps:
    """Maps of one value each, all different."""
    return FrameMaps(*(np.full((2, 3), value * factor, np.float32) for factor in (1, 10, 100, 1000)))


def filled(given: list[tuple[Item, FrameMaps | None]]) -> list[tuple[int, float]]:
    """Item by item, the value of its saliency; that the other maps go along is made sure of."""
    found = []
    for item, maps in interpolate(iter(given), lambda item: item.starts_shot):
        value = float(maps.saliency[0, 0])
        for values, expected in zip(maps, flat(value), strict=True):
            assert values is not None
            assert values.dtype == np.float32
            assert values.shape == (2, 3)
            assert np.allclose(values, expected, rtol=1e-6)
        found.append((item.number, pytest.approx(value)))
    return found


def test_between_two_maps_it_passes_linearly_from_one_to_the_other() -> None:
    given = [(Item(0, True), flat(1)), (Item(1), None), (Item(2), None), (Item(3), None), (Item(4), flat(9))]
    assert filled([*given, (Item(5), None), (Item(6), flat(3))]) == [
        (0, 1), (1, 3), (2, 5), (3, 7), (4, 9), (5, 6), (6, 3),
    ]  # fmt: skip


def test_the_last_maps_stay_up_to_the_end() -> None:
    given = [(Item(0, True), flat(1)), (Item(1), flat(2)), (Item(2), None), (Item(3), None)]
    assert filled(given) == [(0, 1), (1, 2), (2, 2), (3, 2)]


def test_nothing_passes_across_a_cut() -> None:
    """Before it the last maps stay; after it nothing is left of them."""
    before = [(Item(0, True), flat(1)), (Item(1), None), (Item(2), None)]
    after = [(Item(3, True), flat(9)), (Item(4), None), (Item(5), flat(7))]
    assert filled(before + after) == [(0, 1), (1, 1), (2, 1), (3, 9), (4, 8), (5, 7)]


def test_shots_of_one_frame() -> None:
    assert filled([(Item(n, True), flat(n)) for n in range(3)]) == [(0, 0), (1, 1), (2, 2)]


def test_maps_that_were_made_are_handed_on_as_they_are() -> None:
    maps = [flat(1), flat(2)]
    given = [(Item(0, True), maps[0]), (Item(1), None), (Item(2), maps[1])]
    found = [found for _, found in interpolate(given, lambda item: item.starts_shot)]
    assert found[0] is maps[0]
    assert found[2] is maps[1]
    assert np.array_equal(maps[0].saliency, flat(1).saliency)  # and what is mixed of them is a new array


def test_a_network_of_one_stream_has_no_other_maps_between_either() -> None:
    def motion_alone(value: float) -> FrameMaps:
        return FrameMaps(np.full((2, 3), value, np.float32), None, np.full((2, 3), -value, np.float32), None)

    given = [(Item(0, True), motion_alone(2)), (Item(1), None), (Item(2), motion_alone(4))]
    between = list(interpolate(given, lambda item: item.starts_shot))[1][1]
    assert (between.appearance, between.gate) == (None, None)
    assert np.array_equal(between.saliency, np.full((2, 3), 3))
    assert between.motion is not None
    assert np.array_equal(between.motion, np.full((2, 3), -3))


def test_a_mixture_of_densities_is_a_density() -> None:
    rng = np.random.default_rng(0)
    one, other = (FrameMaps(rng.dirichlet(np.ones(12)).astype(np.float32).reshape(3, 4), *[None] * 3) for _ in range(2))
    given = [(Item(0, True), one), *((Item(n), None) for n in range(1, 7)), (Item(7), other)]
    for _, maps in interpolate(given, lambda item: item.starts_shot):
        assert maps.saliency.sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)
        assert maps.saliency.min() >= 0


def test_items_wait_only_for_the_next_that_has_maps() -> None:
    taken = []

    def given() -> Iterator[tuple[Item, FrameMaps | None]]:
        for number in range(9):
            taken.append(number)
            yield Item(number, number == 0), flat(number) if number % 3 == 0 else None

    needed = {item.number: len(taken) for item, _ in interpolate(given(), lambda item: item.starts_shot)}
    assert needed == {0: 1, 1: 4, 2: 4, 3: 4, 4: 7, 5: 7, 6: 7, 7: 9, 8: 9}


def test_nothing_comes_of_nothing() -> None:
    assert filled([]) == []
