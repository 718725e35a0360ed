"""Small cases worked out by hand, what is undefined, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gfsalnet import metrics

Array = NDArray[Any]
RAMP = np.arange(12.0).reshape(3, 4)
FIXATED = np.zeros((3, 4), np.uint8)
FIXATED[2, 1] = FIXATED[1, 2] = 1  # values 9 and 6
ON_FIXATIONS = {
    "auc_judd": metrics.auc_judd,
    "auc_borji": metrics.auc_borji,
    "auc_shuffled": lambda s, f: metrics.auc_shuffled(s, f, np.eye(3, 4)),
    "nss": metrics.nss,
    "information_gain": lambda s, f: metrics.information_gain(s, f, RAMP[::-1]),
}
ON_DENSITIES = {"cc": metrics.cc, "sim": metrics.sim, "kldiv": metrics.kldiv, "emd": metrics.emd}


def test_auc_judd() -> None:
    # Threshold 9: 2 of 10 others; threshold 6: 4 of 10. (0, 0) (.2, .5) (.4, 1) (1, 1)
    assert metrics.auc_judd(RAMP, FIXATED) == pytest.approx(0.05 + 0.15 + 0.6)
    assert metrics.auc_judd(RAMP, FIXATED, ties="reference") == pytest.approx(0.8)


def test_auc_judd_with_ties() -> None:
    # All twelve tie in two levels; both fixations lie on the upper six: (0, 0) (.4, 1) (1, 1)
    levels = RAMP >= 6
    assert metrics.auc_judd(levels, FIXATED) == pytest.approx(0.2 + 0.6)
    # One threshold a fixation: the first has tp .5 and fp (6 - 1) / 10, the second tp 1 and fp (6 - 2) / 10.
    assert metrics.auc_judd(levels, FIXATED, ties="reference") == pytest.approx(0.125 - 0.075 + 0.6)
    jittered = [metrics.auc_judd(levels, FIXATED, jitter=seed) for seed in range(200)]
    # Jitter puts on average 4/3 and 8/3 of the four other upper pixels before the first and the second fixation.
    assert np.mean(jittered) == pytest.approx(0.4 / 3 * 0.25 + 0.4 / 3 * 0.75 + (1 - 0.8 / 3), abs=0.03)
    assert metrics.auc_judd(levels, FIXATED, jitter=5) == jittered[5]


def test_sampled_aucs_on_given_draws() -> None:
    saliency = [[0.0, 0.55, 1.0]]
    fixated = [[0, 1, 1]]
    # Thresholds 1, .9 … 0: tp is .5 down to .6, 1 from .5 on; the draws (0, 1) reach fp .5 at 1.0 and 1 at 0.
    assert metrics.auc_borji(saliency, fixated, indices=[[0], [2]]) == pytest.approx(0.5 * 0.5 / 2 + 0.5 * 1)
    draws = [[0, 2]]  # two splits of one pixel each: beaten by both, then beating one and tying with the other
    assert metrics.auc_shuffled(saliency, fixated, [[1, 0, 1]], indices=draws) == pytest.approx((1 + 0.25) / 2)


def test_steps_reach_the_highest_value() -> None:
    # 0.6 / 0.1 is 5.999…: the step at 0.6 still counts, and separates it from 0.55.
    saliency = [[0.0, 0.55, 0.6, 1.0]]
    assert metrics.auc_shuffled(saliency, [[0, 0, 1, 0]], [[0, 1, 0, 0]], indices=[[1]]) == 1


def test_nss() -> None:
    # Mean 5.5, sum of squares 143.
    assert metrics.nss(RAMP, FIXATED) == pytest.approx((7.5 - 5.5) / math.sqrt(143 / 11))
    assert metrics.nss(RAMP, FIXATED, ddof=0) == pytest.approx((7.5 - 5.5) / math.sqrt(143 / 12))
    counts = FIXATED * np.array([[1], [2], [1]])  # the pixel of value 6 twice
    assert metrics.nss(RAMP, counts, ddof=0, per_fixation=True) == pytest.approx((7 - 5.5) / math.sqrt(143 / 12))
    assert metrics.nss(RAMP, counts) == metrics.nss(RAMP, FIXATED)


def test_information_gain() -> None:
    gain = metrics.information_gain([[1, 2, 5]], [[0, 1, 1]], [[0, 4, 4]])  # [0, 1/5, 4/5] against [0, 1/2, 1/2]
    assert gain == pytest.approx((math.log2(0.4) + math.log2(1.6)) / 2)
    gain = metrics.information_gain([[1, 2, 5]], [[0, 1, 3]], [[1, 1, 2]], min_max=False, per_fixation=True)
    assert gain == pytest.approx((0 + 3 * math.log2(1.25)) / 4)


def test_sim_and_the_floor() -> None:
    saliency, density = [[1, 1, 2, 4]], [[0, 0, 3, 1]]
    assert metrics.sim(saliency, density) == pytest.approx(0.25 + 0.25)  # [0, 0, 1/4, 3/4]
    assert metrics.sim(saliency, density, min_max=False) == pytest.approx(0.25 + 0.25)  # [1/8, 1/8, 1/4, 1/2]


def test_kldiv() -> None:
    assert metrics.kldiv([[1, 3]], [[1, 1]]) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    missed = metrics.kldiv([[0, 1]], [[1, 1]])  # half of the mass where the prediction is 0
    assert missed == pytest.approx(0.5 * math.log(0.5 / 2**-52) + 0.5 * math.log(0.5))
    assert metrics.kldiv([[0, 1]], [[1, 1]], eps=1e-7) == pytest.approx(
        0.5 * math.log(1e-7 + 0.5e7) + 0.5 * math.log(0.5), abs=1e-6
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.float16, np.float32, np.float64])
def test_the_dtype_changes_nothing(dtype: type[Any]) -> None:
    for metric in (metrics.auc_judd, metrics.auc_borji, metrics.nss):
        assert metric(RAMP.astype(dtype), FIXATED.astype(dtype)) == pytest.approx(metric(RAMP, FIXATED), abs=1e-12)
        assert metric(RAMP.astype(dtype), FIXATED * np.uint8(255)) == pytest.approx(metric(RAMP, FIXATED), abs=1e-12)
    for density_metric in ON_DENSITIES.values():
        expected = density_metric(RAMP, RAMP.T.reshape(3, 4))
        assert density_metric(RAMP.astype(dtype), RAMP.T.reshape(3, 4)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ON_FIXATIONS)
def test_undefined_on_fixations(name: str) -> None:
    metric = ON_FIXATIONS[name]
    assert math.isfinite(metric(RAMP, FIXATED))
    for label, saliency in (unusable_maps() | {"constant": np.full((3, 4), 0.1)}).items():
        assert math.isnan(metric(saliency, FIXATED)), label
    assert math.isnan(metric(RAMP, np.zeros((3, 4), bool)))


@pytest.mark.parametrize("name", ON_DENSITIES)
def test_undefined_on_densities(name: str) -> None:
    metric = ON_DENSITIES[name]
    for label, unusable in unusable_maps().items():
        assert math.isnan(metric(unusable, RAMP)), label
        assert math.isnan(metric(RAMP, unusable)), label
    constant = np.full((3, 4), 0.1)
    assert math.isnan(metric(constant, RAMP)) == (name in ("cc", "sim"))


def unusable_maps() -> dict[str, Array]:
    nan, infinite = RAMP.copy(), RAMP.copy()
    nan[0, 1], infinite[0, 1] = np.nan, np.inf
    return {"zero": np.zeros((3, 4)), "NaN": nan, "infinite": infinite, "all NaN": np.full((3, 4), np.nan)}


def test_undefined_by_the_number_of_fixations() -> None:
    one = np.zeros((3, 4), bool)
    one[1, 1] = True
    assert math.isnan(metrics.auc_borji(RAMP, one))
    assert math.isfinite(metrics.auc_judd(RAMP, one))
    everywhere = np.ones((3, 4), bool)
    assert math.isnan(metrics.auc_judd(RAMP, everywhere))
    assert metrics.nss(RAMP, everywhere) == pytest.approx(0, abs=1e-15)
    assert math.isnan(metrics.auc_shuffled(RAMP, FIXATED, np.zeros((3, 4))))


@pytest.mark.parametrize("metric", [*ON_FIXATIONS.values(), *ON_DENSITIES.values()])
def test_refuses_what_is_no_pair_of_maps(metric: Any) -> None:
    with pytest.raises(ValueError, match="resize the prediction to the ground truth"):
        metric(np.zeros((3, 5)), FIXATED)
    with pytest.raises(ValueError, match=r"one \(H, W\) map, not an array of shape \(3, 4, 1\)"):
        metric(RAMP[..., None], FIXATED)
    with pytest.raises(ValueError, match=r"one \(H, W\) map, not an array of shape \(0, 4\)"):
        metric(RAMP[:0], FIXATED[:0])
    with pytest.raises(ValueError, match="real numbers, not complex128"):
        metric(RAMP * 1j, FIXATED)


def test_refuses_coordinates_and_densities_for_fixations() -> None:
    with pytest.raises(ValueError, match=r"coordinates: make a map with fixation_map\[y, x\] = 1"):
        metrics.nss(RAMP, np.array([[0, 1], [2, 2], [1, 3]]))
    for bad in (RAMP / 7, -RAMP, np.where(RAMP > 5, np.nan, 0)):
        with pytest.raises(ValueError, match="not the blurred density"):
            metrics.nss(RAMP, bad)


def test_refuses_negative_maps_where_a_density_is_needed() -> None:
    shifted = RAMP - 3
    calls: dict[str, Callable[[], float]] = {
        "kldiv": lambda: metrics.kldiv(shifted, RAMP),
        "kldiv, density": lambda: metrics.kldiv(RAMP, shifted),
        "sim without min-max": lambda: metrics.sim(shifted, RAMP, min_max=False),
        "sim, density": lambda: metrics.sim(RAMP, shifted),
        "emd": lambda: metrics.emd(shifted, RAMP),
        "gain without min-max": lambda: metrics.information_gain(shifted, FIXATED, RAMP, min_max=False),
    }
    for call in calls.values():
        with pytest.raises(ValueError, match="negative values down to -3"):
            call()
    assert metrics.sim(shifted, RAMP) == pytest.approx(1)  # after min-max the offset is gone


def test_refuses_unknown_ties_and_bad_indices() -> None:
    with pytest.raises(ValueError, match='ties must be "together"'):
        metrics.auc_judd(RAMP, FIXATED, ties="half")  # type: ignore[arg-type]  # that is the test
    for indices in ([[12]], [[-1]], [0, 1], [[0.5]]):
        with pytest.raises(ValueError, match="indices must"):
            metrics.auc_borji(RAMP, FIXATED, indices=indices)
