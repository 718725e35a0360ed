"""The training loop, visible from first step to last (Sec. IV-B)."""

from __future__ import annotations

import copy
import csv
import hashlib
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from gfsalnet.errors import RecipeError
from gfsalnet.metrics import PAPER_METRICS
from gfsalnet.network import GFSalNet, saliency_loss
from gfsalnet.network.weights import load_trunk, save_network
from gfsalnet.training.checkpoint import TrainingState
from gfsalnet.training.photographs import Batch, Photograph, batches_of_epoch, batches_per_epoch, load_photographs
from gfsalnet.training.recipe import Optimiser, Recipe, to_json
from gfsalnet.training.validation import Scores, predictor, score_all
from gfsalnet.video import prefetch

CURVES_FILE = "curves.csv"


@dataclass(frozen=True)
class Step:
    """One batch has been learned from."""

    epoch: int
    step: int
    steps_per_epoch: int
    loss: float


@dataclass(frozen=True)
class Epoch:
    """One epoch is done and validated."""

    epoch: int
    seconds: float
    """Of training, without validation."""
    kl: float
    nss: float
    """Means over the epoch's batches; nss as the metric, higher is better."""
    scores: Scores


def train(recipe: Recipe, folder: Path) -> Iterator[Step | Epoch]:
    """Run the recipe, or go on where a killed run stopped, and leave the averaged weights in `folder/model`.

    Yields:
        a `Step` after every batch and an `Epoch` after every epoch; the caller shows them.

    Raises:
        DatasetError, WeightsError: if an input is missing.
        RecipeError: if the folder holds the run of another recipe, or the loss stops being a number.
    """
    torch.manual_seed(recipe.seed)
    folder.mkdir(parents=True, exist_ok=True)
    photographs, validation = load_photographs(recipe)
    network = GFSalNet(recipe.network)
    if recipe.trunk_weights is not None:
        load_trunk(network, recipe.trunk_weights)
    steps = batches_per_epoch(photographs, recipe)
    state = start(network, recipe.optimiser, steps * recipe.epochs)
    resolved = to_json(recipe)
    state.resume(folder, resolved)
    for epoch in range(state.epochs_done, recipe.epochs):
        began, losses = time.monotonic(), []
        state.network.train()
        for step, batch in enumerate(prefetch(batches_of_epoch(photographs, recipe, epoch), depth=2)):
            losses.append(learn(state, batch, recipe))
            yield Step(epoch, step, steps, losses[-1][0])
        seconds = time.monotonic() - began
        scores = score_all(validation, predictor(state.average.eval(), bfloat16=recipe.bfloat16))
        kl, nss = (sum(values) / len(losses) for values in list(zip(*losses, strict=True))[1:])
        done = Epoch(epoch, seconds, kl, -nss, scores)
        _append_curve(folder / CURVES_FILE, done)
        state.epochs_done = epoch + 1
        state.save(folder, resolved)
        yield done
    about = {"name": recipe.name, "training": {"recipe": resolved, "data": fingerprint(photographs, validation)}}
    save_network(folder / "model", state.average, about)


def start(network: GFSalNet, how: Optimiser, total_steps: int) -> TrainingState:
    """A network with its average, optimiser and schedule, before the first step."""
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a documented overload the stub lacks
    trunk = {id(p) for stream in (network.appearance, network.motion) if stream for p in stream.trunk.parameters()}
    groups = []
    for parameter in network.parameters():
        rate = how.learning_rate * (how.trunk_factor if id(parameter) in trunk else 1)
        decay = how.weight_decay if parameter.ndim > 1 else 0.0
        groups.append({"params": [parameter], "lr": rate, "weight_decay": decay})
    optimiser = torch.optim.AdamW(groups)
    warm = max(how.warm_up * total_steps, 1)

    def factor(step: int) -> float:
        through = min(max(step - warm, 0) / max(total_steps - warm, 1), 1)
        return min((step + 1) / warm, 1) * (0.505 + 0.495 * math.cos(math.pi * through))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    return TrainingState(network, copy.deepcopy(network), optimiser, schedule)


def learn(state: TrainingState, batch: Batch, recipe: Recipe) -> tuple[float, float, float]:
    """One step: forward, loss, backward, update, average. Returns the total, KL and NSS losses.

    Raises:
        RecipeError: if the loss is not a number; the last checkpoint is still good.
    """
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
        maps = state.network(batch.rgb, batch.rgb)
    loss = saliency_loss(maps.saliency, batch.density, batch.fixations, recipe.alpha, recipe.beta)
    if not torch.isfinite(loss.total):
        raise RecipeError(recipe.name, "the loss is no longer a number", "Lower optimiser.learning_rate and run again.")
    state.optimiser.zero_grad(set_to_none=True)
    loss.total.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    nn.utils.clip_grad_norm_(state.network.parameters(), recipe.optimiser.clip_norm)
    state.optimiser.step()
    state.schedule.step()
    _follow(state, recipe.optimiser.average_decay)
    return loss.total.item(), loss.kl.item(), loss.nss.item()


@torch.no_grad()
def _follow(state: TrainingState, decay: float) -> None:
    """Move the average towards the network; faster at first, when the start still weighs too much."""
    steps = state.schedule.last_epoch
    decay = min(decay, (1 + steps) / (10 + steps))
    for average, current in zip(state.average.parameters(), state.network.parameters(), strict=True):
        average.lerp_(current, 1 - decay)
    for kept, statistic in zip(state.average.buffers(), state.network.buffers(), strict=True):
        kept.copy_(statistic)


def _append_curve(path: Path, epoch: Epoch) -> None:
    """One row an epoch; rows of epochs that a killed run has to repeat are replaced."""
    rows = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if int(row["epoch"]) < epoch.epoch]
    numbers = {"seconds": epoch.seconds, "train_kl": epoch.kl, "train_nss": epoch.nss, **epoch.scores["mean"]}
    rows.append({"epoch": str(epoch.epoch)} | {name: f"{value:.4f}" for name, value in numbers.items()})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["epoch", "seconds", "train_kl", "train_nss", *PAPER_METRICS])
        writer.writeheader()
        writer.writerows(rows)


def fingerprint(photographs: list[Photograph], validation: list[Photograph]) -> dict[str, object]:
    """What the run learned from and was validated on: counts, and a hash of names, pixels and fixations."""
    digest = hashlib.blake2b(digest_size=16)
    for photograph in (*photographs, *validation):
        digest.update(json.dumps([photograph.name, photograph.fixations.size_wh]).encode())
        digest.update(photograph.rgb.tobytes() + photograph.fixations.x.tobytes() + photograph.fixations.y.tobytes())
    return {"photographs": len(photographs), "validation": len(validation), "blake2b": digest.hexdigest()}
