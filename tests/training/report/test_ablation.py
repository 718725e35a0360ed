"""Table VII: every variant differs from the full model in its block alone, and a study goes on where it was."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan
from pathlib import Path

import pytest
import torch

from gfsalnet.cli.train import _ablation_table
from gfsalnet.errors import RecipeError
from gfsalnet.network import GFSalNet, mobile
from gfsalnet.training import Epoch, ablate, ablation_rows, runs_of
from gfsalnet.training.presets import tiny
from gfsalnet.training.recipe import Recipe
from gfsalnet.training.report.ablation import RESULTS_FILE, VARIANTS


@pytest.fixture
def recipe() -> Recipe:
    base = tiny()
    return replace(
        base,
        train=base.train[:1],
        validate=base.validate[:1],
        network=replace(base.network, input_size_hw=(64, 64)),
        epochs=1,
        batch_size=16,
    )


def test_the_rows_are_those_of_the_paper_and_remove_what_they_say() -> None:
    with torch.device("meta"):
        networks = {name: GFSalNet(replace(mobile("both"), **change)) for name, change in VARIANTS.items()}
    names = {row: {key for key, _ in network.named_parameters()} for row, network in networks.items()}
    full = names["full model"]
    gone = {row: {key.split(".")[1] for key in full - keys} for row, keys in names.items()}
    assert gone == {
        "w/o spatial attention": {"spatial_attention"},
        "w/o channel-wise attention": {"channel_attention"},
        "w/o spatial & ch.-wise attention": {"spatial_attention", "channel_attention"},
        "w/o multi-level information": {"multilevel", "side"},
        "w/o gated fusion": set(),  # the 1x1 convolution has the gate's name, and other inputs
        "full model": set(),
    }
    assert networks["w/o gated fusion"].fusion.conv.in_channels == 2  # type: ignore[union-attr]
    assert networks["full model"].fusion.conv.in_channels == 2 * 96  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_stopped_study_goes_on_and_finished_runs_are_left_alone(recipe: Recipe, tmp_path: Path) -> None:
    study = ablate(recipe, tmp_path, [0])
    for run, event in study:
        if isinstance(event, Epoch) and run.variant == "w/o channel-wise attention":
            break
    study.close()
    done = [run for run, event in ablate(recipe, tmp_path, [0]) if isinstance(event, Epoch)]
    assert [run.variant for run in done] == list(VARIANTS)[2:]
    rows = ablation_rows(tmp_path)
    assert [variant for variant, _ in rows] == list(VARIANTS)
    assert all(
        0 < scores["auc_judd"][0] <= 1 and isnan(scores["nss"][1]) for _, scores in rows
    )  # one seed has no spread
    assert len({scores["kldiv"][0] for _, scores in rows}) == len(rows)


def test_the_spread_is_half_the_range_over_seeds(tmp_path: Path) -> None:
    metrics = {"auc_judd": 0.5, "nss": 1.0, "cc": 0.2, "sim": 0.3, "kldiv": 2.0}
    scores = {"full model": {"0": metrics, "1": metrics | {"nss": 2.0}}}
    (tmp_path / RESULTS_FILE).write_text(json.dumps({"scores": scores}))
    ((_, found),) = ablation_rows(tmp_path)
    assert found["nss"] == (1.5, 0.5)
    assert found["cc"] == (0.2, 0.0)


def test_one_seed_prints_no_spread(tmp_path: Path) -> None:
    one = dict.fromkeys(("auc_judd", "nss", "cc", "sim", "kldiv"), 0.5)
    (tmp_path / RESULTS_FILE).write_text(json.dumps({"scores": {"full model": {"0": one}}}))
    assert "±" not in _ablation_table(tmp_path, 1)
    (tmp_path / RESULTS_FILE).write_text(json.dumps({"scores": {"full model": {"0": one, "1": one}}}))
    assert "0.500 ± 0.000" in _ablation_table(tmp_path, 2)


def test_every_run_has_its_folder_and_seeds_come_whole() -> None:
    runs = runs_of([0, 1])
    assert len({run.folder for run in runs}) == 12
    assert [run.seed for run in runs] == [0] * 6 + [1] * 6
    assert runs[4].folder == "w-o-gated-fusion-seed-0"


def test_what_cannot_be_ablated_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    one_stream = replace(recipe, network=mobile("appearance"))
    for wrong in (one_stream, replace(recipe, validate=())):
        with pytest.raises(RecipeError, match="two streams and validation"):
            next(ablate(wrong, tmp_path, [0]))
    with pytest.raises(RecipeError, match="gfsalnet ablate"):
        ablation_rows(tmp_path)
