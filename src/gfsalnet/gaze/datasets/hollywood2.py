"""Hollywood-2 with gaze, as re-released by the authors of DHF1K: one folder per shot.

    ROOT/training/actioncliptrain00001_<shot>/images/actioncliptrain00001_<frame %05d>.png      also maps/ and fixation/
    ROOT/testing/actioncliptest…

The frame numbers of a video go on from shot to shot. Here every shot is a video of its own whose first frame, the one
after the last of the shot before, has index 0. Many shots have fewer than 10 frames and some only one; all are kept,
and what is scored is for the evaluation to say. The maps are Gaussians of sigma 20 pixels.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from gfsalnet.errors import DatasetError
from gfsalnet.gaze.dataset import SplitSize
from gfsalnet.gaze.datasets.map_folders import MapFolders
from gfsalnet.gaze.disk import require_folder
from gfsalnet.gaze.names import find_folder

_FOLDERS = {"train": "training", "test": "testing"}
_SHOT = re.compile(r"actionclip(?:train|test)(\d+)_(\d+)", re.IGNORECASE)


class Hollywood2(MapFolders):
    """Hollywood-2, `train` or `test`; 24 frames per second.

    The official sizes count shots: of 747 videos with gaze for training, of 884 for the test.
    """

    name = "hollywood-2"
    splits = ("train", "test")
    layout = (
        "Hollywood-2 has training/ and testing/ with a folder per shot, such as actioncliptest00001_1, of images/, "
        "fixation/ and maps/."
    )
    official: ClassVar = {
        "train": SplitSize(videos=2699, frames=192_661),
        "test": SplitSize(videos=3558, frames=244_860),
    }
    rate = Fraction(24)
    sigma = 20.0

    def __init__(self, root: Path, split: str = "test") -> None:
        super().__init__(root, split)
        self._folder = require_folder(find_folder(root, _FOLDERS[split]), self.layout)
        shots = {path.name: _SHOT.fullmatch(path.name) for path in self._folder.iterdir() if path.is_dir()}
        self._numbers = {name: (int(match[1]), int(match[2])) for name, match in shots.items() if match}
        self._shots = {numbers: name for name, numbers in self._numbers.items()}
        self._videos = sorted(self._numbers, key=lambda name: self._numbers[name])
        if not self._videos:
            raise DatasetError(self._folder, f"it holds no shots such as actionclip{split}00001_1", self.layout)

    @property
    def videos(self) -> list[str]:
        """Shots in the order of the videos and within them."""
        return list(self._videos)

    def folder(self, video: str) -> Path:
        """ROOT/testing/actioncliptest00001_1."""
        return self._folder / video

    def first_number(self, video: str) -> int:
        """The number after the last of the previous shot, so that a missing beginning shifts nothing; 1 at first.

        If the shot before is missing, it is the lowest number of any part.
        """
        number, shot = self._numbers[video]
        lowest = min(self._in_names(video), default=1)
        before = self._shots.get((number, shot - 1))
        if before is not None:
            return min(lowest, max(self._in_names(before), default=lowest - 1) + 1)
        return min(lowest, 1) if shot == 1 else lowest

    def _in_names(self, video: str) -> list[int]:
        return [number for files in self.files(video).values() for number in files]
