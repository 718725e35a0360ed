"""Each protocol against its own definition, written down afresh."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gfsalnet import metrics
from gfsalnet.metrics import PROTOCOLS, GroundTruth

Array = NDArray[Any]
RNG = np.random.default_rng(11)
SIZE_HW = (24, 32)
SALIENCY = np.round(RNG.random(SIZE_HW), 2) + 0.05  # with ties
DENSITY = RNG.random(SIZE_HW) ** 3
COUNTS = RNG.poisson(0.05, SIZE_HW)
OTHERS = RNG.poisson(0.1, SIZE_HW)
BASELINE = RNG.random(SIZE_HW) + 0.1
TRUTH = GroundTruth(fixation_map_HW=COUNTS, density_HW=DENSITY, other_map_HW=OTHERS, baseline_HW=BASELINE, seed=3)
VALUES = SALIENCY[COUNTS > 0]
REPEATED = np.repeat(VALUES, COUNTS[COUNTS > 0])


def score(protocol: str, name: str, prediction: Array = SALIENCY, truth: GroundTruth = TRUTH) -> float:
    return PROTOCOLS[protocol].score(prediction, truth, [name])[name]


def trapezoid(points: list[tuple[float, float]]) -> float:
    fp, tp = np.array(points).T
    return float(np.sum(np.diff(fp) * (tp[1:] + tp[:-1]) / 2))


def test_default_is_the_functions() -> None:
    fixated = COUNTS > 0
    scores = PROTOCOLS["default"].score(SALIENCY, TRUTH, list(PROTOCOLS["default"].metrics))
    rng = np.random.default_rng
    assert scores == {
        "auc_judd": metrics.auc_judd(SALIENCY, fixated),
        "auc_borji": metrics.auc_borji(SALIENCY, fixated, rng=rng(3)),
        "auc_shuffled": metrics.auc_shuffled(SALIENCY, fixated, OTHERS, rng=rng(3)),
        "nss": metrics.nss(SALIENCY, fixated),
        "information_gain": metrics.information_gain(SALIENCY, fixated, BASELINE),
        "cc": metrics.cc(SALIENCY, DENSITY),
        "sim": metrics.sim(SALIENCY, DENSITY),
        "kldiv": metrics.kldiv(SALIENCY, DENSITY),
        "emd": metrics.emd(SALIENCY, DENSITY, downsize=32),
    }


def test_mit_jitters_reproducibly_and_ignores_the_scale() -> None:
    first = score("mit", "auc_judd")
    assert first == score("mit", "auc_judd")
    assert first == pytest.approx(metrics.auc_judd(SALIENCY, COUNTS), abs=0.02)
    assert score("mit", "auc_judd", SALIENCY * 2.0**-20) == first
    assert score("mit", "nss") == metrics.nss(SALIENCY, COUNTS)


def test_mit_takes_undershoot_of_its_own_resize_as_zero() -> None:
    small = np.zeros((6, 8))
    small[2, 3] = 1.0
    assert math.isfinite(score("mit", "kldiv", small))
    with pytest.raises(ValueError, match="negative"):
        score("mit", "kldiv", small - 0.1)


def test_pysaliency() -> None:
    wins = (REPEATED[:, None] > SALIENCY.ravel()) + 0.5 * (REPEATED[:, None] == SALIENCY.ravel())
    assert score("pysaliency", "auc_judd") == pytest.approx(wins.mean(), abs=1e-12)
    negatives = np.repeat(SALIENCY[OTHERS > 0], OTHERS[OTHERS > 0])
    wins = (REPEATED[:, None] > negatives) + 0.5 * (REPEATED[:, None] == negatives)
    assert score("pysaliency", "auc_shuffled") == pytest.approx(wins.mean(), abs=1e-12)
    assert score("pysaliency", "nss") == pytest.approx(((REPEATED - SALIENCY.mean()) / SALIENCY.std()).mean())
    p, q, b = SALIENCY / SALIENCY.sum(), DENSITY / DENSITY.sum(), BASELINE / BASELINE.sum()
    assert score("pysaliency", "sim") == pytest.approx(np.minimum(p, q).sum())
    assert score("pysaliency", "kldiv") == pytest.approx((q * np.log(q / p)).sum())
    gain = np.repeat(np.log2(p / b)[COUNTS > 0], COUNTS[COUNTS > 0]).mean()
    assert score("pysaliency", "information_gain") == pytest.approx(gain)
    assert score("pysaliency", "cc") == pytest.approx(np.corrcoef(p.ravel(), q.ravel())[0, 1])


def test_pysaliency_shifts_negative_maps_only() -> None:
    shifted = SALIENCY - SALIENCY.min() - 1
    expected = metrics.sim(SALIENCY - SALIENCY.min(), DENSITY, min_max=False)
    assert score("pysaliency", "sim", shifted) == pytest.approx(expected)
    assert math.isfinite(score("pysaliency", "kldiv", shifted))


def test_unisal() -> None:
    points = [(0.0, 0.0)]
    others = SALIENCY[COUNTS == 0]
    for threshold in sorted(set(VALUES.tolist())):
        tp, fp = float((threshold <= VALUES).mean()), float((others >= threshold).mean())
        points.append((round(fp, 4), round(tp, 4)))
    points.append((1.0, 1.0))
    points.sort(key=lambda point: point[1])
    assert score("unisal", "auc_judd") == pytest.approx(trapezoid(points), abs=1e-12)
    p, q = SALIENCY / SALIENCY.sum(), DENSITY / DENSITY.sum()
    assert score("unisal", "sim") == pytest.approx(np.minimum(p, q).sum())
    assert score("unisal", "kldiv") == pytest.approx((q * np.log(q / p)).sum())
    assert score("unisal", "nss") == pytest.approx(((VALUES - SALIENCY.mean()) / SALIENCY.std(ddof=1)).mean())


def test_unisal_leaves_out_the_highest_threshold() -> None:
    saliency = np.array([[0.0, 1.0, 1.0, 0.95]])
    truth = GroundTruth(fixation_map_HW=[[0, 1, 0, 0]], other_map_HW=[[0, 0, 0, 1]])
    # Both lie above 0.9, the highest step below 1, so nothing tells them apart; MIT's steps reach 1 and do.
    assert score("unisal", "auc_shuffled", saliency, truth) == 0.5
    assert score("mit", "auc_shuffled", saliency, truth) == 1


def test_unisal_kldiv_is_infinite_where_mass_is_missed() -> None:
    holed = SALIENCY.copy()
    holed[3, 4] = 0
    assert score("unisal", "kldiv", holed) == math.inf


def test_aim24() -> None:
    unit = (SALIENCY - SALIENCY.min()) / np.ptp(SALIENCY)
    thresholds = np.sort(REPEATED)[::-1]
    points = [(0.0, 0.0)]
    for i, threshold in enumerate(thresholds, start=1):
        points.append((((threshold <= SALIENCY).sum() - i) / (SALIENCY.size - 2), i / len(thresholds)))
    assert score("aim24", "auc_judd") == pytest.approx(trapezoid([*points, (1.0, 1.0)]), abs=1e-12)
    assert score("aim24", "nss") == pytest.approx(((REPEATED - SALIENCY.mean()) / SALIENCY.std()).mean(), rel=1e-5)
    p, q = unit / unit.sum(), (DENSITY - DENSITY.min()) / (DENSITY - DENSITY.min()).sum()
    assert score("aim24", "sim") == pytest.approx(np.minimum(p, q).sum(), rel=1e-6)
    assert score("aim24", "cc") == pytest.approx(np.corrcoef(p.ravel(), q.ravel())[0, 1])


def test_aim24_takes_the_range_before_resizing() -> None:
    small = np.array([[0.2, 0.9], [0.4, 0.2]])
    ranged = np.array([[0, 1], [0.2 / 0.7, 0]])
    grown = metrics.PROTOCOLS["unisal"].resize(ranged, SIZE_HW)
    expected = metrics.sim(grown, DENSITY - DENSITY.min(), min_max=False)
    assert score("aim24", "sim", small) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_gives_nan_for_what_is_undefined(protocol: str) -> None:
    names = [name for name in PROTOCOLS[protocol].metrics if name not in ("kldiv", "emd")]
    holed = SALIENCY.copy()
    holed[0, 0] = np.nan
    for prediction in (np.full(SIZE_HW, 0.1), np.zeros(SIZE_HW), holed, holed[:10], np.where(holed > 1, np.inf, 0)):
        scores = PROTOCOLS[protocol].score(prediction, TRUTH, names)
        finite = {name for name, value in scores.items() if math.isfinite(value)}
        constant_but_positive = prediction.min() == prediction.max() > 0
        assert finite <= ({"sim", "information_gain"} if constant_but_positive else set())
    nobody = GroundTruth(
        fixation_map_HW=np.zeros(SIZE_HW), density_HW=DENSITY, other_map_HW=OTHERS, baseline_HW=BASELINE
    )
    on_fixations = [name for name in names if name not in ("cc", "sim")]
    scores = PROTOCOLS[protocol].score(SALIENCY, nobody, on_fixations)
    assert all(math.isnan(value) for value in scores.values())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_predictions_of_any_size_and_dtype(protocol: str) -> None:
    image = np.round(255 * SALIENCY / SALIENCY.max()).astype(np.uint8)
    for prediction in (image, image[::2, ::2], np.kron(image, np.ones((2, 3), np.uint8))):
        scores = PROTOCOLS[protocol].score(prediction, TRUTH)
        assert tuple(scores) == metrics.PAPER_METRICS
        assert all(math.isfinite(value) for value in scores.values())


def test_binary_images_count_each_pixel_once() -> None:
    once = GroundTruth(fixation_map_HW=COUNTS > 0, density_HW=DENSITY)
    image = GroundTruth(fixation_map_HW=255 * (COUNTS > 0), density_HW=DENSITY)
    assert score("aim24", "auc_judd", truth=image) == score("aim24", "auc_judd", truth=once)


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="protocol aim24 has no emd; it has auc_judd, nss"):
        score("aim24", "emd")
    with pytest.raises(ValueError, match="needs baseline_HW: pass it to GroundTruth"):
        score("mit", "information_gain", truth=GroundTruth(fixation_map_HW=COUNTS))
    with pytest.raises(ValueError, match="at least one map"):
        GroundTruth()
    with pytest.raises(ValueError, match="resize"):
        GroundTruth(fixation_map_HW=COUNTS, density_HW=DENSITY[:5])
