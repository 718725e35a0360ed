"""OSIE: 700 pictures of 800x600 pixels, 15 viewers, 3 seconds each.

    ROOT/data/stimuli/1001.jpg …           the layout of the authors' repository
    ROOT/data/eye/fixations.mat            cell `fixations` of structs: img, subjects{}: fix_x, fix_y, fix_duration

Also read: the layout of `folder` (images/ and fixations.npz). The coordinates are taken as the eye tracker wrote them.
One degree of visual angle is 24 pixels, which is the sigma. The authors give no split; here `val` is the last of
every seven pictures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from gfsalnet.errors import DatasetError
from gfsalnet.formats.mat import read_mat
from gfsalnet.gaze.dataset import SplitSize
from gfsalnet.gaze.datasets.folder import TableDataset, join, load_folder
from gfsalnet.gaze.table import FixationTable
from gfsalnet.video.files import natural_key

_MATRIX = Path("data", "eye", "fixations.mat")


class OSIE(TableDataset):
    """OSIE: `all`, or `train` and `val`."""

    name = "osie"
    layout = "OSIE has data/stimuli/1001.jpg … and data/eye/fixations.mat, or images/ and fixations.npz."
    official: ClassVar = {"all": SplitSize(videos=700, frames=700)}
    sigma_share = 24 / 800

    def load(self) -> tuple[FixationTable, dict[str, Path]]:
        """The table and files of the authors' layout, or of the layout of `folder`."""
        if not (self.root / "data").is_dir():
            return load_folder(self.root, self.layout)
        table = _read(self.root / _MATRIX)
        pictures = sorted((self.root / "data" / "stimuli").glob("*.jpg"), key=natural_key)
        return join(table, pictures, only_listed=True, where=self.root / "data" / "stimuli")


def _read(path: Path) -> FixationTable:
    stimuli = read_mat(path, "fixations")["fixations"]
    try:
        names = [str(_first(stimulus)["img"]) for stimulus in stimuli]
        parts = [
            (place, viewer, np.ravel(fixations["fix_x"]), np.ravel(fixations["fix_y"]))
            for place, stimulus in enumerate(stimuli)
            for viewer, fixations in enumerate(map(_first, _first(stimulus)["subjects"]))
        ]
        # Lost positions are NaN in the file.
        parts = [
            (place, viewer, x[there], y[there])
            for place, viewer, x, y in parts
            for there in [np.isfinite(x) & np.isfinite(y)]
        ]
        # One row per fixation: places and viewers are repeated as often.
        counts = [len(x) for _, _, x, _ in parts]
        return FixationTable(
            names=names,
            of=np.repeat([place for place, *_ in parts], counts),
            x=np.concatenate([x for _, _, x, _ in parts]).astype(np.float32),
            y=np.concatenate([y for *_, y in parts]).astype(np.float32),
            subject=np.repeat([viewer for _, viewer, *_ in parts], counts),
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        problem = f"fixations is not a cell of structs with img and subjects ({error})"
        raise DatasetError(path, problem, "Use the file of the authors' repository.") from error


def _first(element: Any) -> Any:
    """A cell element is a struct of one element, in some files wrapped in a cell once more."""
    return element[0] if isinstance(element, list) else element
