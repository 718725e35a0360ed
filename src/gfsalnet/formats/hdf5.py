"""HDF5 files, as Keras and MATLAB write them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.door import AGAIN, opening
from gfsalnet.limits import Budget
from gfsalnet.packages import needed_by

OBJECT_BYTES = 2048
"""What each dataset or group counts for at least: a file may name the same one any number of times."""


class HDF5File:
    """An open file whose datasets are held against the limit before they are read."""

    def __init__(self, file: Any, path: Path, kind: type[GFSalNetError]) -> None:
        self.root = file
        self._budget = Budget(path, kind)

    def array(self, dataset: Any) -> NDArray[Any]:
        """All of a dataset.

        Raises:
            GFSalNetError: if it is too large, with all that was read before.
        """
        self.visit()
        # By what it unpacks to: a few bytes of a packed dataset may claim to be terabytes.
        self._budget.spend(int(dataset.size or 0) * dataset.dtype.itemsize)
        return np.asarray(dataset[()])

    def visit(self) -> None:
        """Count an object of the file; errors as `array`."""
        self._budget.spend(OBJECT_BYTES)


@contextmanager
def open_hdf5(path: Path, kind: type[GFSalNetError], remedy: str = AGAIN) -> Iterator[HDF5File]:
    """A file to read from; whatever fails inside is a failure of the file.

    Raises:
        GFSalNetError: of that kind, if it is missing or damaged, or too large.
        MissingPackageError: if h5py is not installed.
    """
    with needed_by(str(path)):
        import h5py
    with opening(path, "HDF5 file", kind, remedy), h5py.File(path, "r") as file:
        yield HDF5File(file, path, kind)
