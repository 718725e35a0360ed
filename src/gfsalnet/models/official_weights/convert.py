"""Official weights → ours: read without running anything, renamed, compared key by key, written as safetensors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gfsalnet.errors import RequestError, WeightsError
from gfsalnet.flow.pwcnet_weights import convert_pwcnet_weights
from gfsalnet.models.entry import ModelEntry
from gfsalnet.models.official_weights.read import official_file, read_official
from gfsalnet.models.official_weights.store import refuse_other_model, weights_folder, write_weights
from gfsalnet.models.published.entries import PUBLISHED
from gfsalnet.network.folder import WEIGHTS_FILE
from gfsalnet.network.weights import State, compare_keys

PWCNET = "pwcnet"
"""Its weights are converted here too; it estimates flow, and is named as `--flow pwcnet:FILE`."""


class WrongRequestError(RequestError, WeightsError):
    """There is no such model, or it has no such setting."""


def convert_weights(
    model: str,
    file: Path,
    output: Path | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    origin: str | None = None,
) -> Path:
    """Make a model folder of the weights that its authors published.

    Args:
        model: a published model, or `pwcnet`.
        file: as its authors published it; of a TensorFlow checkpoint any file.
        output: the folder for it; None: where `load_model` looks for the model's name.
        settings: of the model, to be kept with its weights: see `PublishedModel.default_settings`.
        origin: where the file came from, to be recorded.

    Returns:
        The folder.

    Raises:
        WrongRequestError: if the model is unknown or has no such setting.
        WeightsError: if the file is unreadable, of another model, or holds what is no number.
        OutputError: if the folder cannot be written, or holds another model.
    """
    folder = output or weights_folder(model)
    if model == PWCNET and settings:
        raise WrongRequestError(model, "has no settings", "Leave them out")
    refuse_other_model(folder, model)
    if model == PWCNET:
        convert_pwcnet_weights(file, folder / WEIGHTS_FILE)
        return folder
    entry = compared_entry(model)
    try:
        chosen = entry.network_class().checked_settings(settings or {})
    except WeightsError as error:
        raise WrongRequestError(error.where, error.problem, error.remedy) from error
    state = _fitting_state(entry, read_official(file), file)
    # A checkpoint of TensorFlow is several files: its index stands for all, as it has their checksums.
    source = official_file(file)
    # Of the official file, so that others can tell whether they converted the same one.
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    about = {"source": source.name, "sha256": digest, "licence": entry.licence, "origin": origin, "settings": chosen}
    write_weights(folder, model, state, {key: value for key, value in about.items() if value})
    return folder


def compared_entry(model: str) -> ModelEntry:
    """The published model of that name.

    Raises:
        WeightsError: if there is none.
    """
    entries = {entry.name: entry for entry in PUBLISHED}
    if model not in entries:
        raise WrongRequestError(
            model, "is no model with weights of others", f"Use one of: {', '.join(entries)}, {PWCNET}"
        )
    return entries[model]


def _fitting_state(entry: ModelEntry, official: Mapping[str, NDArray[Any]], file: Path) -> dict[str, Tensor]:
    """The weights under the names, shapes and types of the model's network."""
    remedy = f"For {entry.name}: {entry.how_to_get}"
    model = entry.network_class()
    try:
        found = {name: _tensor(array) for name, array in model.from_official(official).items()}
    except (KeyError, IndexError, ValueError) as error:  # what renaming the weights of another model may run into
        problem = f"these are not the weights of {entry.name} ({type(error).__name__}: {error})"
        raise WeightsError(file, problem, remedy) from error
    expected: State = model.make_network().state_dict()
    report = compare_keys(expected, found)
    if not report.fits:
        raise WeightsError(file, f"these are not the weights of {entry.name} ({report})", remedy)
    state = {name: found[name].to(expected[name].dtype) for name in expected}
    broken = [name for name, values in state.items() if not values.isfinite().all()]
    if broken:
        raise WeightsError(file, f"holds values that are no numbers, first in {broken[0]}", "Fetch it again")
    return state


def _tensor(array: NDArray[Any]) -> Tensor:
    """The array in this machine's byte order, contiguous; rotated kernels are views that step backwards."""
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
