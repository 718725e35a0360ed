from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.video.stamps import Clock


def times(stamps, time_base=Fraction(1, 100), rate=Fraction(10)):
    clock = Clock(time_base, rate)
    return [clock.seconds(stamp) for stamp in stamps]


def test_stamps_count_from_the_first():
    assert times([500, 510, 535]) == [0.0, 0.1, 0.35]
    assert times([-20, 0, 10]) == [0.0, 0.2, 0.3]


def test_missing_stamps_are_an_interval_apart():
    assert times([None, None, None]) == [0.0, 0.1, 0.2]
    assert times([None, 70, 80]) == [0.0, 0.1, 0.2]
    assert times([0, None, 20]) == [0.0, 0.1, 0.2]


def test_repeated_stamps_move_by_a_tick():
    assert times([0, 10, 10, 9, 20]) == [0.0, 0.1, 0.11, 0.12, 0.2]


def test_time_runs_on_where_the_stamps_start_anew():
    assert times([0, 100, 200, 0, 10]) == [0.0, 1.0, 2.0, 2.1, 2.2]
    assert times([0, 10, 20, 30, 40, 0, 10]) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


@given(st.lists(st.none() | st.integers(-(10**6), 10**6), min_size=1, max_size=40))
def test_times_always_grow_from_zero(stamps):
    result = times(stamps)
    assert result[0] == 0
    assert all(before < after for before, after in itertools.pairwise(result))
