"""`folder`: photographs with the fixations of their viewers in one table.

    ROOT/images/1001.jpg, …
    ROOT/fixations.npz      one row a fixation: image_index, subject, x, y; and image_names, original_sizes_wh

`x, y` are 0-based pixels of the original photograph, which may be larger than the stored one.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gfsalnet.errors import DatasetError
from gfsalnet.types import Fixations, Frame, Sample
from gfsalnet.video import read_image

TABLE = "fixations.npz"
_COLUMNS = ("image_index", "subject", "x", "y", "image_names", "original_sizes_wh")
_LAYOUT = f"A gaze folder holds images/ and {TABLE} with {', '.join(_COLUMNS)}."


class GazeFolder:
    """A folder of photographs and fixations; pictures are read when they are asked for.

    Raises:
        DatasetError: if the table is missing, damaged or lacks a column, or a photograph is missing.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.name = root, root.name
        table = _read_table(root / TABLE)
        self.image_names = [str(name) for name in table["image_names"]]
        self._sizes_wh = table["original_sizes_wh"]
        order = np.argsort(table["image_index"], kind="stable")
        starts = np.searchsorted(table["image_index"][order], np.arange(1, len(self.image_names)))
        self._rows = np.split(order, starts)
        self._x, self._y, self._subject = table["x"], table["y"], table["subject"].astype(np.int64)
        missing = [name for name in self.image_names if not (root / "images" / name).is_file()]
        if missing:
            problem = f"{len(missing)} of {len(self.image_names)} photographs are missing, the first is {missing[0]}"
            raise DatasetError(root / "images", problem, "Copy the folder again.")

    def __len__(self) -> int:
        return len(self.image_names)

    def __getitem__(self, index: int) -> Sample:
        """The photograph at its stored size and its fixations in pixels of the original.

        Raises:
            SourceError: if the photograph is damaged.
        """
        name = self.image_names[index]
        frame = Frame(read_image(self.root / "images" / name))
        return Sample(name=f"{self.name}/{Path(name).stem}", frame=frame, fixations=self.fixations(index))

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def fixations(self, index: int) -> Fixations:
        """All viewers' fixations on one photograph."""
        rows = self._rows[index]
        width, height = (int(side) for side in self._sizes_wh[index])
        return Fixations(x=self._x[rows], y=self._y[rows], size_wh=(width, height), subject=self._subject[rows])


def _read_table(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            table = {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise DatasetError(path, "no such file", _LAYOUT) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(path, f"not a readable NPZ file ({error})", "Copy it again.") from error
    missing = [name for name in _COLUMNS if name not in table]
    if missing:
        raise DatasetError(path, f"lacks {', '.join(missing)}", _LAYOUT)
    rows = {name: len(table[name]) for name in ("image_index", "subject", "x", "y")}
    if len(set(rows.values())) > 1:
        raise DatasetError(path, f"columns differ in length ({rows})", _LAYOUT)
    return table
