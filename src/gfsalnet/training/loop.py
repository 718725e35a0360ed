"""The training loop and its step, visible from first to last (Sec. IV-B)."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from gfsalnet.errors import RecipeError
from gfsalnet.files import output_errors, write_json
from gfsalnet.store import claimed, remove_partials
from gfsalnet.training.data.prefetch import prefetch_map
from gfsalnet.training.distillation.task import DistillationTask
from gfsalnet.training.distributed import Ranks, all_ranks
from gfsalnet.training.gaze_task import GazeTask
from gfsalnet.training.recipe import Recipe
from gfsalnet.training.report.curves import missing_tools, write_curves
from gfsalnet.training.report.samples import write_samples
from gfsalnet.training.state import TrainingState, initial_state
from gfsalnet.training.task import Task
from gfsalnet.training.validation import ValidationScores, validate

_COMPILERS = ("c++", "g++", "clang++", "cl")
"""What `torch.compile` may call on a CPU; without any it would fail in the first step."""
LAST_FOLDER, BEST_FOLDER, SAMPLES_FOLDER, RECIPE_FILE = "last", "best", "samples", "recipe.json"


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
        # Only epochs that were validated have them; the others leave the cells empty.
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


@dataclass(frozen=True)
class Run:
    """One run, seen from one of its processes."""

    recipe: Recipe
    folder: Path
    ranks: Ranks
    task: Task[Any, Any]
    state: TrainingState

    def record(self) -> dict[str, Any]:
        """How the weights came about, as JSON values."""
        return {
            "recipe": self.recipe.to_json(),
            "data": self.task.data(),
            "seconds": round(self.state.progress.seconds),
            "device": str(self.ranks.device),
            "processes": self.ranks.world,
        }


def _nowhere(done: int, total: int) -> None:
    """Tell nobody."""


def train(recipe: Recipe, folder: Path, on_clip: Callable[[int, int], None] = _nowhere) -> Generator[Event, None, None]:
    """Run the recipe, or go on where a stopped run was, and leave the weights in `folder/best` and `folder/last`.

    Whatever stops it, the same call goes on from the last checkpoint to the same weights; a caller that stops it
    between two events (`close()`) loses nothing. Under `torchrun` every process calls it; only the main one yields,
    validates and writes.

    Args:
        recipe: what to do.
        folder: the folder of the run, made if need be.
        on_clip: called, before the first step, with the numbers of clips that teachers have watched and of all.

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
            # The claim has removed those in the folder itself, not those in folders inside.
            remove_partials(folder / LAST_FOLDER, folder / BEST_FOLDER, folder / SAMPLES_FOLDER)
            yield from map(Note, missing_tools())
        run = open_run(recipe, folder, ranks, on_clip)
        done = run.state.progress
        try:
            while done.epoch < recipe.epochs:
                with closing(_epoch_steps(run)) as steps:
                    for event in steps:
                        if ranks.is_main:
                            yield event
                run.state.save(folder)  # should it be stopped while it validates
                epoch = _finish_epoch(run) if ranks.is_main else None
                # Only now: a run that is killed while it validates does that again, and no epoch is left unjudged.
                done.next_epoch()
                run.state.save(folder)
                if epoch is not None:
                    yield epoch
        except GeneratorExit:  # comes at a yield, where no step is half done
            run.state.save(folder)
            raise
        ranks.wait()


def open_run(recipe: Recipe, folder: Path, ranks: Ranks, on_clip: Callable[[int, int], None] = _nowhere) -> Run:
    """Open the data, build the network and its optimiser, and take up the folder's checkpoint if there is one.

    Raises:
        DatasetError, SourceError, WeightsError: if an input is missing or damaged.
        RecipeError: if the recipe cannot run on this device, or the folder holds the run of another.
        OutputError: if the folder cannot be written to.
    """
    if recipe.precision == "float16" and ranks.device.type == "cpu":
        remedy = "Set precision to bfloat16 or float32."
        raise RecipeError(recipe.name, "float16 needs a GPU, and this run is on the CPU", remedy)
    if recipe.compile and ranks.device.type == "cpu" and not any(map(shutil.which, _COMPILERS)):
        raise RecipeError(recipe.name, "compile needs a C++ compiler on a CPU", "Install g++, or set compile to false.")
    if ranks.is_main:
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for part in (*recipe.train, *recipe.validate):
                part.draw(folder)
    ranks.wait()  # until the toy data lie there
    distils = recipe.distillation is not None
    task: Task[Any, Any] = (
        DistillationTask(recipe, folder, ranks, on_clip) if distils else GazeTask(recipe, folder, ranks)
    )
    state = initial_state(recipe, task, ranks)
    state.resume(folder)
    if ranks.is_main:
        write_json(folder / RECIPE_FILE, recipe.to_json())
    return Run(recipe, folder, ranks, task, state)


def _epoch_steps(run: Run) -> Generator[Step, None, None]:
    """Learn from what is left of the epoch, step by step."""
    recipe, ranks, task, done = run.recipe, run.ranks, run.task, run.state.progress
    steps = task.epoch_steps(done.epoch)
    left = steps[done.step :]
    to_training_mode(run.state.network, recipe)
    with closing(prefetch_map(partial(task.make_pieces, done.epoch), left, recipe.workers)) as made:
        # The clock runs from step to step: waiting for batches counts as training, validation does not.
        began = saved = time.monotonic()
        # Batches come in the order of their steps, however many threads make them.
        for step, pieces in zip(left, made, strict=True):
            # Torch's random numbers depend on where the run is, not on how it came there: a run that goes on draws what
            # one that was never stopped does. Processes differ, so that dropout does.
            place = np.random.SeedSequence((recipe.seed, done.epoch, step.number, ranks.rank))
            torch.manual_seed(int(place.generate_state(1)[0]))
            losses = train_step(run.state, pieces, task, recipe, ranks)
            now = time.monotonic()
            done.add_step(losses.kl, losses.nss, step.images, now - began)
            began = now
            yield Step(done.epoch, step.number, len(steps), losses.total, done.images_per_second)
            if now - saved > recipe.save_every_seconds:
                run.state.save(run.folder)
                saved = now


class Losses(NamedTuple):
    """Losses of one step, over its whole batch."""

    total: float
    kl: float
    nss: float
    """NSS of the fused map as a loss: lower is better."""


def train_step(
    state: TrainingState, pieces: Sequence[Any], task: Task[Any, Any], recipe: Recipe, ranks: Ranks
) -> Losses:
    """One optimiser step: forward and backward piece by piece, then one update of the weights and their average.

    Every piece divides by the frames of the whole step, over all pieces and processes: the gradient is that of the
    undivided batch, also where frames without gaze are spread unevenly.

    Raises:
        RecipeError: if the loss or the gradient is not a number; the weights have not been moved then.
    """
    # Before the first backward pass, and the same in all processes: with counts of their own, those that drew more
    # frames without gaze would weigh the others more.
    counts = ranks.sum(task.count(pieces))
    sums = torch.zeros(3, dtype=torch.float64, device=ranks.device)
    # To None, not to zeros: what has no gradient in this step is then left alone by the optimiser, moments and all.
    state.optimiser.zero_grad(set_to_none=True)
    for number, piece in enumerate(pieces):
        # Processes exchange gradients once per step, with the last piece: all make as many exchanges, however many
        # pieces they have.
        with ranks.no_sync(state.ddp_model, unless=number == len(pieces) - 1):
            losses = task.losses(state.ddp_model, piece.to(ranks.device), counts)
            # Several processes average their gradients; the loss is a sum over them.
            state.scaler.scale(losses[0] * ranks.world).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        sums += losses.detach()  # in float64: the sum must not depend on the number of pieces
    step = Losses(*ranks.sum(sums.tolist()))
    state.scaler.unscale_(state.optimiser)  # before clipping, which is about the true gradient
    norm = nn.utils.clip_grad_norm_(state.network.parameters(), recipe.optimiser.clip_norm or math.inf)
    # Loss and gradient are the same in all processes by now, so that all stop here, or none: one that stopped alone
    # would leave the others waiting. In float16 the scaler looks after gradients that overflow: it leaves the step out
    # and scales less.
    if not math.isfinite(step.total) or not (state.scaler.is_enabled() or torch.isfinite(norm)):
        raise RecipeError(recipe.name, "the loss is no longer a number", "Lower optimiser.learning_rate and run again.")
    state.scaler.step(state.optimiser)
    state.scaler.update()
    state.schedule.step()
    if recipe.optimiser.ema_decay:
        update_ema(state, recipe.optimiser.ema_decay)
    return step


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


def to_training_mode(network: nn.Module, recipe: Recipe) -> None:
    """Set the network to training, but for batch-norms that keep their statistics and a stream that is frozen."""
    # Validation before has set all of it to evaluation.
    network.train()
    appearance = getattr(network, "appearance", None)
    if appearance is not None and recipe.optimiser.appearance_factor == 0:
        appearance.eval()
    if recipe.freeze_batch_norm:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def _finish_epoch(run: Run) -> Epoch:
    """Validate, and write all that an epoch leaves: weights, curves, sample sheets."""
    recipe, task, folder, done = run.recipe, run.task, run.folder, run.state.progress
    network = run.state.export_weights(recipe.start.appearance_share).eval()
    predict = partial(task.predict, network)
    found = validate(predict, task.val_sources, recipe.workers)
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
        is_best=not found.scores or done.is_better(score, recipe.select),
    )
    # Before the checkpoint says that the epoch is over: a run that is killed in between validates and writes again.
    with output_errors(folder):
        if epoch.is_best:
            # An undefined score is no score: the next epoch that has one is better.
            done.best = None if math.isnan(score) else score
        for name in (LAST_FOLDER, BEST_FOLDER) if epoch.is_best else (LAST_FOLDER,):
            task.export(folder / name, network, run.record())
        write_curves(folder, epoch.epoch, epoch.numbers())
    # Last: they are for looking at, and nothing is read from them.
    write_samples(folder / SAMPLES_FOLDER / f"epoch-{done.epoch + 1:03d}.png", task.val_sources, predict)
    return epoch
