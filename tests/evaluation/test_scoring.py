"""Scores of one video against independent computation."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn import HEIGHT, SIGMA_PIXELS, WIDTH, BlobModel, Drawn, write_maps

from gfsalnet import metrics
from gfsalnet.errors import SourceError
from gfsalnet.evaluation import PREDICTORS, EvaluationSettings, MapsFolder, ModelSource
from gfsalnet.evaluation.floor import OtherVideos
from gfsalnet.evaluation.scoring import (
    CENTRE_BIAS,
    LEAVE_ONE_OUT,
    PREDICTION,
    SPLIT_HALF,
    UNIFORM,
    VideoScores,
    score_video,
)
from gfsalnet.gaze import density_map, fixation_map


def scored(dataset: Drawn, settings: EvaluationSettings, source: object = None, video: str = "b") -> VideoScores:
    return score_video(
        dataset, source or ModelSource(BlobModel()), OtherVideos.learn(dataset, settings), settings, video
    )  # type: ignore[arg-type]


def of(scores: VideoScores, predictor: str) -> np.ndarray:
    return scores.scores[:, PREDICTORS.index(predictor)]


def test_the_model_is_scored_as_by_hand() -> None:
    dataset = Drawn()
    scores = scored(dataset, EvaluationSettings(protocol="default", metrics=("nss", "cc", "kldiv")))
    assert scores.frame_index.tolist() == [0, 1, 3, 4]
    assert scores.dropped == {"no fixation on the frame": 1}
    predictions = {p.frame_index: p.density for p in BlobModel().stream(dataset.frames("b"))}
    for row, index in enumerate(scores.frame_index):
        fixations, saliency = dataset.fixations("b", index), predictions[index].astype(np.float64)
        fixated = np.unique(np.stack([fixations.y, fixations.x])[:, fixations.inside].astype(int), axis=1)
        standardised = (saliency - saliency.mean()) / saliency.std(ddof=1)
        density = density_map(fixations, (HEIGHT, WIDTH), SIGMA_PIXELS).astype(np.float64)
        density /= density.sum()
        kl = np.sum(density * np.log(2**-52 + density / (saliency / saliency.sum() + 2**-52)))
        expected = [standardised[tuple(fixated)].mean(), np.corrcoef(saliency.ravel(), density.ravel())[0, 1], kl]
        assert of(scores, PREDICTION)[row] == pytest.approx(expected, rel=1e-5)


def test_leave_one_out_is_the_mean_over_viewers() -> None:
    dataset = Drawn()
    scores = scored(dataset, EvaluationSettings(protocol="default", metrics=("nss", "cc")))
    fixations = dataset.fixations("b", 0)
    each = []
    for viewer in range(5):
        own = fixations.subject == viewer
        others = replace(fixations, x=fixations.x[~own], y=fixations.y[~own], subject=None)
        mine = replace(fixations, x=fixations.x[own], y=fixations.y[own], subject=None)
        size_hw = (HEIGHT, WIDTH)
        each.append(metrics.nss(density_map(others, size_hw, SIGMA_PIXELS), fixation_map(mine, size_hw)))
    assert of(scores, LEAVE_ONE_OUT)[0, 0] == pytest.approx(np.mean(each), rel=1e-6)
    assert math.isnan(of(scores, LEAVE_ONE_OUT)[0, 1])
    assert not scores.tried[0, PREDICTORS.index(LEAVE_ONE_OUT), 1]


def test_floor_below_model_below_ceiling() -> None:
    scores = scored(Drawn(viewers=30), EvaluationSettings(metrics=("nss", "auc_shuffled", "information_gain")))
    means = {who: of(scores, who).mean(axis=0) for who in (CENTRE_BIAS, PREDICTION, LEAVE_ONE_OUT)}
    assert (means[CENTRE_BIAS] < means[PREDICTION]).all()
    assert (means[PREDICTION] < means[LEAVE_ONE_OUT]).all()
    assert means[CENTRE_BIAS][2] == pytest.approx(0, abs=1e-9)  # it is its own baseline


def test_a_uniform_map_has_no_rank_but_a_divergence() -> None:
    scores = scored(Drawn(), EvaluationSettings(metrics=("auc_judd", "nss", "cc", "kldiv")))
    uniform = of(scores, UNIFORM)
    assert np.isnan(uniform[:, :3]).all()
    assert (uniform[:, 3] > 1).all()
    assert scores.tried[:, PREDICTORS.index(UNIFORM)].all()


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["mit", "pysaliency", "unisal", "aim24", "default"])
def test_every_protocol_scores_all_its_metrics(protocol: str) -> None:
    names = tuple(metrics.PROTOCOLS[protocol].metrics)
    scores = scored(Drawn(), EvaluationSettings(protocol=protocol, metrics=names))
    assert np.isfinite(of(scores, PREDICTION)).all()
    assert np.isfinite(of(scores, CENTRE_BIAS)).all()


def test_a_single_video_has_no_centre_bias() -> None:
    names = ("nss", "information_gain", "auc_shuffled")
    scores = scored(Drawn(("b",)), EvaluationSettings(metrics=names))
    assert not scores.tried[:, PREDICTORS.index(CENTRE_BIAS)].any()
    assert np.isfinite(of(scores, PREDICTION)[:, 0]).all()
    assert np.isnan(of(scores, PREDICTION)[:, 1:]).all()


def test_humans_can_be_scored_on_some_frames_or_none() -> None:
    humans = [PREDICTORS.index(SPLIT_HALF), PREDICTORS.index(LEAVE_ONE_OUT)]
    some = scored(Drawn(), EvaluationSettings(humans_every=3))
    assert some.tried[:, humans[0], 0].tolist() == [True, False, True, False]  # frames 0, 1, 3, 4
    assert not scored(Drawn(), EvaluationSettings(humans_every=0)).tried[:, humans].any()


def test_the_width_scales_the_ground_truth() -> None:
    scores = scored(Drawn(), EvaluationSettings(width_pixels=48))
    assert scores.sizes_hw == {"picture": [[64, 96]], "scored": [[32, 48]], "map": [[64, 96]]}
    full = scored(Drawn(), EvaluationSettings())
    assert np.allclose(of(scores, PREDICTION)[:, 2], of(full, PREDICTION)[:, 2], atol=0.02)  # CC


def test_the_gaussian_can_be_chosen() -> None:
    own, same, wider = (
        scored(Drawn(), EvaluationSettings(metrics=("nss", "kldiv"), sigma_pixels=s)) for s in (None, 5, 9)
    )
    assert np.array_equal(own.scores, same.scores, equal_nan=True)
    assert np.array_equal(of(own, PREDICTION)[:, 0], of(wider, PREDICTION)[:, 0])  # NSS knows no density
    assert (of(own, PREDICTION)[:, 1] != of(wider, PREDICTION)[:, 1]).all()
    assert (of(own, LEAVE_ONE_OUT)[:, 0] != of(wider, LEAVE_ONE_OUT)[:, 0]).all()
    assert (own.sigma_pixels, wider.sigma_pixels) == (5, 9)


def test_maps_with_nan_are_dropped_for_all_rows_and_counted(tmp_path: Path) -> None:
    dataset = Drawn()
    folder = write_maps(tmp_path / "maps", dataset, BlobModel())
    np.save(folder / "b" / "0004.npy", np.full((4, 6), np.nan))
    scores = scored(dataset, EvaluationSettings(), MapsFolder(folder))
    assert scores.frame_index.tolist() == [0, 1, 4]
    assert scores.dropped == {"no fixation on the frame": 1, "the map holds NaN or infinite values": 1}


def test_negative_maps_are_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    dataset = Drawn()
    folder = write_maps(tmp_path / "maps", dataset, BlobModel())
    np.save(folder / "b" / "0002.npy", np.linspace(-1, 1, 24).reshape(4, 6))
    with pytest.raises(SourceError, match=r"b, frame 1: prediction holds negative values.*clip it at 0"):
        scored(dataset, EvaluationSettings(), MapsFolder(folder))
    scored(
        dataset, EvaluationSettings(metrics=("nss", "auc_judd", "cc")), MapsFolder(folder)
    )  # for these, any scale is fine


def test_a_video_without_gaze_has_no_frames() -> None:
    scores = scored(Drawn(viewers=0), EvaluationSettings())
    assert scores.scores.shape == (0, 5, 5)
    assert scores.dropped == {"no fixation on the frame": 5}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"protocol": "mine"}, "no protocol mine"),
        ({"metrics": ("nss", "speed")}, "no metric speed"),
        ({"metrics": ()}, "none given"),
        ({"metrics": ("nss", "nss")}, "twice"),
        ({"protocol": "aim24", "metrics": ("emd",)}, "no metric emd"),
        ({"width_pixels": 3}, "width_pixels"),
        ({"humans_every": -1}, "humans_every"),
        ({"sigma_pixels": 0}, "sigma_pixels"),
    ],
)
def test_settings_refuse_nonsense(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        EvaluationSettings(**arguments)


def test_maps_of_one_value_are_counted(tmp_path: Path) -> None:
    dataset = Drawn()
    write_maps(tmp_path / "maps", dataset, BlobModel(), ["b"])
    np.save(tmp_path / "maps" / "b" / "0001.npy", np.zeros((HEIGHT, WIDTH)))
    np.save(tmp_path / "maps" / "b" / "0002.npy", np.full((HEIGHT, WIDTH), 7))
    scores = scored(dataset, EvaluationSettings(), MapsFolder(tmp_path / "maps"))
    assert (scores.constant_maps, scores.black_maps) == (2, 1)
    assert np.isnan(of(scores, PREDICTION)[:2, :4]).all()
    assert np.isfinite(of(scores, PREDICTION)[2:]).all()


@pytest.mark.parametrize(("size_hw", "said"), [((WIDTH, HEIGHT), True), ((50, 32), True), ((32, 48), False)])
def test_transposed_maps_are_noted(size_hw: tuple[int, int], said: bool, tmp_path: Path) -> None:
    stack = np.random.default_rng(0).random((5, *size_hw))
    np.save(tmp_path / "b.npy", stack)
    scores = scored(Drawn(), EvaluationSettings(), MapsFolder(tmp_path))
    assert any("rows and columns may be exchanged" in note for note in scores.notes) == said
