"""Learn from people's gaze on frames: which frames, by which losses, and what becomes of the network (Sec. IV-B)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gfsalnet.errors import RecipeError
from gfsalnet.network import GFSalNet, Maps, saliency_loss
from gfsalnet.network.loss import Frames, defined_frames, gate_frames, gate_loss
from gfsalnet.network.weights import save_network
from gfsalnet.training.data.batches import Batch, Plan, PlannedStep, collate, make_step
from gfsalnet.training.data.examples import Example
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.recipe import LossWeights, Recipe
from gfsalnet.training.task import Task
from gfsalnet.training.validation import PredictedMaps


class GazeTask(Task[PlannedStep, Batch]):
    """A GFSalNet of one stream or both, trained on photographs, recordings and composed motion.

    Args:
        recipe: gives data, losses and network.
        folder: the folder of the run, which holds toy data.
        ranks: the processes of the run; the main one alone opens what is validated on.

    Raises:
        DatasetError, SourceError: if a dataset is missing or damaged.
        RecipeError: if there is nothing to train on.
    """

    def __init__(self, recipe: Recipe, folder: Path, ranks: Ranks) -> None:
        self._recipe, self._ranks = recipe, ranks
        # Every process opens the training data, since it makes its own share of each batch.
        parts = recipe.train, recipe.validate if ranks.is_main else ()
        self._sources, validation = (recipe.build_sources(some, folder) for some in parts)
        self.val_sources = [weighted.source for weighted in validation]
        self._plan = Plan(self._sources, recipe)
        # Of the first epoch, and so of all: how often frames are drawn does not change.
        self.steps_per_epoch = len(self._plan.epoch(0))
        if not self.steps_per_epoch:
            raise RecipeError(recipe.name, "its data hold no frame to train on", "Raise draws, or name other data.")

    def build_network(self) -> GFSalNet:
        """The network, started from the files that the recipe names."""
        return self._recipe.start.build(self._recipe.network)

    def epoch_steps(self, epoch: int) -> list[PlannedStep]:
        """Shuffled batches of frames of one size."""
        return self._plan.epoch(epoch)

    def make_pieces(self, epoch: int, step: PlannedStep) -> list[Batch]:
        """The frames of a step that are this process's, in up to `recipe.accumulate` pieces."""
        return make_step(self._sources, self._recipe, self._ranks, epoch, step)

    def count(self, pieces: Sequence[Batch]) -> list[float]:
        """For how many frames each loss is defined: KL and NSS of what is seen, of the still frame, and the gate's."""
        fused = [defined_frames(piece.density, piece.fixations) for piece in pieces]
        still = [defined_frames(piece.still_density, piece.still_fixations) for piece in pieces]
        counts = [sum(column) for columns in (fused, still) for column in zip(*columns, strict=True)]
        return [*counts, sum(int(gate_frames(piece.motion_share, piece.density).sum()) for piece in pieces)]

    def losses(self, network: nn.Module, piece: Batch, counts: Sequence[float]) -> Tensor:
        """(3,): total (eq. 6 and our additions), KL and NSS of the fused map."""
        with self._recipe.autocast(self._ranks.device):
            # From uint8 only here: on the way to a GPU the batch has a quarter of the bytes.
            maps = network(piece.rgb.float() / 255, piece.flow_image.float() / 255)
        # Outside of autocast: sums over a map's pixels want more digits than bfloat16 has.
        return step_loss(maps, piece, self._recipe.loss, FrameCounts.of(counts))

    def predict(self, network: nn.Module, example: Example) -> PredictedMaps:
        """The maps (h, w) of one example, each stream's also on its own, at the example's size."""
        return predict(network, example, self._recipe, self._ranks.device)

    @cached_property
    def _data(self) -> dict[str, Any]:
        return {
            "train": [weighted.source.fingerprint() for weighted in self._sources],
            "validate": [source.fingerprint() for source in self.val_sources],
        }

    def data(self) -> dict[str, Any]:
        """The fingerprints of all sources."""
        return self._data  # cached: hashing the data reads pictures, and every epoch writes the record twice

    def export(self, folder: Path, network: nn.Module, training: dict[str, Any]) -> None:
        """Write network and record, and how flow is made, so that prediction makes it the same."""
        assert isinstance(network, GFSalNet)
        about: dict[str, Any] = {"name": self._recipe.name, "training": training}
        if network.motion is not None:
            flow = self._recipe.flow
            estimator = flow.build()
            about["flow"] = {"estimator": estimator.name, **estimator.settings, "scale_pixels": flow.scale_pixels}
        save_network(folder, network, about)


class FrameCounts(NamedTuple):
    """For how many frames of a whole step, over all pieces and processes, each loss is defined."""

    fused: Frames
    """Frames that count for the fused map and the motion stream."""
    appearance: Frames
    """Frames that count for the appearance stream."""
    gate: float
    """Number of frames that count for the gate."""

    @classmethod
    def of(cls, counts: Sequence[float]) -> FrameCounts:
        """The counts of the five sums of `GazeTask.count`."""
        return cls(Frames(*counts[:2]), Frames(*counts[2:4]), counts[4])


def step_loss(maps: Maps, batch: Batch, weights: LossWeights, counts: FrameCounts) -> Tensor:
    """The losses of one piece, (3,): total (eq. 6 and our additions), KL and NSS of the fused map.

    Args:
        maps: what the network says, (B, 1, H, W) each.
        batch: the piece, on the same device.
        weights: how the losses are added.
        counts: what each loss is divided by.
    """
    factors = weights.alpha, weights.beta
    fused = saliency_loss(maps.saliency, batch.density, batch.fixations, *factors, counts.fused)
    total = fused.total
    if weights.streams and maps.appearance is not None and maps.motion is not None:
        # The appearance stream cannot see motion: it is asked for the looks that the still frame would draw.
        still = batch.still_density, batch.still_fixations
        appearance = saliency_loss(maps.appearance, *still, *factors, counts.appearance)
        motion = saliency_loss(maps.motion, batch.density, batch.fixations, *factors, counts.fused)
        total = total + weights.streams * (appearance.total + motion.total)
    if weights.gate and maps.gate is not None:
        total = total + weights.gate * gate_loss(maps.gate, batch.motion_share, batch.density, counts.gate)
    return torch.stack((total, fused.kl, fused.nss))


@torch.inference_mode()
def predict(network: nn.Module, example: Example, recipe: Recipe, device: torch.device) -> PredictedMaps:
    """The maps (h, w) of one example, by a network on `device` in its present mode (training or evaluation)."""
    batch = collate([example]).to(device)
    with recipe.autocast(device):
        maps: Maps = network(batch.rgb.float() / 255, batch.flow_image.float() / 255)
    saliency, appearance, motion, gate = (
        None if values is None else np.asarray(values[0, 0].float().cpu().numpy()) for values in maps
    )
    assert saliency is not None
    is_one = appearance is None or motion is None  # the map of a single stream is the saliency itself
    return PredictedMaps(saliency, None if is_one else appearance, None if is_one else motion, gate)
