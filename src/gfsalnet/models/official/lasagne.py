"""Weights files of Lasagne: what `np.savez` wrote of a list of arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import WeightsError


def read_lasagne(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays `arr_0`, `arr_1` and so on.

    Raises:
        WeightsError: if an array holds Python objects.
        ValueError, OSError, EOFError, BadZipFile, zlib.error: if the file is damaged.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = {}
        for name in file.files:
            try:
                arrays[name] = file[name]
            except ValueError as error:
                if "allow_pickle" not in str(error):
                    raise
                problem = f"{name} holds Python objects, which may run code as they are read; nothing was run"
                raise WeightsError(path, problem, "Save plain arrays of numbers where the file was made.") from error
    return arrays
