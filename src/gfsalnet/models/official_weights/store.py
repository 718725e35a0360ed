"""Where converted weights lie: one folder per model, with what the weights are of and where they came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gfsalnet.errors import OutputError, WeightsError
from gfsalnet.files import home, write_whole
from gfsalnet.formats.texts import read_json_object
from gfsalnet.network.folder import CONFIG_FILE, WEIGHTS_FILE

if TYPE_CHECKING:
    from gfsalnet.network.weights import State


def weights_folder(name: str) -> Path:
    """Where a model's converted weights are looked for."""
    return home() / "weights" / name


def refuse_other_model(folder: Path, model: str) -> None:
    """Refuse a folder with weights of another model, such as one that was trained.

    Raises:
        OutputError: if it is one.
    """
    notes = notes_of(folder)
    if notes and notes.get("model") != model:
        raise OutputError(folder, f"holds another model than {model}", "Give another folder for the weights")


def write_weights(folder: Path, model: str, state: State, about: Mapping[str, Any]) -> None:
    """Write `model.safetensors` and then `config.json`, each whole or not at all.

    Args:
        folder: made if it does not exist.
        model: the name in `MODELS`.
        state: the weights, of any float type; contiguous.
        about: what else to record, JSON values.

    Raises:
        OutputError: if a file cannot be written.
    """
    from safetensors.torch import save

    # The description last: a folder counts as a model once it has one.
    write_whole(folder / WEIGHTS_FILE, save(dict(state)))
    config = json.dumps({"model": model, **about}, indent=2) + "\n"
    write_whole(folder / CONFIG_FILE, config.encode())


def model_of(folder: Path) -> str | None:
    """The name that a folder's `config.json` gives; None if that is missing, damaged, or describes a network itself."""
    name = notes_of(folder).get("model")
    return name if isinstance(name, str) else None


def notes_of(folder: Path) -> dict[str, Any]:
    """What a folder's `config.json` says; nothing if that is missing or damaged."""
    try:
        return read_json_object(folder / CONFIG_FILE, WeightsError)
    except WeightsError:
        return {}
