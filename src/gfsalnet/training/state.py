"""Everything that training changes, as it begins, and as a checkpoint keeps it for a run that is stopped."""

from __future__ import annotations

import copy
import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from gfsalnet.errors import OutputError, RecipeError
from gfsalnet.files import output_errors, written_whole
from gfsalnet.formats.door import opening
from gfsalnet.formats.tensors import read_torch
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.recipe import Recipe
from gfsalnet.training.task import Task

_ALMOST_NOTHING_BYTES = 2**16
"""Room below which the disk counts as full: PyTorch does not say why it could not write."""
CHECKPOINT_FILE = "checkpoint.pt"
_LOWER_IS_BETTER = frozenset({"kldiv"})
_CHANGES_NOTHING = ("accumulate", "channels_last", "compile", "device", "save_every_seconds", "workers")
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

    def is_better(self, score: float, metric: str) -> bool:
        """Whether an epoch's score of a metric beats the best so far; one that is undefined beats none."""
        if self.best is None:
            return True
        return score < self.best if metric in _LOWER_IS_BETTER else score > self.best

    def next_epoch(self) -> None:
        """Go on to the next epoch: the last one is trained and validated."""
        self.epoch += 1
        self.step = self.frames = 0
        self.kl = self.nss = self.epoch_seconds = 0.0


@dataclass
class TrainingState:
    """Everything that training changes."""

    network: nn.Module
    ema: nn.Module
    """The moving average of the network's weights; the network itself where nothing is averaged."""
    optimiser: Optimizer
    schedule: LRScheduler
    scaler: GradScaler
    """Scales the loss in float16; otherwise it does nothing."""
    ddp_model: nn.Module
    """The network as one of several processes calls it."""
    initial_weights: Mapping[str, Tensor]
    """The appearance stream's weights before the first step, where a share of them is kept."""
    recipe: Mapping[str, Any]
    """As JSON values: a checkpoint of another one is refused."""
    is_main: bool = True
    """Whether this process writes the checkpoint. All hold the same weights, so that one file serves them all."""
    progress: TrainingProgress = field(default_factory=TrainingProgress)

    def _parts(self) -> dict[str, Any]:
        parts = {"network": self.network, "optimiser": self.optimiser, "schedule": self.schedule, "scaler": self.scaler}
        return parts if self.ema is self.network else {**parts, "ema": self.ema}

    def export_weights(self, initial_share: float) -> nn.Module:
        """The weights that are validated and written: the average, with a share of the start in the appearance stream.

        Args:
            initial_share: 0…1.
        """
        if not self.initial_weights:
            return self.ema
        exported = copy.deepcopy(self.ema)  # training goes on from the average itself
        with torch.no_grad():
            for name, weight in exported.get_submodule("appearance").named_parameters():
                # Parameters alone: statistics of batch-norm belong to the weights that gathered them.
                weight.lerp_(self.initial_weights[name], initial_share)
        return exported

    def save(self, folder: Path) -> None:
        """Write the folder's checkpoint whole or not at all, if this is the main process.

        Torch's random numbers are no part of it: they are seeded anew from the place in the run before every step.

        Raises:
            OutputError: if it cannot be written.
        """
        if not self.is_main:
            return
        content = {name: part.state_dict() for name, part in self._parts().items()}
        content |= {"progress": asdict(self.progress), "recipe": dict(self.recipe)}
        path = folder / CHECKPOINT_FILE
        with output_errors(path), written_whole(path) as partial:
            try:
                torch.save(content, partial)
            except RuntimeError as error:  # what torch makes of a full disk or a missing folder
                is_full = shutil.disk_usage(folder).free < _ALMOST_NOTHING_BYTES
                reason = os.strerror(errno.ENOSPC) if is_full else str(error).splitlines()[0]
                problem = f"cannot be written ({reason})"
                raise OutputError(path, problem, "Free some space, or train into another folder.") from error

    def resume(self, folder: Path) -> bool:
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
            # Through the type, so that keys that are new since then have their defaults.
            made_by = Recipe.from_json(content["recipe"]).to_json()
        if _essence(made_by) != _essence(self.recipe):
            remedy = "Train into another folder, or remove this one to start again."
            raise RecipeError(path, "was made by another recipe", remedy)
        with opening(path, "checkpoint", RecipeError, again):
            for name, part in self._parts().items():
                part.load_state_dict(content[name])
            self.progress = TrainingProgress(**content["progress"])
        return True


def _essence(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recipe.items() if key not in _CHANGES_NOTHING}


def initial_state(recipe: Recipe, task: Task[Any, Any], ranks: Ranks) -> TrainingState:
    """The network with its average, optimiser and schedule, before the first step."""
    torch.manual_seed(recipe.seed)  # all processes start from the same weights
    network = task.build_network()
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    network = network.to(device=ranks.device, memory_format=layout)  # type: ignore[call-overload]  # a documented overload the stub lacks
    # Copied before the optimiser freezes anything: the average never asks for gradients.
    ema = copy.deepcopy(network).requires_grad_(False) if recipe.optimiser.ema_decay else network
    optimiser, schedule = recipe.optimiser.build(network, total_steps=recipe.epochs * task.steps_per_epoch)
    # Taken before a checkpoint is: a run that goes on starts from the same weights as one that was never stopped.
    appearance = getattr(network, "appearance", None) if recipe.start.appearance_share else None
    named = appearance.named_parameters() if isinstance(appearance, nn.Module) else ()
    # Compiled below what exchanges gradients, which acts between the layers' backward passes. The weights stay those of
    # `network`, under its own names: a checkpoint does not tell whether it was trained compiled.
    trained = cast(nn.Module, torch.compile(network)) if recipe.compile else network
    return TrainingState(
        network=network,
        ema=ema,
        optimiser=optimiser,
        schedule=schedule,
        scaler=GradScaler(ranks.device.type, enabled=recipe.precision == "float16"),
        ddp_model=ranks.ddp_model(trained),
        initial_weights={name: weight.detach().clone() for name, weight in named},
        recipe=recipe.to_json(),
        is_main=ranks.is_main,
    )
