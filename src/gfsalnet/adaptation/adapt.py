"""`adapt`: the network's maps of a little gaze, once; the fit; the verdict; a model folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from gfsalnet.adaptation.fit import fitted, folds
from gfsalnet.adaptation.folder import Adapted, require_new, write_adapted
from gfsalnet.adaptation.judge import Judged, judged
from gfsalnet.adaptation.looks import LookedAt, kind_of, looked_at, require_some, viewers
from gfsalnet.errors import GFSalNetError, RequestError
from gfsalnet.gaze import GazeDataset
from gfsalnet.models import load_model
from gfsalnet.models.adjustable import Number, adjusted, numbers_of
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.models.memory import Memory
from gfsalnet.models.over_time import Kind, OverTime
from gfsalnet.packages import require

FEWEST = {"image": 8, "video": 3}
"""Recordings without which nothing can be said about others."""

OnProgress = Callable[[str, int, int], None]
"""Called with the stage (`network` or `fit`), what is done and how much there is."""


def adapt(
    model: str | Path,
    dataset: GazeDataset,
    output: Path,
    *,
    seed: int = 0,
    device: str = "auto",
    backend: str = "reference",
    on_progress: OnProgress = lambda stage, done, total: None,
) -> Adapted:
    """Fit a GFSalNet's few numbers to a dataset, and write it as a model folder if that helps on what was left out.

    Args:
        model: a name or folder.
        dataset: a split with gaze: at least 8 pictures or 3 videos.
        output: the folder to write, which must not exist.
        seed: of the draws: which recordings are left out together, and the interval.
        device, backend: run the network, as for `load_model`.
        on_progress: called with the progress.

    Raises:
        RequestError: if the model is no GFSalNet of one stream.
        DatasetError: if too little of the dataset has gaze.
        GFSalNetError: if it does not help, or SciPy is not installed.
        OutputError: if the folder exists or cannot be written.
    """
    # Both before the network runs: minutes of work should not end at a folder that exists.
    require_new(output)
    require("scipy", what="adapt")
    loaded = load_model(model, device=device, backend=backend)
    if not isinstance(loaded, GFSalNetModel) or loaded.shown is not None or loaded.config.streams != "appearance":
        problem = "has no network of one stream whose map a few numbers read"
        raise RequestError(model, problem, "Choose gfsalnet-mobile, or a folder with such a network")
    how = loaded.over_time or OverTime(memory=Memory(tau_seconds=0))
    kind = kind_of(dataset)
    notes: list[str] = []
    recordings = looked_at(
        loaded, dataset, how.memory.reach_seconds, lambda done, total: on_progress("network", done, total), notes.append
    )
    require_some(recordings, dataset, FEWEST[dataset.kind])
    if viewers(recordings) == 1:
        notes.append("all gaze is of one viewer: so is the result")
    candidates = _candidates(numbers_of(how, kind))
    best = _best(recordings, dataset, how, kind, candidates, seed, on_progress)
    _require_help(best, model, dataset)
    # On all recordings: those left out have judged, and now count too.
    values = fitted(recordings, how, kind, best.free)
    on_progress("fit", 1, 1)
    fixations = sum(len(look.fixations) for recording in recordings for look in recording.looks)
    adapted = Adapted(output, best, len(recordings), fixations, values, notes)
    write_adapted(adapted, model, dataset, adjusted(how, kind, values), seed)
    return adapted


def _candidates(numbers: list[Number]) -> list[list[Number]]:
    """Few numbers, more, all: the less gaze there is, the fewer it can fit."""
    return [
        [number for number in numbers if number.name in ("temperature", "centre as learned")],
        [number for number in numbers if not number.name.startswith(("gate", "memory"))],
        *([numbers] if any(number.name.startswith(("gate", "memory")) for number in numbers) else []),
    ]


def _best(
    recordings: list[LookedAt],
    dataset: GazeDataset,
    how: OverTime,
    kind: Kind,
    candidates: list[list[Number]],
    seed: int,
    on_progress: OnProgress,
) -> Judged:
    """The candidate that gains most on what it was not fitted to."""
    total = len(candidates) * len(folds(len(recordings), np.random.default_rng(seed))) + 1
    done = 0

    def on_fold() -> None:
        nonlocal done
        done += 1
        on_progress("fit", done, total)

    on_progress("fit", 0, total)
    found = [judged(recordings, dataset, how, kind, free, seed, on_fold) for free in candidates]
    # Of equals the first, which has the fewest numbers.
    return max(found, key=lambda candidate: candidate.gain)


def _require_help(best: Judged, model: str | Path, dataset: GazeDataset) -> None:
    """Refuse numbers that gain nothing.

    Raises:
        GFSalNetError: then, with what was found.
    """
    if not best.helps:
        low, high = best.interval
        before, after = best.means()["information gain"]
        problem = (
            f"fitting to {dataset.root} does not help: {before:.3f} bits per fixation over the centre "
            f"before, {after:.3f} after; the gain {best.gain:+.3f} (90 %: {low:+.3f} to {high:+.3f}) on recordings "
            "left out; nothing is written"
        )
        raise GFSalNetError(model, problem, "Use the model as it is, or record more")
