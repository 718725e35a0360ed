"""Files that appear whole or not at all, and errors that say what to do about them."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2

from gfsalnet.errors import OutputError
from gfsalnet.render.overlay import Byte
from gfsalnet.types import RGB

JPEG_QUALITY = 95
"""Of frames to train on: a fifth of a PNG's size, 43 to 50 dB away from the film's pixels."""
_REMEDIES = {
    errno.ENOSPC: "Free some space, or choose a folder on another disk.",
    errno.EDQUOT: "Free some of your quota, or choose a folder on another disk.",
    errno.EACCES: "Choose a folder that you may write to.",
    errno.EPERM: "Choose a folder that you may write to.",
    errno.EROFS: "Choose a folder that you may write to.",
}


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn what the system says about writing `path` (disk full, no permission, …) into an `OutputError` about it.

    An `OutputError` from below keeps its words and gets this path: it may name the file beside it, see `written_whole`.
    """
    try:
        yield
    except OutputError as error:
        raise OutputError(path, error.problem, error.remedy) from error
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "Choose another folder for the results.")
        raise OutputError(path, f"cannot be written ({error.strerror or error})", remedy) from error


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write a file or folder to: it becomes `path` at the end, or is removed on any exception.

    What was at `path` before stays until then.
    """
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    _remove(partial)  # left behind by a run that was killed
    try:
        yield partial
        if path.is_dir():  # os.replace overwrites a file, but no folder with files in it
            _remove(path)
        os.replace(partial, path)
    except BaseException:  # Ctrl-C too
        _remove(partial)
        raise


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


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
