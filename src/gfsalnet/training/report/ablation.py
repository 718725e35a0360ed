"""The ablation study (Sec. IV-E, Table VII): the network without each of its blocks, by one recipe and equal seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from gfsalnet.errors import RecipeError
from gfsalnet.files import output_errors, written_whole
from gfsalnet.formats.door import opening
from gfsalnet.formats.texts import read_csv_rows, read_json_object
from gfsalnet.metrics import PAPER_METRICS
from gfsalnet.training.loop import Event, train
from gfsalnet.training.recipe import Recipe
from gfsalnet.training.report.curves import CURVES_FILE

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "w/o spatial attention": {"spatial_attention": False},
    "w/o channel-wise attention": {"channel_attention": False},
    "w/o spatial & ch.-wise attention": {"spatial_attention": False, "channel_attention": False},
    "w/o multi-level information": {"multilevel": False},
    "w/o gated fusion": {"fusion": "convolution"},
    "full model": {},
}
"""The rows of Table VII → what they change of the network."""

RESULTS_FILE = "ablation.json"


@dataclass(frozen=True)
class AblationRun:
    """One network trained with one seed."""

    variant: str
    seed: int

    @property
    def folder(self) -> str:
        """Name of the run's folder, such as `w-o-gated-fusion-seed-0`."""
        words = "".join(sign if sign.isalnum() else " " for sign in self.variant).split()
        return "-".join([*words, "seed", str(self.seed)])


def runs_of(seeds: Sequence[int]) -> list[AblationRun]:
    """Seed by seed all variants, so that a study that is stopped has whole seeds to compare."""
    return [AblationRun(variant, seed) for seed in seeds for variant in VARIANTS]


def ablate(recipe: Recipe, folder: Path, seeds: Sequence[int]) -> Generator[tuple[AblationRun, Event], None, None]:
    """Train every variant with every seed, and leave their last scores in `folder/ablation.json`.

    What is finished is not done again, and a run that was stopped goes on where it was.

    Args:
        recipe: of two streams, with validation data. Its network is the full model.
        folder: a run folder for each run, made if need be.
        seeds: one or more; the spread over them is what a difference has to exceed.

    Yields:
        the current run and its event.

    Raises:
        RecipeError: if the recipe has one stream or validates on nothing.
        Whatever `train` raises.
    """
    if recipe.network.streams != "both" or not recipe.validate:
        problem = "an ablation needs a network of two streams and validation data"
        raise RecipeError(recipe.name, problem, "Set network.streams to both, and add [[validate]].")
    scores: dict[str, dict[str, dict[str, float]]] = {variant: {} for variant in VARIANTS}
    for run in runs_of(seeds):
        network = replace(recipe.network, **VARIANTS[run.variant])
        for event in train(replace(recipe, network=network, seed=run.seed), folder / run.folder):
            yield run, event
        scores[run.variant][str(run.seed)] = _last_scores(folder / run.folder)
        # After every run, so that a study that is stopped has something to show.
        _write(folder / RESULTS_FILE, json.dumps({"seeds": list(seeds), "scores": scores}, indent=2) + "\n")


_AGAIN = "Run gfsalnet ablate with this --output."


def _write(path: Path, text: str) -> None:
    """Not by `write_json`, which refuses the NaN that a network without any contrast scores."""
    with output_errors(path), written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _last_scores(run_folder: Path) -> dict[str, float]:
    path = run_folder / CURVES_FILE
    rows = read_csv_rows(path, RecipeError, _AGAIN)
    with opening(path, "table of curves", RecipeError, _AGAIN):
        return {metric: float(rows[-1][metric]) for metric in PAPER_METRICS}


def ablation_rows(folder: Path) -> list[tuple[str, dict[str, tuple[float, float]]]]:
    """For each variant that has finished a run: metric → mean over its seeds, and half of their range (NaN for one).

    Raises:
        RecipeError: if the folder holds no results.
    """
    path = folder / RESULTS_FILE
    scores = read_json_object(path, RecipeError, _AGAIN)
    with opening(path, "file of ablation results", RecipeError, _AGAIN):
        return [(variant, _spread(list(of_seed.values()))) for variant, of_seed in scores["scores"].items() if of_seed]


def _spread(scores: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    columns = {metric: [row[metric] for row in scores] for metric in PAPER_METRICS}
    return {
        metric: (mean(values), (max(values) - min(values)) / 2 if len(values) > 1 else math.nan)
        for metric, values in columns.items()
    }
