"""Weights files of Keras 2: HDF5, of a whole model or of its weights alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.packages import needed_by


def read_keras(path: Path) -> dict[str, NDArray[Any]]:
    """Every weight under its path, such as `conv1/conv1/kernel:0`; of a whole model without its optimiser.

    Raises:
        OSError: if the file is damaged or cut off.
        MissingPackageError: if h5py is not installed.
    """
    with needed_by(str(path)):
        import h5py
    arrays: dict[str, NDArray[Any]] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = np.asarray(item[()])

    with h5py.File(path, "r") as file:
        file.get("model_weights", file).visititems(keep)
    return arrays
