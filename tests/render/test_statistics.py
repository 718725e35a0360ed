from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gfsalnet.render.statistics import (
    FrameStatistics,
    area_holding,
    centroid_xy,
    entropy_bits,
    motion_change,
    motion_kldiv,
    motion_share,
    peak_xy,
)
from gfsalnet.types import Frame, Prediction

masses = arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.floats(0, 1, width=32))


def delta(size_hw: tuple[int, int], row: int, column: int) -> np.ndarray:
    density = np.zeros(size_hw, np.float32)
    density[row, column] = 1
    return density


def test_entropy_by_hand():
    assert entropy_bits(np.full((8, 16), 1 / 128, np.float32)) == pytest.approx(7)
    assert entropy_bits(delta((5, 5), 2, 3)) == 0
    assert np.copysign(1, entropy_bits(delta((5, 5), 2, 3))) == 1  # "-0.0000" would look odd in the table
    assert entropy_bits(np.array([[0.5, 0.25, 0.125, 0.125]], np.float32)) == pytest.approx(1.75)


def test_area_by_hand():
    density = np.array([[0.4, 0.1, 0.1], [0.1, 0.2, 0.1]], np.float32)
    assert area_holding(density, 0.39) == pytest.approx(1 / 6)
    assert area_holding(density) == pytest.approx(2 / 6)
    assert area_holding(density, 0.65) == pytest.approx(3 / 6)
    assert area_holding(density, 1) == 1
    assert area_holding(delta((5, 5), 0, 0), 1) == pytest.approx(1 / 25)
    assert area_holding(np.full((256, 320), 1 / 81920, np.float32)) == 0.5


@pytest.mark.parametrize("mass", [0, -0.1, 1.01])
def test_area_refuses_what_is_no_share(mass):
    with pytest.raises(ValueError, match="share above 0"):
        area_holding(np.ones((2, 2), np.float32), mass)


def test_a_map_without_mass_counts_as_uniform():
    empty = np.zeros((4, 4), np.float32)
    assert entropy_bits(empty) == pytest.approx(4)
    assert area_holding(empty) == pytest.approx(0.5)


@settings(max_examples=60)
@given(masses, st.floats(0.01, 1))
def test_area_is_the_fewest_pixels(density, mass):
    count = round(area_holding(density, mass) * density.size)
    total = density.sum(dtype=np.float64)
    ranked = np.sort(density.ravel().astype(np.float64))[::-1]
    if total > 0:
        assert ranked[:count].sum() >= mass * total * (1 - 1e-9)
        assert ranked[: count - 1].sum() <= mass * total * (1 + 1e-9)


@settings(max_examples=60)
@given(masses)
def test_entropy_stays_in_its_range_and_ignores_place_and_scale(density):
    bits = entropy_bits(density)
    assert 0 <= bits <= np.log2(density.size) + 1e-9
    assert entropy_bits(density[::-1].T) == pytest.approx(bits, abs=1e-6)
    assert entropy_bits(density * 4) == pytest.approx(bits, abs=1e-6)


def test_peak_maps_pixel_centres(make_prediction):
    # Map pixel (column 3, row 1) of an 8x4 map covers x 24…32, y 6…12 of a 64x24 frame, in edges: centre 27.5, 8.5.
    assert peak_xy(make_prediction(size_hw=(24, 64), density=delta((4, 8), 1, 3))) == (27.5, 8.5)
    assert peak_xy(make_prediction(size_hw=(24, 64), density=delta((24, 64), 20, 63))) == (63, 20)


def test_peak_lies_inside_a_frame_coarser_than_the_map(make_prediction):
    assert peak_xy(make_prediction(size_hw=(2, 2), density=delta((10, 10), 0, 0))) == (0, 0)
    assert peak_xy(make_prediction(size_hw=(2, 2), density=delta((10, 10), 9, 9))) == (1, 1)
    assert peak_xy(make_prediction(size_hw=(1, 1), density=delta((10, 10), 4, 9))) == (0, 0)


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_peak_follows_a_mirrored_map(h, w, data):
    row, column = data.draw(st.integers(0, h - 1)), data.draw(st.integers(0, w - 1))
    frame = Frame(np.zeros((30, 50, 3), np.uint8))
    x, y = peak_xy(Prediction(frame=frame, map_density=delta((h, w), row, column)))
    mirrored_x, mirrored_y = peak_xy(Prediction(frame=frame, map_density=delta((h, w), h - 1 - row, w - 1 - column)))
    assert x + mirrored_x == pytest.approx(49)
    assert y + mirrored_y == pytest.approx(29)


def test_motion_share_is_weighted_by_the_density(make_prediction):
    density = np.array([[0.75, 0.25]], np.float32)
    gate = np.array([[0.2, 0.6]], np.float32)
    assert motion_share(make_prediction(density=density, gate=gate)) == pytest.approx(0.75 * 0.8 + 0.25 * 0.4)
    assert motion_share(make_prediction(density=density)) is None


def test_frame_statistics_agree_with_the_functions(make_prediction):
    prediction = make_prediction(7, gate=0.25)
    row = FrameStatistics.of(prediction)
    assert (row.frame_index, row.time_seconds, row.starts_shot) == (7, pytest.approx(0.28), False)
    assert (row.peak_x, row.peak_y) == peak_xy(prediction)
    assert row.entropy_bits == entropy_bits(prediction.map_density)
    assert row.area_50_percent == area_holding(prediction.map_density, 0.5)
    assert row.motion_share == pytest.approx(0.75)
    assert FrameStatistics.of(replace(prediction, starts_shot=True)).starts_shot
    assert [field.name for field in fields(row)][:2] == ["frame_index", "time_seconds"]


def test_the_centroid_is_the_mean_place_in_pixels_of_the_frame(make_prediction):
    corner = make_prediction(size_hw=(40, 80), density=delta((10, 20), 0, 0))
    assert centroid_xy(corner) == pytest.approx((1.5, 1.5))  # the middle of the first 4×4 pixels
    even = make_prediction(size_hw=(40, 80), density=np.full((10, 20), 1 / 200, np.float32))
    assert centroid_xy(even) == pytest.approx((39.5, 19.5))


def test_motion_changes_as_much_as_it_moves(make_prediction):
    here, there = delta((4, 4), 0, 0), delta((4, 4), 3, 3)
    prediction = replace(make_prediction(density=(here * 3 + there) / 4, gate=0.5), map_appearance=here)
    assert motion_change(prediction) == pytest.approx(0.25)
    assert motion_change(make_prediction(density=here)) is None


def test_drift_and_cuts_know_the_frame_before(make_prediction):
    first = FrameStatistics.of(make_prediction(0, size_hw=(40, 40), density=delta((4, 4), 0, 0)))
    assert (first.centroid_drift_pixels, first.shot_cut, first.starts_shot) == (None, False, True)
    second = make_prediction(1, size_hw=(40, 40), density=delta((4, 4), 3, 0))
    assert FrameStatistics.of(second, first).centroid_drift_pixels == pytest.approx(30)
    assert FrameStatistics.of(replace(second, starts_shot=True), first).shot_cut


def test_what_motion_does_to_the_map_in_nats(make_prediction):
    moved, alone = (np.array([shares], np.float32) for shares in ((0.5, 0.5, 0), (0.25, 0.5, 0.25)))
    assert motion_kldiv(replace(make_prediction(density=moved), map_appearance=alone)) == pytest.approx(np.log(2) / 2)
    assert motion_kldiv(replace(make_prediction(density=moved), map_appearance=moved)) == 0
    assert motion_kldiv(make_prediction(density=moved)) is None
