"""LEDOV: 538 videos of at least 720p, 32 viewers.

    ROOT/VideoNameList.mat          cell of names
    ROOT/namelist.mat               `trainlist`, `vaildlist` (sic), `testlist`: 1-based places in that cell, or names
    ROOT/<name>/<name>.mp4
    ROOT/<name>/Data.mat            struct `Data`: VideoFrames, VideoFrameRate, VideoSize ([w h]), fixdata

A row of `fixdata` is: viewer, start in ms, duration in ms, x, y with the origin in the upper left corner. A fixation
counts on every frame it touches. As in the authors' demo, a viewer's fixations count from the first on that lies in
the frame and off the cross of the central row and column, each 1/10 of the height wide: before it, the eye still rests
where the cross before the video was. The authors cut their Gaussian off at 100 pixels; here its last 1 % is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset, SplitSize
from gfsalnet.gaze.disk import film_count, film_frames, require_folder
from gfsalnet.gaze.mat import read_mat
from gfsalnet.types import Fixations, Frame

_LISTS = {"train": "trainlist", "val": "vaildlist", "test": "testlist"}
_COLUMNS = 5


class Record(NamedTuple):
    """What `Data.mat` says of a video."""

    frames: int
    rate: Fraction
    size_wh: tuple[int, int]
    rows: NDArray[np.float64]
    """(N, 5): viewer, start and duration in ms, x, y."""


class LEDOV(GazeDataset):
    """LEDOV, `train`, `val` or `test`."""

    name = "ledov"
    kind = "video"
    splits: ClassVar[tuple[str, ...]] = ("train", "val", "test")
    layout = "LEDOV has VideoNameList.mat, namelist.mat and a folder a video with <name>.mp4 and Data.mat in it."
    official: ClassVar = {"train": SplitSize(videos=456), "val": SplitSize(videos=41), "test": SplitSize(videos=41)}

    def __init__(self, root: Path, split: str = "test") -> None:
        super().__init__(root, split)
        require_folder(root, self.layout)
        self._videos = [name for name in self._listed() if (root / name).is_dir()]
        if not self._videos:
            raise DatasetError(root, f"it holds no video of the split {split}", self.layout)

    def _listed(self) -> list[str]:
        key = _LISTS[self.split]
        chosen = read_mat(self.root / "namelist.mat", key)[key]
        if isinstance(chosen, list):
            return [_stem(name) for name in chosen]
        path = self.root / "VideoNameList.mat"
        names = read_mat(path, "VideoNameList")["VideoNameList"]
        places = chosen.ravel().astype(np.int64) - 1
        if not isinstance(names, list) or (len(places) and not 0 <= places.min() <= places.max() < len(names)):
            problem = f"it is no cell of names that {key} of namelist.mat fits"
            raise DatasetError(path, problem, "Use VideoNameList.mat and namelist.mat of one release.")
        return [_stem(names[place]) for place in places]

    @property
    def videos(self) -> list[str]:
        """In the order of the list."""
        return list(self._videos)

    def record(self, video: str) -> Record:
        """The content of `Data.mat`.

        Raises:
            DatasetError: if it is missing, damaged or something else.
        """
        return _read_record(self.root / video / "Data.mat")

    def frames(self, video: str) -> Iterator[Frame]:
        """The film."""
        return film_frames(self._film(video))

    def gaze(self, video: str) -> list[FrameGaze]:
        """Every frame of the video; `subject` is the viewer's number."""
        record = self.record(video)
        return gaze_at_rate(record, record.rate, record.frames)

    def sigma_pixels(self, video: str) -> float:
        """A full width at half maximum of 80 pixels."""
        return 33.97

    def frame_counts(self, video: str) -> dict[str, int]:
        """Pictures by the film's header, and frames by Data.mat."""
        return {"pictures": film_count(self._film(video)), "frames in Data.mat": self.record(video).frames}

    def _film(self, video: str) -> Path:
        return self.root / video / f"{video}.mp4"


def gaze_at_rate(record: Record, rate: Fraction, frames: int) -> list[FrameGaze]:
    """The fixations on each of `frames` frames when the video is shown at `rate` frames a second."""
    rows = record.rows[_counts(record)]
    start, end = rows[:, 1], rows[:, 1] + rows[:, 2]
    first = np.maximum(np.ceil(start * float(rate) / 1000), 1).astype(np.intp) - 1
    last = np.minimum(np.ceil(end * float(rate) / 1000).astype(np.intp), frames) - 1
    return [
        FrameGaze(index=index, fixations=_fixations(rows[(first <= index) & (index <= last)], record.size_wh))
        for index in range(frames)
    ]


def _counts(record: Record) -> NDArray[np.bool_]:
    """(N,) which fixations count: for each viewer those from the first off the central cross on."""
    viewer, start, x, y = (record.rows[:, column] for column in (0, 1, 3, 4))
    width, height = record.size_wh
    # MATLAB rounds halves up.
    arm = np.floor(height / 20 + 0.5)
    off_cross = (np.abs(x - width / 2) > arm) & (np.abs(y - height / 2) > arm)
    opens = off_cross & (x > 0) & (x < width) & (y > 0) & (y < height)
    begins = np.ones(len(viewer), np.bool_)
    begins[1:] = (viewer[1:] != viewer[:-1]) | (start[1:] < start[:-1])
    turn = np.cumsum(begins)
    counts = np.zeros(len(viewer), np.bool_)
    for number in np.unique(turn):
        counts[turn == number] = np.maximum.accumulate(opens[turn == number])
    return counts


@lru_cache(maxsize=4)
def _read_record(path: Path) -> Record:
    data = read_mat(path, "Data")["Data"]
    try:
        fields = data[0]
        width, height = (int(side) for side in fields["VideoSize"].ravel())
        rows = np.asarray(fields["fixdata"], np.float64).reshape(-1, _COLUMNS)
        rate = Fraction(_number(fields["VideoFrameRate"])).limit_denominator(1001)
        return Record(int(_number(fields["VideoFrames"])), rate, (width, height), rows)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        problem = f"Data is not a struct with VideoFrames, VideoFrameRate, VideoSize and fixdata ({error})"
        raise DatasetError(path, problem, "Use the official release.") from error


def _number(value: Any) -> float:
    return float(np.asarray(value).ravel()[0])


def _stem(name: Any) -> str:
    return str(name).strip().removesuffix(".mp4")


def _fixations(rows: NDArray[np.float64], size_wh: tuple[int, int]) -> Fixations:
    x, y = rows[:, 3].astype(np.float32), rows[:, 4].astype(np.float32)
    return Fixations(x=x, y=y, size_wh=size_wh, subject=rows[:, 0].astype(np.int64))
