"""Peaks, cuts and stretches of courses whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gfsalnet.apply.marks import Course, MarkSettings, find_marks, second_place
from gfsalnet.apply.marks.finding import prominent, smoothed

RATE = 10


def course(area, *, split=None, cuts=(), times=None):
    area = np.asarray(area, float)
    times = np.arange(area.size) / RATE if times is None else np.asarray(times, float)
    marked = np.zeros(area.size, bool)
    marked[list(cuts)] = True
    split = None if split is None else np.asarray(split, float)
    return Course(times_seconds=times, end_seconds=float(times[-1]) + 1 / RATE, area=area, split=split, cuts=marked)


@given(arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 8)))
def test_prominences_are_those_of_scipy(values):
    signal = pytest.importorskip("scipy.signal")
    places, found = signal.find_peaks(values.astype(float), prominence=0)
    assert prominent(values.astype(float)) == list(zip(places.tolist(), found["prominences"].tolist(), strict=True))


def test_a_peak_is_where_the_area_is_smallest_between_larger_ones():
    area = 0.1 * np.ones(60)
    area[15], area[40], area[50] = 0.02, 0.08, 0.04
    at_once = MarkSettings(smooth_seconds=0, prominence=1.5)
    peaks = find_marks(course(area), at_once)
    assert [(m.name, m.start_seconds, m.end_seconds) for m in peaks] == [("Peak 1", 1.5, 1.5), ("Peak 2", 5.0, 5.0)]
    assert [m.value for m in peaks] == pytest.approx([0.02, 0.04])
    assert [m.prominence for m in peaks] == pytest.approx([5, 2.5])
    assert peaks[0].comment == "half of the looks on 2.0% of the picture; 5.0 times as much around it"
    assert len(find_marks(course(area), MarkSettings(smooth_seconds=0, prominence=1.2))) == 3
    assert len(find_marks(course(area), MarkSettings(smooth_seconds=0, prominence=3))) == 1


def test_averages_go_by_duration_and_not_over_cuts():
    times = [0, 0.1, 0.2, 0.6, 0.7, 0.8]
    values = np.array([1.0, 1, 1, 3, 8, 8])
    found = smoothed(course(values, times=times, cuts=[4]), values, 0.4)
    # Around the middle of the fourth frame, 0.65 s: 0.15 s of the third, 0.1 s of itself; then comes the cut.
    assert found[3] == pytest.approx((0.15 * 1 + 0.1 * 3) / 0.25)
    assert found[4:] == pytest.approx([8, 8])
    np.testing.assert_array_equal(smoothed(course(values, times=times), values, 0), values)


def test_stretches_last_as_long_as_asked_for():
    area = np.full(100, 0.05)
    area[20:45], area[60:64] = 0.2, 0.3
    split = np.zeros(100)
    split[70:85] = 0.8
    settings = MarkSettings(smooth_seconds=0, prominence=100, spread_area=0.15, split_ratio=0.5, least_seconds=1)
    marks = find_marks(course(area, split=split), settings)
    assert [(m.kind, m.start_seconds, m.end_seconds, m.value) for m in marks] == [
        ("spread", 2.0, 4.5, 0.2),
        ("split", 7.0, 8.5, 0.8),
    ]
    assert [m.comment for m in marks] == [
        "half of the looks on 20.0% of the picture",
        "the second place draws 80% of what the first draws",
    ]
    brief = MarkSettings(smooth_seconds=0, prominence=100, least_seconds=0.4)
    assert [m.name for m in find_marks(course(area), brief)] == ["Spread looks 1", "Spread looks 2"]


def test_cuts_are_numbered_and_all_is_in_order():
    area = np.full(40, 0.1)
    area[15] = 0.01
    marks = find_marks(course(area, cuts=[10, 20]), MarkSettings(smooth_seconds=0))
    assert [m.name for m in marks] == ["Cut 1", "Peak 1", "Cut 2"]
    assert marks[0].comment == "the picture is cut"


@pytest.mark.parametrize("area", [[0.1], [0.1] * 30, np.linspace(0.3, 0.01, 30), [0.2, 0.1]])
def test_what_has_no_peak_has_none(area):
    marks = find_marks(course(area), MarkSettings(spread_area=1))
    assert marks == []


def test_a_single_frame_can_be_spread_or_not():
    settings = MarkSettings(spread_area=0.1, least_seconds=0)
    assert [m.kind for m in find_marks(course([0.2], split=[0.0]), settings)] == ["spread"]


def test_the_second_place_counts_by_its_looks():
    density = np.zeros((10, 20), np.float32)
    density[2, 2:5] = 0.2
    assert second_place(density) == 0
    density[7:9, 15] = 0.1  # half of the looks are on the first place alone
    assert second_place(density) == 0
    density[7:9, 15] = 0.21
    assert second_place(density) == pytest.approx(0.42 / 0.6)
    density[4, 9] = 0.3  # then half of the looks are on this one and on the second
    assert second_place(density) == pytest.approx(0.3 / 0.42)
    assert second_place(np.full((4, 4), 1 / 16, np.float32)) == 0
