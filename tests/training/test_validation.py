"""Validation: the metrics of the metrics room, over whole frames, dataset by dataset, stream by stream."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gfsalnet.metrics import PROTOCOLS
from gfsalnet.network import GFSalNet
from gfsalnet.training.data.examples import Example
from gfsalnet.training.gaze_task import predict
from gfsalnet.training.recipe import Recipe
from gfsalnet.training.state import TrainingProgress
from gfsalnet.training.validation import PredictedMaps, validate

from .conftest import discs_part, draw_discs

CPU = torch.device("cpu")


def asked(network: GFSalNet, recipe: Recipe) -> Callable[[Example], PredictedMaps]:
    return partial(predict, network.eval(), recipe=recipe, device=CPU)


def test_scores_are_the_means_of_the_frames_scores(recipe: Recipe) -> None:
    network = GFSalNet(recipe.network).eval()
    (weighted,) = recipe.build_sources(recipe.validate, Path())
    found = validate(asked(network, recipe), [weighted.source], recipe.workers)
    rows = []
    for index in range(len(weighted.source)):
        example, truth = weighted.source.eval_example(index)
        rows.append(PROTOCOLS["default"].score(predict(network, example, recipe, CPU).saliency, truth))
    assert set(found.scores) == {"saliency"}
    for metric, value in found.scores["saliency"]["discs"].items():
        assert value == pytest.approx(np.mean([row[metric] for row in rows]))
    assert found.scores["saliency"]["mean"] == found.scores["saliency"]["discs"]
    assert found.motion_share is None


def test_two_streams_are_scored_alone_as_well(both: Recipe) -> None:
    network = GFSalNet(both.network)
    assert network.fusion is not None
    torch.nn.init.constant_(network.fusion.conv.weight, 0)
    torch.nn.init.constant_(network.fusion.conv.bias, 100)  # the gate lets only appearance through
    sources = [weighted.source for weighted in both.build_sources(both.validate, Path())]
    found = validate(asked(network, both), sources, both.workers)
    assert found.scores["saliency"] == found.scores["appearance"]
    assert found.scores["saliency"] != found.scores["motion"]
    assert found.motion_share == pytest.approx(0, abs=1e-6)


def test_frames_without_gaze_are_left_out_and_datasets_weigh_the_same(
    recipe: Recipe, discs: Path, tmp_path: Path
) -> None:
    nobody = draw_discs(tmp_path / "nobody", nobody_looked=(6, 13))
    some = draw_discs(tmp_path / "some", nobody_looked=(6,))
    parts = [discs_part(root, "val") for root in (discs, some, nobody)]
    network = GFSalNet(recipe.network)
    sources = [weighted.source for weighted in recipe.build_sources(parts, Path())]
    found = validate(asked(network, recipe), sources, recipe.workers).scores["saliency"]
    assert math.isnan(found["nobody"]["nss"])
    assert found["mean"]["nss"] == pytest.approx((found["discs"]["nss"] + found["some"]["nss"]) / 2)


def test_nothing_to_validate_on_gives_no_scores(recipe: Recipe) -> None:
    assert validate(asked(GFSalNet(recipe.network), recipe), [], 1).scores == {}


@pytest.mark.parametrize(
    ("score", "best", "metric", "better"),
    [
        (1.0, None, "nss", True),
        (2.0, 1.0, "nss", True),
        (2.0, 1.0, "kldiv", False),
        (0.5, 1.0, "kldiv", True),
        (math.nan, 1.0, "nss", False),
        (math.nan, 1.0, "kldiv", False),
    ],
)
def test_the_better_score_is_known_by_metric(score: float, best: Any, metric: str, better: bool) -> None:
    assert TrainingProgress(best=best).is_better(score, metric) is better


def test_low_precision_predicts_nearly_the_same(recipe: Recipe) -> None:
    network = GFSalNet(recipe.network).eval()
    (weighted,) = recipe.build_sources(recipe.validate, Path())
    example, _ = weighted.source.eval_example(0)
    exact = predict(network, example, recipe, CPU).saliency
    rough = predict(network, example, replace(recipe, precision="bfloat16"), CPU).saliency
    assert not np.array_equal(exact, rough)
    np.testing.assert_allclose(exact, rough, rtol=0.1)
