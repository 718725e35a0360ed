"""A growing npz: maps one by one in, one `np.load`-able file out, without the maps ever being in memory together."""

from __future__ import annotations

import shutil
import zipfile
from array import array
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gfsalnet.choices import MapPrecision

_COPY_BYTES = 1 << 20


class MapStack:
    """Maps (h, w) appended to a file, later stored as one array (T, h, w) beside `time_seconds` (T,).

    An npy header stands before the data and holds the number of maps, which is known only at the end; so the bare
    values wait in `body` until then.

    Args:
        body: an empty binary file to write to and read back.
        name: of the array.
        precision: of its numbers.
    """

    def __init__(
        self, body: IO[bytes], name: str = "density", precision: MapPrecision | Literal["int8"] = "float32"
    ) -> None:
        self._body, self._name = body, name
        # Little-endian on every machine: the same maps give the same bytes.
        self._dtype = np.dtype(precision).newbyteorder("<")
        self._size_hw: tuple[int, ...] | None = None
        # Eight bytes a frame, not a Python object of each time.
        self._times_seconds = array("d")

    def append(self, density: NDArray[Any], time_seconds: float) -> None:
        """Add one (h, w) map.

        Raises:
            ValueError: if it differs in size from the first.
        """
        self._size_hw = self._size_hw or density.shape
        if density.shape != self._size_hw:
            raise ValueError(
                f"the maps changed from {self._size_hw} to {density.shape}: one npz holds maps of one size"
            )
        self._body.write(density.astype(self._dtype, copy=False).tobytes())
        self._times_seconds.append(time_seconds)

    def save(self, path: Path) -> None:
        """Write the npz: uncompressed, since densities hardly shrink; the same maps give the same bytes."""
        times = np.asarray(self._times_seconds, dtype=np.float64)
        shape = (times.size, *(self._size_hw or (0, 0)))
        # Entries that are opened by name are dated 1980: no clock gets into the bytes.
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            # force_zip64: the size is not known when the entry is opened, and may pass 2 GiB.
            with archive.open(f"{self._name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array_header_1_0(
                    entry, {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
                )
                self._body.seek(0)
                shutil.copyfileobj(self._body, entry, _COPY_BYTES)
            with archive.open("time_seconds.npy", "w") as entry:
                np.lib.format.write_array(entry, times, allow_pickle=False)
