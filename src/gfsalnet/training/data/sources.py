"""The parts of a recipe as sources of examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gfsalnet.errors import RecipeError
from gfsalnet.flow import FlowEstimator, make_estimator
from gfsalnet.gaze import GazeDataset, open_dataset
from gfsalnet.training.data.composed import ComposedMotion
from gfsalnet.training.data.examples import Source
from gfsalnet.training.data.photographs import Photographs
from gfsalnet.training.data.recordings import Recordings
from gfsalnet.training.data.toy import TOY, ToyClips, draw_toy
from gfsalnet.training.recipe import Part, Recipe


class WeightedSource(NamedTuple):
    """A source, and how often each of its frames is drawn in an epoch."""

    source: Source
    draws: float


def open_sources(parts: Sequence[Part], recipe: Recipe, run_folder: Path = Path()) -> list[WeightedSource]:
    """Pictures as `Photographs`, videos as `Recordings`, all photographs with `compose` as one `ComposedMotion`.

    Args:
        parts: of the recipe.
        recipe: says how they are seen and varied.
        run_folder: where toy data lie (`draw_toys`).

    Raises:
        DatasetError, SourceError: if a dataset is missing or damaged.
        RecipeError: if the composed parts differ in `draws`: they share their objects, and so one source.
    """
    flow = make_estimator(recipe.flow.estimator, **recipe.flow.settings)
    opened = [(part, _open(part, run_folder)) for part in parts]
    sources = [
        WeightedSource(_source(part, data, recipe, flow), part.draws) for part, data in opened if not part.compose
    ]
    composed = [(part, data) for part, data in opened if part.compose]
    if composed:
        draws = {part.draws for part, _ in composed}
        if len(draws) > 1:
            problem = f"its composed parts have different draws ({', '.join(map(str, sorted(draws)))})"
            raise RecipeError(recipe.name, problem, "Give them one value: they make one source together.")
        sources.append(
            WeightedSource(_composed([(data, part.sigma) for part, data in composed], recipe, flow), draws.pop())
        )
    return sources


def draw_toys(parts: Sequence[Part], run_folder: Path) -> None:
    """Draw the toy data that parts ask for; they lie in the run's folder."""
    for part in parts:
        if part.dataset == TOY:
            draw_toy(run_folder / part.root.parent)


def _open(part: Part, run_folder: Path) -> GazeDataset:
    if part.dataset != TOY:
        return open_dataset(part.dataset, part.root, part.split)
    return open_dataset("folder", run_folder / part.root, part.split)


def _source(part: Part, data: GazeDataset, recipe: Recipe, flow: FlowEstimator) -> Source:
    if data.kind == "image":
        return Photographs(data, network=recipe.network, augmentation=recipe.augmentation, sigma=part.sigma)
    kind = ToyClips if part.dataset == TOY else Recordings
    return kind(
        data,
        network=recipe.network,
        flow=flow,
        scale_pixels=recipe.flow.scale_pixels,
        augmentation=recipe.augmentation,
        sigma=part.sigma,
        every=part.every,
    )


def _composed(parts: Sequence[tuple[GazeDataset, float | None]], recipe: Recipe, flow: FlowEstimator) -> Source:
    return ComposedMotion(
        parts,
        network=recipe.network,
        flow=flow,
        scale_pixels=recipe.flow.scale_pixels,
        augmentation=recipe.augmentation,
    )
