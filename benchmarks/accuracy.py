"""How well the shipped model predicts gaze on photographs it was not trained on, between floor and ceiling.

    python benchmarks/accuracy.py recipes/gfsalnet-mobile-spatial.toml [--model gfsalnet-mobile] [--json FILE]

Rows, all scored on the same held-out photographs of the recipe (400 pixels wide, sigma 12 pixels):

- centre bias: the mean density of the training photographs of the same set;
- model: one pass, as `gfsalnet predict` does, and averaged with the mirrored picture's prediction;
- half the viewers: their density, scored on the fixations of the other half. It is noisier than the model's target,
  which is made by all viewers, so a model can come above it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from gfsalnet.gaze import density_map
from gfsalnet.metrics import PAPER_METRICS
from gfsalnet.models import load_model
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.training import read_recipe
from gfsalnet.training.photographs import Photograph, load_photographs
from gfsalnet.training.validation import SIGMA_PIXELS, WIDTH_PIXELS, Scores, predictor, score_all
from gfsalnet.types import Fixations, Map


def centre_bias(train: list[Photograph]) -> Callable[[Photograph], Map]:
    """The mean density of each set's training photographs, whatever the picture."""
    grid_hw = (96, 128)
    mean: dict[str, Map] = {}
    for name in {photograph.dataset for photograph in train}:
        maps = [density_map(p.fixations, grid_hw, grid_hw[1] * 0.03) for p in train if p.dataset == name]
        mean[name] = np.mean(maps, axis=0, dtype=np.float32)
    return lambda photograph: mean[photograph.dataset]


def viewers(fixations: Fixations, chosen: np.ndarray) -> Fixations:
    """The fixations of some viewers."""
    assert fixations.subject is not None
    rows = np.isin(fixations.subject, chosen)
    return replace(fixations, x=fixations.x[rows], y=fixations.y[rows], subject=fixations.subject[rows])


def half_the_viewers(photographs: list[Photograph], splits: int = 4) -> Scores:
    """Mean over random splits of the viewers of each picture."""
    runs = []
    for seed in range(splits):
        rng = np.random.default_rng(seed)
        halves = {}
        for photograph in photographs:
            order = rng.permutation(np.unique(photograph.fixations.subject))
            halves[photograph.name] = (order[: len(order) // 2], order[len(order) // 2 :])
        scored = [replace(p, fixations=viewers(p.fixations, halves[p.name][1])) for p in photographs]
        first = {p.name: viewers(p.fixations, halves[p.name][0]) for p in photographs}

        def predict(photograph: Photograph, first: dict[str, Fixations] = first) -> Map:
            fixations = first[photograph.name]
            width, height = fixations.size_wh
            return density_map(fixations, (round(WIDTH_PIXELS * height / width), WIDTH_PIXELS), SIGMA_PIXELS)

        runs.append(score_all(scored, predict))
    return {name: {m: float(np.mean([run[name][m] for run in runs])) for m in PAPER_METRICS} for name in runs[0]}


def markdown(rows: dict[str, Scores]) -> str:
    """One table a set, metrics as columns."""
    sets = next(iter(rows.values())).keys()
    lines = ["| set | predictor | AUC-J ↑ | NSS ↑ | CC ↑ | SIM ↑ | KL ↓ |", "|---|---|---|---|---|---|---|"]
    for name in sets:
        for row, scores in rows.items():
            cells = " | ".join(f"{scores[name][metric]:.3f}" for metric in PAPER_METRICS)
            lines.append(f"| {name} | {row} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--model", default="gfsalnet-mobile")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    train, held_out = load_photographs(read_recipe(arguments.recipe))
    model = load_model(arguments.model, device="cpu")
    assert isinstance(model, GFSalNetModel)
    rows = {
        "centre bias": score_all(held_out, centre_bias(train)),
        model.name: score_all(held_out, predictor(model.network)),
        f"{model.name}, mirror-averaged": score_all(held_out, predictor(model.network, mirrored=True)),
        "half the viewers": half_the_viewers(held_out),
    }
    print(f"{len(train)} photographs trained on, {len(held_out)} held out\n")
    print(markdown(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
