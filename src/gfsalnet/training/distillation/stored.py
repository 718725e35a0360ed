"""Teachers' maps of whole pictures, made before and kept in one file.

An NPZ file with a row for each picture:

    source       (N,) text: its path below the data root; a clip where `frame` says which frame of it
    frame        (N,) integer, 0-based; -1 for a photograph
    validation   (N,) bool, may be missing: photographs that no teacher was trained on
    NAME         (N, h, w) or, of clips alone and in the order of their rows, (M, h, w), uint8: a teacher's map,
                 L = (value / 255 - 1) · 12; its softmax is the density

Maps of photographs are those of the first rows, of clips those of the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gfsalnet.errors import DatasetError
from gfsalnet.formats.arrays import ArrayArchive
from gfsalnet.maps import Map

_DEPTH = 12.0
"""Where logarithms are cut below the peak of a map."""


class StoredMaps:
    """What teachers said of pictures, by the path of the picture.

    Args:
        path: the NPZ file.

    Raises:
        DatasetError: if it is missing, damaged or of another layout.
    """

    def __init__(self, path: Path) -> None:
        archive = ArrayArchive(path, DatasetError, "Name a file of teachers' maps: docs/training.md.")
        arrays = archive.read_all(("source", "frame"))
        self.path = path
        self._sources = [str(source) for source in arrays["source"]]
        self._frames = arrays["frame"].astype(int)
        count, clips = len(self._sources), int((self._frames >= 0).sum())
        marks = arrays.get("validation", np.zeros(count, np.bool_))
        self._maps = {name: values for name, values in arrays.items() if values.ndim == 3 and values.dtype == np.uint8}
        # Photographs have the frame -1, and come first, so that maps of clips alone can do without rows for them.
        of_clips = np.flatnonzero(self._frames >= 0)
        if len(marks) != count or any(len(values) not in (count, clips) for values in self._maps.values()):
            raise DatasetError(
                path, "its arrays differ in length", "Each map wants a row for all pictures, or for clips."
            )
        if clips and (of_clips != np.arange(count - clips, count)).any():
            raise DatasetError(path, "rows of clips stand before those of photographs", "Sort photographs first.")
        self._first_clip = count - clips
        self._row_of = {source: row for row, source in enumerate(self._sources[: self._first_clip])}
        self.held_out = {source for source, row in self._row_of.items() if marks[row]}
        """Photographs that are validated on."""

    def clips(self) -> Mapping[str, dict[int, int]]:
        """Path of each clip, in the order of their names → number of a frame → its row."""
        found: dict[str, dict[int, int]] = {}
        for row in range(self._first_clip, len(self._sources)):
            found.setdefault(self._sources[row], {})[int(self._frames[row])] = row
        return dict(sorted(found.items()))

    def of_photograph(self, source: str, exponents: Mapping[str, float]) -> Map:
        """(h, w) float32: the product of the teachers' maps of a photograph, as a logarithm.

        Raises:
            DatasetError: if the file lacks the photograph or a map.
        """
        if source not in self._row_of:
            raise DatasetError(self.path, f"has no map of {source}", "Make one, or leave the photograph out.")
        return self.log_map(self._row_of[source], exponents)

    def log_map(self, row: int, exponents: Mapping[str, float]) -> Map:
        """(h, w): the sum of exponent times log map.

        Raises:
            DatasetError: if a map is missing, or has no row of photographs.
        """
        total: Map = np.float32(0)
        for name, exponent in exponents.items():
            if name not in self._maps:
                known = ", ".join(self._maps) or "none"
                raise DatasetError(self.path, f"has no maps called {name}", f"It has {known}.")
            values = self._maps[name]
            # Maps that have rows for clips alone are counted from the end.
            place = row - (len(self._sources) - len(values))
            if place < 0:
                raise DatasetError(self.path, f"has maps called {name} of clips alone", "Name another for photographs.")
            total = total + np.float32(exponent) * ((values[place].astype(np.float32) / 255 - 1) * np.float32(_DEPTH))
        return np.asarray(total, np.float32)
