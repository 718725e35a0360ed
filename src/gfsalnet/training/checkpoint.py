"""The state of a run on disk: what a killed run needs to go on to the same losses."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from gfsalnet.errors import RecipeError
from gfsalnet.network import GFSalNet

CHECKPOINT_FILE = "checkpoint.pt"


@dataclass
class TrainingState:
    """Everything that training changes."""

    network: GFSalNet
    average: GFSalNet
    """The moving average of the network's weights."""
    optimiser: Optimizer
    schedule: LRScheduler
    epochs_done: int = 0

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "average": self.average,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
        }

    def save(self, folder: Path, recipe: dict[str, Any]) -> None:
        """Write the checkpoint whole or not at all."""
        content = {name: part.state_dict() for name, part in self._parts().items()}
        temporary = folder / f".{CHECKPOINT_FILE}"
        torch.save({**content, "epochs_done": self.epochs_done, "recipe": recipe}, temporary)
        os.replace(temporary, folder / CHECKPOINT_FILE)

    def resume(self, folder: Path, recipe: dict[str, Any]) -> bool:
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
        if content["recipe"] != recipe:
            remedy = "Train into another folder, or remove this one to start again."
            raise RecipeError(path, "was made by another recipe", remedy)
        for name, part in self._parts().items():
            part.load_state_dict(content[name])
        self.epochs_done = content["epochs_done"]
        return True
