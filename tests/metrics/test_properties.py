"""What must hold for any maps: invariances, symmetries, bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from gfsalnet import metrics

Array = NDArray[Any]
SIZE_HW = (6, 8)
levels = arrays.arrays(np.int64, SIZE_HW, elements=st.integers(0, 1000))
maps = levels.map(lambda n: n / 1000).filter(lambda m: bool(np.ptp(m) > 0))
fixation_maps = arrays.arrays(np.bool_, SIZE_HW).filter(lambda f: 2 <= f.sum() < f.size)
scales = st.sampled_from([1e-290, 1e-30, 1e-6, 3.0, 255.0, 1e30, 1e290])


@given(maps, fixation_maps, fixation_maps)
def test_aucs_are_bounded(saliency: Array, fixation_map: Array, others: Array) -> None:
    values = [
        metrics.auc_judd(saliency, fixation_map),
        metrics.auc_borji(saliency, fixation_map, splits=3),
        metrics.auc_shuffled(saliency, fixation_map, others, splits=3),
    ]
    assert all(0 <= value <= 1 for value in values)


@given(maps, fixation_maps, st.sampled_from([np.exp, np.cbrt, np.square, lambda m: 7 * m - 3]))
def test_auc_judd_depends_on_the_order_alone(saliency: Array, fixation_map: Array, monotone: Any) -> None:
    assert metrics.auc_judd(monotone(saliency), fixation_map) == metrics.auc_judd(saliency, fixation_map)


@given(maps, fixation_maps, scales)
def test_every_metric_ignores_the_scale(saliency: Array, fixation_map: Array, scale: float) -> None:
    density = np.roll(saliency, 3)
    for metric in (metrics.auc_judd, metrics.nss):
        assert metric(saliency * scale, fixation_map) == pytest.approx(metric(saliency, fixation_map), abs=1e-11)
    for metric in (metrics.cc, metrics.sim, metrics.kldiv, metrics.emd):
        assert metric(saliency * scale, density) == pytest.approx(metric(saliency, density), abs=1e-9)


@given(maps, fixation_maps, st.floats(0.1, 100), st.floats(-100, 100))
def test_nss_and_cc_ignore_offset_and_scale(saliency: Array, fixation_map: Array, scale: float, offset: float) -> None:
    moved = scale * saliency + offset
    assert metrics.nss(moved, fixation_map) == pytest.approx(metrics.nss(saliency, fixation_map), abs=1e-8)
    assert metrics.cc(moved, saliency) == pytest.approx(1)
    assert metrics.cc(-moved, saliency) == pytest.approx(-1)


@given(maps, maps)
def test_cc_sim_and_emd_are_symmetric(first: Array, second: Array) -> None:
    assert metrics.cc(first, second) == pytest.approx(metrics.cc(second, first), abs=1e-12)
    for min_max in (True, False):
        there, back = metrics.sim(first, second, min_max=min_max), metrics.sim(second, first, min_max=min_max)
        assert there == pytest.approx(back, abs=1e-12)
    assert metrics.emd(first, second) == pytest.approx(metrics.emd(second, first), abs=1e-9)


def test_emd_of_maps_that_are_almost_the_same_is_symmetric_too() -> None:
    first, second = np.full((6, 8), 0.714), np.full((6, 8), 0.719)
    first[0, :2], second[0, :2] = (0.472, 0.001), (0.323, 0.001)
    assert metrics.emd(first, second) == pytest.approx(metrics.emd(second, first), abs=1e-9)


@given(maps, maps)
def test_bounds(first: Array, second: Array) -> None:
    assert -1 <= metrics.cc(first, second) <= 1
    assert 0 <= metrics.sim(first, second) <= 1
    assert metrics.kldiv(first, second) >= -first.size * 2.0**-51
    assert 0 <= metrics.emd(first, second) <= np.hypot(*SIZE_HW)


@given(maps)
def test_the_density_itself_is_the_perfect_prediction(density: Array) -> None:
    assert metrics.cc(density, density) == pytest.approx(1)
    assert metrics.sim(density, density) == pytest.approx(1)
    assert metrics.kldiv(density, density) == pytest.approx(0, abs=1e-12)
    assert metrics.emd(density, density) == 0


@given(maps, maps, fixation_maps)
def test_information_gain_over_itself_is_zero_and_antisymmetric(first: Array, second: Array, fixated: Array) -> None:
    assert metrics.information_gain(first, fixated, first) == 0
    there, back = metrics.information_gain(first, fixated, second), metrics.information_gain(second, fixated, first)
    assert there == pytest.approx(-back, abs=1e-9)


@given(maps, fixation_maps)
def test_turning_the_map_over_turns_nss_over(saliency: Array, fixation_map: Array) -> None:
    assert metrics.nss(-saliency, fixation_map) == pytest.approx(-metrics.nss(saliency, fixation_map), abs=1e-9)


@given(maps, fixation_maps, st.integers(0, 2**32))
def test_sampled_aucs_repeat_with_the_seed(saliency: Array, fixation_map: Array, seed: int) -> None:
    first, second = (
        metrics.auc_borji(saliency, fixation_map, splits=4, rng=np.random.default_rng(seed)) for _ in range(2)
    )
    assert first == second
