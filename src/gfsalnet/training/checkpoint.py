"""The state of a run on disk: what a killed run needs to go on to the same losses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from gfsalnet.errors import RecipeError
from gfsalnet.network import GFSalNet

CHECKPOINT_FILE = "checkpoint.pt"
_CHANGES_NOTHING = ("accumulate", "device", "save_every_seconds", "workers")
"""Keys of a recipe that may differ when a run goes on."""


@dataclass
class TrainingProgress:
    """How far a run has come."""

    epoch: int = 0
    step: int = 0
    """Steps of this epoch that are done."""
    kl: float = 0.0
    nss: float = 0.0
    """Sums over the steps of this epoch, of losses."""
    frames: int = 0
    """Learned from in this epoch."""
    epoch_seconds: float = 0.0
    """Of training in this epoch."""
    seconds: float = 0.0
    """Of training in all epochs."""
    best: float | None = None
    """The score of the weights in `best/`."""

    @property
    def images_per_second(self) -> float:
        """Of this epoch so far."""
        return self.frames / max(self.epoch_seconds, 1e-9)

    def add_step(self, kl: float, nss: float, frames: int, seconds: float) -> None:
        """One more step of this epoch."""
        self.step += 1
        self.kl += kl
        self.nss += nss
        self.frames += frames
        self.epoch_seconds += seconds
        self.seconds += seconds

    def next_epoch(self) -> None:
        """Go on to it: the last one is trained and validated."""
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
    """Of the loss, in float16; otherwise it does nothing."""
    ddp_model: nn.Module
    """The network as one of several processes calls it."""
    progress: TrainingProgress = field(default_factory=TrainingProgress)

    def _parts(self) -> dict[str, Any]:
        parts = {"network": self.network, "optimiser": self.optimiser, "schedule": self.schedule, "scaler": self.scaler}
        return parts if self.ema is self.network else {**parts, "ema": self.ema}

    def save(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        """Write the checkpoint whole or not at all."""
        content = {name: part.state_dict() for name, part in self._parts().items()}
        temporary = folder / f".{CHECKPOINT_FILE}"
        torch.save({**content, "progress": asdict(self.progress), "recipe": dict(recipe)}, temporary)
        os.replace(temporary, folder / CHECKPOINT_FILE)

    def resume(self, folder: Path, recipe: Mapping[str, Any]) -> bool:
        """Load the folder's checkpoint if there is one.

        Raises:
            RecipeError: if it was made by another recipe or is damaged.
        """
        path = folder / CHECKPOINT_FILE
        if not path.exists():
            return False
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds on a damaged file
            raise RecipeError(path, f"not a readable checkpoint ({error})", "Remove it to start again.") from error
        if _essence(content["recipe"]) != _essence(recipe):
            remedy = "Train into another folder, or remove this one to start again."
            raise RecipeError(path, "was made by another recipe", remedy)
        for name, part in self._parts().items():
            part.load_state_dict(content[name])
        self.progress = TrainingProgress(**content["progress"])
        return True


def _essence(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recipe.items() if key not in _CHANGES_NOTHING}
