"""The training loop and its step, visible from first to last (Sec. IV-B)."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gfsalnet.errors import RecipeError
from gfsalnet.files import output_errors
from gfsalnet.network import GFSalNet, Maps, saliency_loss
from gfsalnet.network.loss import Frames, defined_frames, gate_frames, gate_loss
from gfsalnet.network.weights import save_network
from gfsalnet.store import claimed, remove_partials
from gfsalnet.training.data.batches import Batch, make_step, prefetch_map
from gfsalnet.training.distributed import Ranks, all_ranks
from gfsalnet.training.recipe import LossWeights, Recipe
from gfsalnet.training.report.curves import missing_tools, write_curves
from gfsalnet.training.report.samples import write_samples
from gfsalnet.training.run import Run, TrainingState, open_run
from gfsalnet.training.validation import ValidationScores, is_better, validate

LAST_FOLDER, BEST_FOLDER, SAMPLES_FOLDER = "last", "best", "samples"


@dataclass(frozen=True)
class Note:
    """Something the user should know before the first step."""

    text: str


@dataclass(frozen=True)
class Step:
    """One batch has been learned from."""

    epoch: int
    step: int
    steps_per_epoch: int
    loss: float
    images_per_second: float
    """Frames per second of training, over the epoch so far."""


@dataclass(frozen=True)
class Epoch:
    """One epoch is done and validated."""

    epoch: int
    seconds: float
    """Seconds of training, without validation."""
    images_per_second: float
    learning_rate: float
    """The highest rate of all parameters, at the epoch's end."""
    kl: float
    nss: float
    """Means over the epoch's batches; nss as the metric, higher is better."""
    scores: ValidationScores
    """Empty where the recipe validates on nothing."""
    motion_share: float | None
    """How far motion was trusted where the network expects looks, 0…1; None without a gate."""
    is_best: bool

    def numbers(self) -> dict[str, float]:
        """The columns of curves.csv after the epoch's number."""
        numbers = {
            "seconds": self.seconds,
            "images_per_second": self.images_per_second,
            "learning_rate": self.learning_rate,
            "train_kl": self.kl,
            "train_nss": self.nss,
        }
        if self.scores:
            numbers |= self.scores["saliency"]["mean"]
        if "motion" in self.scores:
            for metric in ("nss", "cc"):
                for stream in ("appearance", "motion"):
                    numbers[f"{stream}_{metric}"] = self.scores[stream]["mean"][metric]
        if self.motion_share is not None:
            numbers["mean_motion_share"] = self.motion_share
        return numbers


Event = Note | Step | Epoch


def train(recipe: Recipe, folder: Path) -> Generator[Event, None, None]:
    """Run the recipe, or go on where a stopped run was, and leave the weights in `folder/best` and `folder/last`.

    Whatever stops it, the same call goes on from the last checkpoint to the same weights; a caller that stops it
    between two events (`close()`) loses nothing. Under `torchrun` every process calls it; only the main one yields,
    validates and writes.

    Args:
        recipe: what to do.
        folder: the folder of the run, made if need be.

    Yields:
        `Note`s about what is missing, a `Step` after every batch and an `Epoch` after every epoch; the caller shows
        them.

    Raises:
        DatasetError, SourceError, WeightsError, GFSalNetError: if an input or the device is missing.
        OutputError: if the folder cannot be written to, or another process trains in it.
        RecipeError: if the folder holds the run of another recipe, or the loss stops being a number.
    """
    with ExitStack() as stack:
        ranks = stack.enter_context(all_ranks(recipe.device))
        if ranks.is_main:
            stack.enter_context(claimed(folder, recipe.name, inside=True))
            remove_partials(folder / LAST_FOLDER, folder / BEST_FOLDER, folder / SAMPLES_FOLDER)
            yield from map(Note, missing_tools())
        run = open_run(recipe, folder, ranks)
        done = run.state.progress
        try:
            while done.epoch < recipe.epochs:
                with closing(_epoch_steps(run)) as steps:
                    for event in steps:
                        if ranks.is_main:
                            yield event
                run.save()  # should it be stopped while it validates
                epoch = _finish_epoch(run) if ranks.is_main else None
                done.next_epoch()
                run.save()
                if epoch is not None:
                    yield epoch
        except GeneratorExit:  # comes at a yield, where no step is half done
            run.save()
            raise
        ranks.wait()


def _epoch_steps(run: Run) -> Generator[Step, None, None]:
    """Learn from what is left of the epoch, step by step."""
    recipe, ranks, state, done = run.recipe, run.ranks, run.state, run.state.progress
    steps = run.plan.epoch(done.epoch)
    left = steps[done.step :]
    to_training_mode(state.network, recipe)
    make = partial(make_step, run.sources, recipe, ranks, done.epoch)
    with closing(prefetch_map(make, left, recipe.workers)) as batches:
        # The clock runs from step to step: waiting for batches counts as training, validation does not.
        began = saved = time.monotonic()
        # Batches come in the order of their steps, however many threads make them.
        for step, pieces in zip(left, batches, strict=True):
            # Torch's random numbers depend on where the run is, not on how it came there: a run that goes on draws what
            # one that was never stopped does. Processes differ, so that dropout does.
            place = np.random.SeedSequence((recipe.seed, done.epoch, step.number, ranks.rank))
            torch.manual_seed(int(place.generate_state(1)[0]))
            losses = train_step(state, pieces, recipe, ranks)
            now = time.monotonic()
            done.add_step(losses.kl, losses.nss, len(step.frames), now - began)
            began = now
            yield Step(done.epoch, step.number, len(steps), losses.total, done.images_per_second)
            if now - saved > recipe.save_every_seconds:
                run.save()
                saved = now


class Losses(NamedTuple):
    """Losses of one step, over its whole batch."""

    total: float
    kl: float
    nss: float
    """NSS of the fused map as a loss: lower is better."""


def train_step(state: TrainingState, pieces: Sequence[Batch], recipe: Recipe, ranks: Ranks) -> Losses:
    """One optimiser step: forward and backward piece by piece, then one update of the weights and their average.

    Every piece divides by the frames of the whole step, over all pieces and processes: the gradient is that of the
    undivided batch, also where frames without gaze are spread unevenly.

    Raises:
        RecipeError: if the loss or the gradient is not a number; the weights have not been moved then.
    """
    counts = count_frames(pieces, ranks)
    sums = torch.zeros(3, dtype=torch.float64, device=ranks.device)
    state.optimiser.zero_grad(set_to_none=True)
    for number, piece in enumerate(pieces):
        batch = piece.to(ranks.device)
        # Processes exchange gradients once per step, with the last piece: all make as many exchanges, however many
        # pieces they have.
        with ranks.no_sync(state.ddp_model, unless=number == len(pieces) - 1):
            with recipe.autocast(ranks.device):
                # From uint8 only here: on the way to a GPU the batch has a quarter of the bytes.
                maps = state.ddp_model(batch.rgb.float() / 255, batch.flow_image.float() / 255)
            losses = step_loss(maps, batch, recipe.loss, counts)
            # Several processes average their gradients; the loss is a sum over them.
            state.scaler.scale(losses[0] * ranks.world).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        sums += losses.detach()  # in float64: the sum must not depend on the number of pieces
    step = Losses(*ranks.sum(sums.tolist()))
    state.scaler.unscale_(state.optimiser)  # before clipping, which is about the true gradient
    norm = nn.utils.clip_grad_norm_(state.network.parameters(), recipe.optimiser.clip_norm or math.inf)
    # In float16 the scaler looks after gradients that overflow: it leaves the step out and scales less.
    if not math.isfinite(step.total) or not (state.scaler.is_enabled() or torch.isfinite(norm)):
        raise RecipeError(recipe.name, "the loss is no longer a number", "Lower optimiser.learning_rate and run again.")
    state.scaler.step(state.optimiser)
    state.scaler.update()
    state.schedule.step()
    if recipe.optimiser.ema_decay:
        update_ema(state, recipe.optimiser.ema_decay)
    return step


class FrameCounts(NamedTuple):
    """For how many frames of a whole step, over all pieces and processes, each loss is defined."""

    fused: Frames
    """Frames that count for the fused map and the motion stream."""
    appearance: Frames
    """Frames that count for the appearance stream."""
    gate: float
    """Number of frames that count for the gate."""


def count_frames(pieces: Sequence[Batch], ranks: Ranks) -> FrameCounts:
    """Count the frames of a step, before any loss divides by them."""
    fused = [defined_frames(piece.density, piece.fixations) for piece in pieces]
    still = [defined_frames(piece.still_density, piece.still_fixations) for piece in pieces]
    counts = [sum(column) for columns in (fused, still) for column in zip(*columns, strict=True)]
    counts.append(sum(int(gate_frames(piece.motion_share, piece.density).sum()) for piece in pieces))
    counts = ranks.sum(counts)  # one exchange for all five
    return FrameCounts(Frames(*counts[:2]), Frames(*counts[2:4]), counts[4])


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


@torch.no_grad()
def update_ema(state: TrainingState, decay: float) -> None:
    """Move the average towards the network; faster at first, when the start still weighs too much."""
    steps = state.schedule.last_epoch  # PyTorch's name for the number of updates so far
    decay = min(decay, (1 + steps) / (10 + steps))
    for average, current in zip(state.ema.parameters(), state.network.parameters(), strict=True):
        average.lerp_(current, 1 - decay)
    # Batch-norm's statistics are averages already, and some buffers count steps: they are copied.
    for kept, statistic in zip(state.ema.buffers(), state.network.buffers(), strict=True):
        kept.copy_(statistic)


def to_training_mode(network: GFSalNet, recipe: Recipe) -> None:
    """Set the network to training, but for batch-norms that keep their statistics and a stream that is frozen."""
    # Validation before has set all of it to evaluation.
    network.train()
    if network.appearance is not None and recipe.optimiser.appearance_factor == 0:
        network.appearance.eval()
    if recipe.freeze_batch_norm:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def _finish_epoch(run: Run) -> Epoch:
    """Validate, and write all that an epoch leaves: weights, curves, sample sheets."""
    recipe, done = run.recipe, run.state.progress
    network = run.export_weights()
    found = validate(network, run.val_sources, recipe, run.ranks.device)
    score = found.scores["saliency"]["mean"][recipe.select] if found.scores else math.nan
    epoch = Epoch(
        epoch=done.epoch,
        seconds=done.epoch_seconds,
        images_per_second=done.images_per_second,
        learning_rate=max(float(rate) for rate in run.state.schedule.get_last_lr()),
        kl=done.kl / done.step,
        nss=-done.nss / done.step,
        scores=found.scores,
        motion_share=found.motion_share,
        is_best=not found.scores or is_better(score, done.best, recipe.select),
    )
    # Before the checkpoint says that the epoch is over: a run that is killed in between validates and writes again.
    with output_errors(run.folder):
        save_network(run.folder / LAST_FOLDER, network, run.about())
        if epoch.is_best:
            # An undefined score is no score: the next epoch that has one is better.
            done.best = None if math.isnan(score) else score
            save_network(run.folder / BEST_FOLDER, network, run.about())
        write_curves(run.folder, epoch.epoch, epoch.numbers())
    write_samples(run.folder / SAMPLES_FOLDER / f"epoch-{done.epoch + 1:03d}.png", run, network)
    return epoch
