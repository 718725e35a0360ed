"""Everything that one run works with, opened from a recipe and a folder."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler

from gfsalnet.errors import RecipeError
from gfsalnet.flow import make_estimator
from gfsalnet.network import GFSalNet
from gfsalnet.network.weights import load_network, load_trunk, start_from_single_stream
from gfsalnet.render import write_json
from gfsalnet.training.checkpoint import TrainingState
from gfsalnet.training.data.batches import Plan
from gfsalnet.training.data.examples import Source
from gfsalnet.training.data.sources import WeightedSource, draw_toys, open_sources
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.optimisation import make_optimiser, make_schedule
from gfsalnet.training.recipe import Recipe, to_json

RECIPE_FILE = "recipe.json"


@dataclass(frozen=True)
class Run:
    """One run, seen from one of its processes."""

    recipe: Recipe
    folder: Path
    ranks: Ranks
    sources: Sequence[WeightedSource]
    val_sources: Sequence[Source]
    """What is validated on; empty in all processes but the first."""
    plan: Plan
    state: TrainingState
    initial_weights: Mapping[str, Tensor]
    """The appearance stream's weights before the first step, where the recipe keeps a share of them."""

    def export_weights(self) -> GFSalNet:
        """The weights that are validated and written: the average, with the recipe's share of the start."""
        if not self.initial_weights:
            return self.state.ema
        kept = copy.deepcopy(self.state.ema)
        assert kept.appearance is not None
        with torch.no_grad():
            for name, weight in kept.appearance.named_parameters():
                weight.lerp_(self.initial_weights[name], self.recipe.start.appearance_share)
        return kept

    def save(self) -> None:
        """Write the checkpoint, in the first process."""
        if self.ranks.is_main:
            self.state.save(self.folder, to_json(self.recipe))

    def about(self) -> dict[str, Any]:
        """What a user of the weights needs to know, as JSON values: how flow is made, and the record of the run."""
        training = {
            "recipe": to_json(self.recipe),
            "data": self._data,
            "seconds": round(self.state.progress.seconds),
            "device": str(self.ranks.device),
            "processes": self.ranks.world,
        }
        about = {"name": self.recipe.name, "training": training}
        if self.state.network.motion is not None:
            estimator = make_estimator(self.recipe.flow.estimator, **self.recipe.flow.settings)
            scale_pixels = self.recipe.flow.scale_pixels
            about["flow"] = {"estimator": estimator.name, **estimator.settings, "scale_pixels": scale_pixels}
        return about

    @cached_property
    def _data(self) -> dict[str, Any]:
        return {
            "train": [weighted.source.fingerprint() for weighted in self.sources],
            "validate": [source.fingerprint() for source in self.val_sources],
        }


def open_run(recipe: Recipe, folder: Path, ranks: Ranks) -> Run:
    """Open the data, build the network and its optimiser, and take up the folder's checkpoint if there is one.

    Raises:
        DatasetError, SourceError, WeightsError: if an input is missing or damaged.
        RecipeError: if the recipe cannot run on this device, or the folder holds the run of another.
    """
    if recipe.precision == "float16" and ranks.device.type == "cpu":
        remedy = "Set precision to bfloat16 or float32."
        raise RecipeError(recipe.name, "float16 needs a GPU, and this run is on the CPU", remedy)
    if ranks.is_main:
        folder.mkdir(parents=True, exist_ok=True)
        draw_toys((*recipe.train, *recipe.validate), folder)
    ranks.wait()
    sources = open_sources(recipe.train, recipe, folder)
    val_sources = (
        [weighted.source for weighted in open_sources(recipe.validate, recipe, folder)] if ranks.is_main else []
    )
    plan = Plan(sources, recipe)
    steps = len(plan.epoch(0))
    if not steps:
        raise RecipeError(recipe.name, "its data hold no frame to train on", "Raise draws, or name other data.")
    state = start(recipe, ranks, total_steps=recipe.epochs * steps)
    initial_weights = {}
    if recipe.start.appearance_share and state.network.appearance is not None:
        initial_weights = {
            name: weight.detach().clone() for name, weight in state.network.appearance.named_parameters()
        }
    state.resume(folder, to_json(recipe))
    if ranks.is_main:
        write_json(folder / RECIPE_FILE, to_json(recipe))
    return Run(recipe, folder, ranks, sources, val_sources, plan, state, initial_weights)


def start(recipe: Recipe, ranks: Ranks, total_steps: int) -> TrainingState:
    """The network with its average, optimiser and schedule, before the first step."""
    torch.manual_seed(recipe.seed)
    network = GFSalNet(recipe.network)
    if recipe.start.backbone_weights is not None:
        load_trunk(network, recipe.start.backbone_weights)
    if recipe.start.single_stream is not None:
        start_from_single_stream(network, load_network(recipe.start.single_stream)[0])
    network = network.to(device=ranks.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # a documented overload the stub lacks
    ema = copy.deepcopy(network).requires_grad_(False) if recipe.optimiser.ema_decay else network
    optimiser = make_optimiser(network, recipe.optimiser)
    return TrainingState(
        network=network,
        ema=ema,
        optimiser=optimiser,
        schedule=make_schedule(optimiser, recipe.optimiser, total_steps),
        scaler=GradScaler(ranks.device.type, enabled=recipe.precision == "float16"),
        ddp_model=ranks.ddp_model(network),
    )
