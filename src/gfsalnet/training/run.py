"""Everything that one run works with, opened from a recipe and a folder, and what a stopped run needs to go on."""

from __future__ import annotations

import copy
import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from gfsalnet.errors import OutputError, RecipeError
from gfsalnet.files import output_errors, write_json, written_whole
from gfsalnet.formats.door import opening
from gfsalnet.formats.tensors import read_torch
from gfsalnet.network import GFSalNet
from gfsalnet.training.data.batches import Plan
from gfsalnet.training.data.examples import Source
from gfsalnet.training.data.sources import WeightedSource, draw_toys
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.recipe import Recipe

_ALMOST_NOTHING_BYTES = 2**16
RECIPE_FILE, CHECKPOINT_FILE = "recipe.json", "checkpoint.pt"
_CHANGES_NOTHING = ("accumulate", "device", "save_every_seconds", "workers")
"""Keys of a recipe that may differ when a run goes on."""


@dataclass
class TrainingProgress:
    """How far a run has come."""

    epoch: int = 0
    step: int = 0
    """Number of steps of this epoch that are done."""
    kl: float = 0.0
    nss: float = 0.0
    """Sums of the losses over the steps of this epoch."""
    frames: int = 0
    """Number of frames learned from in this epoch."""
    epoch_seconds: float = 0.0
    """Seconds of training in this epoch."""
    seconds: float = 0.0
    """Seconds of training in all epochs."""
    best: float | None = None
    """The validation score of the weights in `best/`."""

    @property
    def images_per_second(self) -> float:
        """Frames per second of training, over this epoch so far."""
        return self.frames / max(self.epoch_seconds, 1e-9)

    def add_step(self, kl: float, nss: float, frames: int, seconds: float) -> None:
        """Count one more step of this epoch."""
        self.step += 1
        self.kl += kl
        self.nss += nss
        self.frames += frames
        self.epoch_seconds += seconds
        self.seconds += seconds

    def next_epoch(self) -> None:
        """Go on to the next epoch: the last one is trained and validated."""
        self.epoch += 1
        self.step = self.frames = 0
        self.kl = self.nss = self.epoch_seconds = 0.0


@dataclass
class TrainingState:
    """Everything that training changes."""

    network: GFSalNet
    ema: GFSalNet
    """The moving average of the network's weights; the network itself where nothing is averaged."""
    optimiser: Optimizer
    schedule: LRScheduler
    scaler: GradScaler
    """Scales the loss in float16; otherwise it does nothing."""
    ddp_model: nn.Module
    """The network as one of several processes calls it."""
    progress: TrainingProgress = field(default_factory=TrainingProgress)

    def _parts(self) -> dict[str, Any]:
        parts = {"network": self.network, "optimiser": self.optimiser, "schedule": self.schedule, "scaler": self.scaler}
        return parts if self.ema is self.network else {**parts, "ema": self.ema}

    def save(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        """Write the checkpoint whole or not at all.

        Torch's random numbers are no part of it: they are seeded anew from the place in the run before every step.

        Raises:
            OutputError: if it cannot be written.
        """
        content = {name: part.state_dict() for name, part in self._parts().items()}
        content |= {"progress": asdict(self.progress), "recipe": dict(recipe)}
        path = folder / CHECKPOINT_FILE
        with output_errors(path), written_whole(path) as partial:
            try:
                torch.save(content, partial)
            except RuntimeError as error:  # what torch makes of a full disk or a missing folder
                is_full = shutil.disk_usage(folder).free < _ALMOST_NOTHING_BYTES
                reason = os.strerror(errno.ENOSPC) if is_full else str(error).splitlines()[0]
                problem = f"cannot be written ({reason})"
                raise OutputError(path, problem, "Free some space, or train into another folder.") from error

    def resume(self, folder: Path, recipe: Mapping[str, Any]) -> bool:
        """Load the folder's checkpoint if there is one.

        Raises:
            RecipeError: if it was made by another recipe or is damaged.
        """
        path = folder / CHECKPOINT_FILE
        if not path.exists():
            return False
        again = "Remove it to start again."
        # On the CPU: load_state_dict copies each part to where it lives.
        content = read_torch(path, RecipeError, again)
        with opening(path, "checkpoint", RecipeError, again):
            made_by = _essence(content["recipe"])
        if made_by != _essence(recipe):
            remedy = "Train into another folder, or remove this one to start again."
            raise RecipeError(path, "was made by another recipe", remedy)
        with opening(path, "checkpoint", RecipeError, again):
            for name, part in self._parts().items():
                part.load_state_dict(content[name])
            self.progress = TrainingProgress(**content["progress"])
        return True


def _essence(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recipe.items() if key not in _CHANGES_NOTHING}


@dataclass(frozen=True)
class Run:
    """One run, seen from one of its processes."""

    recipe: Recipe
    folder: Path
    ranks: Ranks
    sources: Sequence[WeightedSource]
    val_sources: Sequence[Source]
    """What is validated on; empty in all processes but the main one."""
    plan: Plan
    state: TrainingState
    initial_weights: Mapping[str, Tensor]
    """The appearance stream's weights before the first step, where the recipe keeps a share of them."""

    def export_weights(self) -> GFSalNet:
        """The weights that are validated and written: the average, with the recipe's share of the start."""
        if not self.initial_weights:
            return self.state.ema
        exported = copy.deepcopy(self.state.ema)  # training goes on from the average itself
        assert exported.appearance is not None
        with torch.no_grad():
            for name, weight in exported.appearance.named_parameters():
                weight.lerp_(self.initial_weights[name], self.recipe.start.appearance_share)
        return exported

    def save(self) -> None:
        """Write the checkpoint, in the main process: all processes hold the same weights."""
        if self.ranks.is_main:
            self.state.save(self.folder, self.recipe.to_json())

    def about(self) -> dict[str, Any]:
        """What a user of the weights needs to know, as JSON values: how flow is made, and the record of the run."""
        training = {
            "recipe": self.recipe.to_json(),
            "data": self._data,
            "seconds": round(self.state.progress.seconds),
            "device": str(self.ranks.device),
            "processes": self.ranks.world,
        }
        about = {"name": self.recipe.name, "training": training}
        if self.state.network.motion is not None:
            estimator = self.recipe.flow.build()
            scale_pixels = self.recipe.flow.scale_pixels
            about["flow"] = {"estimator": estimator.name, **estimator.settings, "scale_pixels": scale_pixels}
        return about

    @cached_property
    def _data(self) -> dict[str, Any]:
        # Cached: hashing the data reads pictures, and every epoch writes the record twice.
        return {
            "train": [weighted.source.fingerprint() for weighted in self.sources],
            "validate": [source.fingerprint() for source in self.val_sources],
        }


def open_run(recipe: Recipe, folder: Path, ranks: Ranks) -> Run:
    """Open the data, build the network and its optimiser, and take up the folder's checkpoint if there is one.

    Raises:
        DatasetError, SourceError, WeightsError: if an input is missing or damaged.
        RecipeError: if the recipe cannot run on this device, or the folder holds the run of another.
        OutputError: if the folder cannot be written to.
    """
    if recipe.precision == "float16" and ranks.device.type == "cpu":
        remedy = "Set precision to bfloat16 or float32."
        raise RecipeError(recipe.name, "float16 needs a GPU, and this run is on the CPU", remedy)
    if ranks.is_main:
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            draw_toys((*recipe.train, *recipe.validate), folder)
    ranks.wait()  # until the toy data lie there
    # Every process opens the training data, since it makes its own share of each batch.
    sources = recipe.build_sources(recipe.train, folder)
    validation = recipe.build_sources(recipe.validate, folder) if ranks.is_main else []
    plan = Plan(sources, recipe)
    steps = len(plan.epoch(0))
    if not steps:
        raise RecipeError(recipe.name, "its data hold no frame to train on", "Raise draws, or name other data.")
    state = initial_state(recipe, ranks, total_steps=recipe.epochs * steps)
    # Taken before the checkpoint is: a run that goes on starts from the same weights as one that was never stopped.
    initial_weights = {}
    if recipe.start.appearance_share and state.network.appearance is not None:
        named = state.network.appearance.named_parameters()
        initial_weights = {name: weight.detach().clone() for name, weight in named}
    state.resume(folder, recipe.to_json())
    if ranks.is_main:
        write_json(folder / RECIPE_FILE, recipe.to_json())
    val_sources = [weighted.source for weighted in validation]
    return Run(recipe, folder, ranks, sources, val_sources, plan, state, initial_weights)


def initial_state(recipe: Recipe, ranks: Ranks, total_steps: int) -> TrainingState:
    """The network with its average, optimiser and schedule, before the first step."""
    torch.manual_seed(recipe.seed)  # all processes start from the same weights
    network = recipe.start.build(recipe.network)
    network = network.to(device=ranks.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # a documented overload the stub lacks
    # Copied before the optimiser freezes anything: the average never asks for gradients.
    ema = copy.deepcopy(network).requires_grad_(False) if recipe.optimiser.ema_decay else network
    optimiser, schedule = recipe.optimiser.build(network, total_steps)
    return TrainingState(
        network=network,
        ema=ema,
        optimiser=optimiser,
        schedule=schedule,
        scaler=GradScaler(ranks.device.type, enabled=recipe.precision == "float16"),
        ddp_model=ranks.ddp_model(network),
    )
