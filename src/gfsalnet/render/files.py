"""Pictures and JSON on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gfsalnet.files import output_errors, written_whole
from gfsalnet.render.overlay import Byte, overlay
from gfsalnet.types import RGB, Prediction

JPEG_QUALITY = 95
"""Of frames to train on: a fifth of a PNG's size, 43 to 50 dB away from the film's pixels."""


def write_png(path: Path, picture: Byte) -> None:
    """Write a (H, W) grey or (H, W, 3) RGB uint8 picture.

    Raises:
        OSError: if the file cannot be written.
    """
    stored = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    # imwrite would return False without a reason, and stumble over some names on Windows.
    path.write_bytes(cv2.imencode(".png", stored)[1].tobytes())


def write_jpeg(path: Path, rgb: RGB) -> None:
    """Write a (H, W, 3) RGB uint8 picture at `JPEG_QUALITY`.

    Raises:
        OSError: if the file cannot be written.
    """
    stored = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes())


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


def write_json(path: Path, mapping: Mapping[str, Any]) -> None:
    """Write a mapping as readable JSON, keys in the order given; fractions and paths become strings.

    Raises:
        OutputError: if the file cannot be written.
        ValueError: if a number is NaN or infinite, which JSON has no word for.
        TypeError: if a value has no JSON form.
    """
    text = json.dumps(mapping, indent=2, ensure_ascii=False, allow_nan=False, default=_as_string) + "\n"
    with output_errors(path), written_whole(path) as partial:
        # A file name that is no valid text keeps its odd bytes as \udcXX, which JSON reads back as they were.
        partial.write_bytes(text.encode("utf-8", errors="backslashreplace"))


def _as_string(value: object) -> str:
    if isinstance(value, (Fraction, Path)):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
