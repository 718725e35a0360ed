"""The fast metrics equal the plain definitions to 1e-12, whatever the maps hold."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from gfsalnet import metrics
from gfsalnet.metrics.counting import noisy_below, pixels_below

Array = NDArray[Any]
SIZE_HW = (7, 9)
EPS = 2.0**-52


def exact(values: Array) -> Array:
    return values.astype(np.float64).astype(np.longdouble)


def plain_auc_judd(saliency: Array, fixation_map: Array) -> float:
    s, fixated = saliency.astype(np.float64), fixation_map > 0
    n_fixated, n_others = int(fixated.sum()), int((~fixated).sum())
    if s.max() == s.min() or n_fixated == 0 or n_others == 0:
        return math.nan
    points = [(0.0, 0.0)]
    for threshold in sorted(set(s[fixated].tolist()), reverse=True):
        points.append(((s[~fixated] >= threshold).sum() / n_others, (s[fixated] >= threshold).sum() / n_fixated))
    points.append((1.0, 1.0))
    return float(sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pairwise(points)))


def plain_nss(saliency: Array, fixation_map: Array) -> float:
    s = exact(saliency)
    if s.max() == s.min() or not (fixation_map > 0).any():
        return math.nan
    s = (s - s.min()) / (s.max() - s.min())
    return float((s[fixation_map > 0].mean() - s.mean()) / s.std(ddof=1))


def plain_cc(saliency: Array, density: Array) -> float:
    s, d = exact(saliency), exact(density)
    if s.max() == s.min() or d.max() == d.min():
        return math.nan
    s, d = ((m - m.min()) / (m.max() - m.min()) for m in (s, d))
    s, d = s - s.mean(), d - d.mean()
    return float((s * d).sum() / np.sqrt((s * s).sum() * (d * d).sum()))


def plain_sim(saliency: Array, density: Array) -> float:
    s, d = exact(saliency), exact(density)
    if s.max() == s.min() or d.max() == d.min():
        return math.nan
    s, d = s - s.min(), d - d.min()
    return float(np.minimum(s / s.sum(), d / d.sum()).sum())


def plain_kldiv(saliency: Array, density: Array) -> float:
    p, q = exact(saliency), exact(density)
    if p.max() == 0 or q.max() == 0:
        return math.nan
    p, q = p / p.sum(), q / q.sum()
    return float((q * np.log(EPS + q / (p + EPS))).sum())


def plain_information_gain(saliency: Array, fixation_map: Array, baseline: Array) -> float:
    s, b = exact(saliency), exact(baseline)
    if s.max() == s.min() or b.max() == b.min() or not (fixation_map > 0).any():
        return math.nan
    s, b = s - s.min(), b - b.min()
    s, b = s / s.sum(), b / b.sum()
    return float((np.log2(EPS + s) - np.log2(EPS + b))[fixation_map > 0].mean())


def values_of(kind: str) -> st.SearchStrategy[Array]:
    of = {
        "uint8": lambda: arrays.arrays(np.uint8, SIZE_HW),
        "uint16": lambda: arrays.arrays(np.uint16, SIZE_HW),
        "bool": lambda: arrays.arrays(np.bool_, SIZE_HW),
        "int64": lambda: arrays.arrays(np.int64, SIZE_HW, elements=st.integers(0, 2**40)),
        "float16": lambda: arrays.arrays(np.float16, SIZE_HW, elements=st.floats(0, 6e4, width=16)),
        "float32": lambda: arrays.arrays(np.float32, SIZE_HW, elements=st.floats(0, 2.0**100, width=32)),
        "float64": lambda: arrays.arrays(np.float64, SIZE_HW, elements=st.floats(0, 1e300)),
        "ties": lambda: arrays.arrays(np.float64, SIZE_HW, elements=st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 1.0])),
        "nearly constant": lambda: arrays.arrays(np.int64, SIZE_HW, elements=st.integers(0, 9)).map(
            lambda n: 1 + n * 2.0**-52
        ),
        "subnormal": lambda: arrays.arrays(np.int64, SIZE_HW, elements=st.integers(0, 9)).map(lambda n: n * 5e-324),
        "noise": lambda: st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random(SIZE_HW)),
    }
    return of[kind]()


KINDS = ("uint8", "uint16", "bool", "int64", "float16", "float32", "float64", "ties", "nearly constant", "subnormal")
saliency_maps = st.sampled_from((*KINDS, "noise")).flatmap(values_of)
fixation_maps = arrays.arrays(np.bool_, SIZE_HW)


def near(golden: float) -> Any:
    return pytest.approx(golden, rel=1e-12, abs=1e-12, nan_ok=True)


@pytest.mark.slow
@settings(max_examples=3 * settings.default.max_examples)
@given(saliency_maps, fixation_maps, saliency_maps)
def test_fast_equals_plain(saliency: Array, fixation_map: Array, density: Array) -> None:
    assert metrics.auc_judd(saliency, fixation_map) == near(plain_auc_judd(saliency, fixation_map))
    assert metrics.nss(saliency, fixation_map) == near(plain_nss(saliency, fixation_map))
    assert metrics.cc(saliency, density) == near(plain_cc(saliency, density))
    assert metrics.sim(saliency, density) == near(plain_sim(saliency, density))
    assert metrics.kldiv(saliency, density) == near(plain_kldiv(saliency, density))
    gain = plain_information_gain(saliency, fixation_map, density)
    assert metrics.information_gain(saliency, fixation_map, density) == near(gain)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_fast_equals_plain_on_maps_of_several_slices(dtype: type[Any]) -> None:
    rng = np.random.default_rng(3)
    size_hw = (211, 173)  # odd, and more than two slices
    saliency = (rng.random(size_hw) ** 4 * 255).astype(dtype)
    saliency[:40] = 0
    density = rng.random(size_hw).astype(np.float32)
    fixation_map = (rng.random(size_hw) < 0.01).astype(np.uint8)
    assert metrics.auc_judd(saliency, fixation_map) == near(plain_auc_judd(saliency, fixation_map))
    assert metrics.nss(saliency, fixation_map) == near(plain_nss(saliency, fixation_map))
    for name in ("cc", "sim", "kldiv"):
        assert getattr(metrics, name)(saliency, density) == near(globals()[f"plain_{name}"](saliency, density))


@given(saliency_maps)
def test_counts_below_are_exact(saliency: Array) -> None:
    prepared = metrics.PreparedMap(saliency)
    thresholds = prepared.raw[::5]
    values = saliency.ravel()
    below = [(values < t).sum() for t in values[::5]]
    upto = [(values <= t).sum() for t in values[::5]]
    assert pixels_below(prepared.raw, thresholds).tolist() == below
    assert pixels_below(prepared.raw, thresholds, inclusive=True).tolist() == upto


LARGE = {
    "skewed": lambda rng: np.exp(6 * rng.standard_normal(60_000)),
    "of both signs": lambda rng: rng.standard_normal(60_000),
    "negative": lambda rng: -np.exp(rng.standard_normal(60_000)),
    "zero with a fringe": lambda rng: np.maximum(rng.standard_normal(60_000), 0),
    "close to each other": lambda rng: 1 + rng.integers(200, size=60_000) / 256 + 1e-10 * rng.random(60_000),
    "levels with noise": lambda rng: np.round(rng.random(60_000) ** 9 * 255) / 255 + 1e-7 * rng.random(60_000),
    "levels": lambda rng: np.round(rng.random(60_000) ** 9 * 255) / 255,
    "the ends of floats": lambda rng: rng.standard_normal(60_000) * 10.0 ** rng.integers(-300, 300, 60_000),
    "far from zero": lambda rng: -1e6 + 1e-9 * rng.integers(1000, size=60_000),
}


@pytest.mark.parametrize("n_thresholds", [1, 24, 300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", LARGE)
def test_counts_below_are_exact_on_large_maps(kind: str, dtype: type[Any], n_thresholds: int) -> None:
    rng = np.random.default_rng(n_thresholds)
    with np.errstate(over="ignore", under="ignore"):
        values = np.nan_to_num(LARGE[kind](rng).astype(dtype))
    thresholds = rng.choice(values, n_thresholds, replace=False)
    ordered = np.sort(values)
    assert pixels_below(values, thresholds).tolist() == np.searchsorted(ordered, thresholds).tolist()
    upto = np.searchsorted(ordered, thresholds, side="right")
    assert pixels_below(values, thresholds, inclusive=True).tolist() == upto.tolist()


@pytest.mark.parametrize("kind", ["skewed", "of both signs", "levels", "zero with a fringe"])
def test_a_map_that_was_sorted_before_its_noise_counts_the_same(kind: str) -> None:
    rng = np.random.default_rng(7)
    values = LARGE[kind](rng)
    values /= np.abs(values).max()
    noise = 1e-7 * rng.random(len(values))
    order = np.argsort(values)
    thresholds = (values + noise)[rng.choice(len(values), 200)]
    counts = noisy_below(order, values[order], noise, 1e-7, thresholds)
    assert counts.tolist() == np.searchsorted(np.sort(values + noise), thresholds).tolist()


@pytest.mark.parametrize("protocol", ["mit", "default"])
def test_a_reused_map_scores_the_same(protocol: str) -> None:
    rng = np.random.default_rng(5)
    definition, grid = metrics.PROTOCOLS[protocol], rng.random((12, 16)) ** 3
    reused = definition.resized(grid, (48, 64), reused=True)
    for seed in range(3):
        truth = metrics.GroundTruth(
            fixation_map_HW=rng.random((48, 64)) < 0.01, density_HW=rng.random((48, 64)), seed=seed
        )
        assert definition.score_resized(reused, truth, metrics.PAPER_METRICS) == definition.score(grid, truth)


def test_nearly_constant_maps_keep_their_digits_at_every_scale_and_sign() -> None:
    steps = np.random.default_rng(2).integers(0, 9, (20, 30))
    fixation_map = steps > 6
    expected = metrics.nss(steps, fixation_map)
    for base in (1.0, -1.0, 2.0**-600, -(2.0**600)):
        nearly_constant = base * (1 + steps * 2.0**-52)
        sign = 1 if base > 0 else -1
        assert metrics.nss(nearly_constant, fixation_map) == pytest.approx(sign * expected, rel=1e-12)
        assert metrics.cc(nearly_constant, steps) == pytest.approx(sign, rel=1e-12)


def test_prepared_arguments_score_as_plain_arrays() -> None:
    rng = np.random.default_rng(0)
    saliency, density = rng.random((2, 20, 30))
    fixation_map = rng.random((20, 30)) < 0.05
    prepared, fixations = metrics.PreparedMap(saliency), metrics.PreparedFixations(fixation_map)
    target = metrics.PreparedMap(density, "density")
    for name in ("auc_judd", "auc_borji", "nss"):
        metric = getattr(metrics, name)
        assert metric(prepared, fixations) == metric(saliency, fixation_map)
    for name in ("cc", "sim", "kldiv"):
        metric = getattr(metrics, name)
        assert metric(prepared, target) == metric(saliency, density)
    small, small_target = saliency[:6, :8], density[:6, :8]  # transport takes its time
    found = metrics.emd(metrics.PreparedMap(small), metrics.PreparedMap(small_target, "density"))
    assert found == metrics.emd(small, small_target)
