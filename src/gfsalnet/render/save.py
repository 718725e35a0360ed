"""One prediction as one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet.files import output_errors, write_jpeg, write_png, written_whole
from gfsalnet.render.overlay import overlay
from gfsalnet.types import Prediction


def save_prediction(prediction: Prediction, path: Path) -> Path:
    """Write one prediction by the ending of the file's name, whole or not at all: see `Prediction.save`.

    Raises:
        ValueError: if the ending is none of `.png`, `.jpg`, `.jpeg`, `.npy`, `.npz`.
        OutputError: if the file cannot be written.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise ValueError(f"{path.name} has an unknown ending; known are {', '.join(_WRITERS)}")
    with output_errors(path), written_whole(path) as partial:
        write(partial, prediction)
    return path


def _write_overlay_png(path: Path, prediction: Prediction) -> None:
    write_png(path, overlay(prediction.frame.rgb, prediction.map_density))


def _write_overlay_jpeg(path: Path, prediction: Prediction) -> None:
    write_jpeg(path, overlay(prediction.frame.rgb, prediction.map_density))


def _write_npy(path: Path, prediction: Prediction) -> None:
    with path.open("wb") as file:  # given a path, NumPy would add an ending to some
        np.save(file, prediction.density)


def _write_npz(path: Path, prediction: Prediction) -> None:
    maps = {name: getattr(prediction, name) for name in ("density", "appearance", "motion", "gate")}
    values: dict[str, Any] = {name: values for name, values in maps.items() if values is not None}
    with path.open("wb") as file:
        np.savez(file, **values, frame_index=prediction.frame_index, time_seconds=prediction.time_seconds)


_WRITERS: Mapping[str, Callable[[Path, Prediction], None]] = {
    ".png": _write_overlay_png,
    ".jpg": _write_overlay_jpeg,
    ".jpeg": _write_overlay_jpeg,
    ".npy": _write_npy,
    ".npz": _write_npz,
}
