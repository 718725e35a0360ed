"""The training loop, visible from first step to last (Sec. IV-B)."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import torch

from gfsalnet.network.weights import save_network
from gfsalnet.training.data.batches import make_step, prefetch_map
from gfsalnet.training.distributed import all_ranks
from gfsalnet.training.events import Epoch, Event, Note, Step
from gfsalnet.training.optimisation import to_training_mode, train_step
from gfsalnet.training.recipe import Recipe
from gfsalnet.training.report.curves import missing_tools, write_curves
from gfsalnet.training.report.samples import write_samples
from gfsalnet.training.run import Run, open_run
from gfsalnet.training.validation import is_better, validate

LAST_FOLDER, BEST_FOLDER, SAMPLES_FOLDER = "last", "best", "samples"


def train(recipe: Recipe, folder: Path) -> Generator[Event, None, None]:
    """Run the recipe, or go on where a stopped run was, and leave the weights in `folder/best` and `folder/last`.

    Whatever stops it, the same call goes on from the last checkpoint to the same weights; a caller that stops it
    between two events (`close()`) loses nothing. Under `torchrun` every process calls it; only the first one yields,
    writes and validates.

    Args:
        recipe: what to do.
        folder: of the run, made if need be.

    Yields:
        what is missing as `Note`s, a `Step` after every batch and an `Epoch` after every epoch; the caller shows them.

    Raises:
        DatasetError, SourceError, WeightsError, GFSalNetError: if an input or the device is missing.
        RecipeError: if the folder holds the run of another recipe, or the loss stops being a number.
    """
    with all_ranks(recipe.device) as ranks:
        if ranks.is_main:
            yield from map(Note, missing_tools())
        run = open_run(recipe, folder, ranks)
        with closing(_events(run)) as events:
            for event in events:
                if ranks.is_main:
                    yield event
        ranks.wait()


def _events(run: Run) -> Generator[Step | Epoch, None, None]:
    """The whole run."""
    done = run.state.progress
    try:
        while done.epoch < run.recipe.epochs:
            yield from _steps(run)
            run.save()  # should it be stopped while it validates
            epoch = _closed_epoch(run) if run.ranks.is_main else None
            done.next_epoch()
            run.save()
            if epoch is not None:
                yield epoch
    except GeneratorExit:  # comes at a yield, where nothing is half done
        run.save()
        raise


def _steps(run: Run) -> Iterator[Step]:
    """What is left of the epoch."""
    recipe, ranks, done = run.recipe, run.ranks, run.state.progress
    steps = run.plan.epoch(done.epoch)
    left = steps[done.step :]
    to_training_mode(run.state.network, recipe)
    with closing(
        prefetch_map(partial(make_step, run.sources, recipe, ranks, done.epoch), left, recipe.workers)
    ) as made:
        began = saved = time.monotonic()
        for step, pieces in zip(left, made, strict=True):
            _seed(recipe.seed, done.epoch, step.number, ranks.rank)
            losses = train_step(run.state, pieces, recipe, ranks)
            now = time.monotonic()
            done.add_step(losses.kl, losses.nss, len(step.frames), now - began)
            began = now
            yield Step(done.epoch, step.number, len(steps), losses.total, done.images_per_second)
            if now - saved > recipe.save_every_seconds:
                run.save()
                saved = now


def _closed_epoch(run: Run) -> Epoch:
    """Validate, and write all that an epoch leaves: weights, curves, sample pictures."""
    recipe, state, done = run.recipe, run.state, run.state.progress
    kept = run.export_weights()
    found = validate(kept, run.val_sources, recipe, run.ranks.device)
    score = found.scores["saliency"]["mean"][recipe.select] if found.scores else math.nan
    epoch = Epoch(
        epoch=done.epoch,
        seconds=done.epoch_seconds,
        images_per_second=done.images_per_second,
        learning_rate=max(float(rate) for rate in state.schedule.get_last_lr()),
        kl=done.kl / done.step,
        nss=-done.nss / done.step,
        scores=found.scores,
        motion_share=found.motion_share,
        is_best=not found.scores or is_better(score, done.best, recipe.select),
    )
    save_network(run.folder / LAST_FOLDER, kept, run.about())
    if epoch.is_best:
        done.best = None if math.isnan(score) else score
        save_network(run.folder / BEST_FOLDER, kept, run.about())
    write_curves(run.folder, epoch)
    write_samples(run.folder / SAMPLES_FOLDER / f"epoch-{done.epoch + 1:03d}.png", run, kept)
    return epoch


def _seed(*numbers: int) -> None:
    """Torch's random numbers depend on where the run is, not on how it came there."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))
