"""UCF-Sports with gaze, as re-released by the authors of DHF1K.

    ROOT/training/<class>-<nnn>/images/<class>_<nnn>_<frame %03d>.png      also maps/ and fixation/
    ROOT/testing/…

Gaze of Mathe and Sminchisescu (16 viewers, of whom 12 had to name the action); the re-release has all of them in one.
The maps are Gaussians of sigma 20 pixels. The split is that of Lan et al.: 103 videos (6,501 frames) and 47 (2,929).
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from gfsalnet.errors import DatasetError
from gfsalnet.gaze.dataset import SplitSize
from gfsalnet.gaze.datasets.map_folders import MapFolders
from gfsalnet.gaze.disk import require_folder
from gfsalnet.gaze.names import NameIndex, find_folder

_FOLDERS = {"train": "training", "test": "testing"}
_NUMBERS = {
    "train": {
        "Diving-Side": (5, 14),
        "Golf-Swing-Front": (2, 8),
        "Golf-Swing-Side": (1, 5),
        "Kicking-Front": (7, 10),
        "Kicking-Side": (1, 10),
        "Lifting": (3, 6),
        "Riding-Horse": (5, 12),
        "Run-Side": (5, 13),
        "SkateBoarding-Front": (5, 12),
        "Swing-Bench": (7, 20),
        "Swing-SideAngle": (5, 13),
        "Walk-Front": (8, 22),
    },
    "test": {
        "Diving-Side": (1, 4),
        "Golf-Swing-Back": (1, 5),
        "Golf-Swing-Front": (1, 1),
        "Kicking-Front": (1, 6),
        "Lifting": (1, 2),
        "Riding-Horse": (1, 4),
        "Run-Side": (1, 4),
        "SkateBoarding-Front": (1, 4),
        "Swing-Bench": (1, 6),
        "Swing-SideAngle": (1, 4),
        "Walk-Front": (1, 7),
    },
}
"""Class → first and last video of the split."""


def official_videos(split: str) -> list[str]:
    """Names of the videos of a split, `train` or `test`."""
    ranges = _NUMBERS[split].items()
    return [f"{name}-{number:03d}" for name, (first, last) in ranges for number in range(first, last + 1)]


class UCFSports(MapFolders):
    """UCF-Sports, `train` or `test`; about 10 frames per second."""

    name = "ucf-sports"
    splits = ("train", "test")
    layout = (
        "UCF-Sports has training/ and testing/ with a folder per video (Diving-Side-001) of images/, fixation/, maps/."
    )
    official: ClassVar = {"train": SplitSize(videos=103, frames=6501), "test": SplitSize(videos=47, frames=2929)}
    rate = Fraction(10)
    sigma = 20.0

    def __init__(self, root: Path, split: str = "test") -> None:
        super().__init__(root, split)
        self._folder = require_folder(find_folder(root, _FOLDERS[split]), self.layout)
        there = NameIndex(path.name for path in self._folder.iterdir() if path.is_dir())
        found = {name: there.find(name) for name in official_videos(split)}
        self._folders = {name: self._folder / names[0] for name, names in found.items() if names}
        if not self._folders:
            problem = f"it holds none of the official videos, such as {official_videos(split)[0]}"
            raise DatasetError(self._folder, problem, self.layout)

    @property
    def videos(self) -> list[str]:
        """The videos of the split in alphabetical order."""
        return list(self._folders)

    def folder(self, video: str) -> Path:
        """ROOT/testing/Diving-Side-001."""
        return self._folders[video]

    def remarks(self) -> list[str]:
        """The number of folders that are no official videos of the split."""
        others = sorted(p.name for p in self._folder.iterdir() if p.is_dir() and p not in self._folders.values())
        return [f"{len(others)} folders are no official videos of the split, such as {others[0]}"] if others else []
