"""LEDOV: 538 videos of at least 720p, 32 viewers.

    ROOT/VideoNameList.mat          cell of names
    ROOT/namelist.mat               `trainlist`, `vaildlist` (sic), `testlist`: 1-based places in that cell, or names
    ROOT/<name>/<name>.mp4
    ROOT/<name>/Data.mat            struct `Data`: VideoFrames, VideoFrameRate, VideoSize ([w h]), fixdata

`namelist.mat` has 462, 36 and 41 entries, of which one is a repetition: 538 videos.

A row of `fixdata` is: viewer, start in ms, duration in ms, x, y: pixels counted from 1, from the upper left corner. A
fixation counts on every frame it touches. As in the authors' demo, those with x or y of 0 or less, or not less than
width or height, do not count (the eye tracker had lost the eye, or the viewer looked elsewhere). A viewer's fixations
count from the first one off the cross of the central row and column, each 1/10 of the height wide: until then the eye
rests where the fixation cross before the video was. The authors cut their Gaussian off at 100 pixels; here it is whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.formats.mat import read_mat
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset, SplitSize
from gfsalnet.gaze.disk import centres, require_folder
from gfsalnet.gaze.names import NameIndex
from gfsalnet.gaze.video_files import Timeline, video_frames, video_timeline
from gfsalnet.types import Fixations, Frame
from gfsalnet.video import count_frames

_LISTS = {"train": "trainlist", "val": "vaildlist", "test": "testlist"}
_COLUMNS = 5
_CLOCK_SECONDS = 1e-6
"""Times are whole milliseconds; this only takes up rounding."""


class Record(NamedTuple):
    """The content of `Data.mat` of one video."""

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
    layout = "LEDOV has VideoNameList.mat, namelist.mat and a folder per video with <name>.mp4 and Data.mat in it."
    official: ClassVar = {"train": SplitSize(videos=461), "val": SplitSize(videos=36), "test": SplitSize(videos=41)}
    entries: ClassVar = {"train": 462, "val": 36, "test": 41}
    """How many names the authors' lists have."""

    def __init__(self, root: Path, split: str = "test") -> None:
        super().__init__(root, split)
        require_folder(root, self.layout)
        self._listed_names = self._listed()
        there = NameIndex(path.name for path in root.iterdir() if path.is_dir())
        # One name stands twice in the authors' lists.
        found = {name: there.find(name) for name in dict.fromkeys(self._listed_names)}
        self._folders = {name: root / hits[0] for name, hits in found.items() if len(hits) == 1}
        self._videos = list(self._folders)
        if not self._videos:
            raise DatasetError(root, f"it holds no video of the split {split}", self.layout)

    def _listed(self) -> list[str]:
        key = _LISTS[self.split]
        chosen = read_mat(self.root / "namelist.mat", key)[key]
        if isinstance(chosen, list):
            return [_stem(name) for name in chosen]
        path = self.root / "VideoNameList.mat"
        names = read_mat(path, "VideoNameList")["VideoNameList"]
        # MATLAB counts from 1.
        places = chosen.ravel().astype(np.int64) - 1
        if not isinstance(names, list) or (len(places) and not 0 <= places.min() <= places.max() < len(names)):
            problem = f"it is no cell of names that {key} of namelist.mat fits"
            raise DatasetError(path, problem, "Use VideoNameList.mat and namelist.mat of one release.")
        return [_stem(names[place]) for place in places]

    @property
    def videos(self) -> list[str]:
        """The videos of the split in the order of the list."""
        return list(self._videos)

    def record(self, video: str) -> Record:
        """The content of `Data.mat`.

        Raises:
            DatasetError: if it is missing, damaged or something else.
        """
        return _read_record(self._folders[video] / "Data.mat")

    def frames(self, video: str) -> Iterator[Frame]:
        """The video."""
        return video_frames(self._video_file(video))

    def gaze(self, video: str) -> list[FrameGaze]:
        """Every frame of the video, fixations at the centres of its pixels; `subject` is the viewer's number."""
        record, path = self.record(video), self._video_file(video)
        timeline = video_timeline(path) if path.is_file() else Timeline.steady(record.frames, record.rate)
        return gaze_on(record, timeline, record.frames)

    def sigma_pixels(self, video: str) -> float:
        """A full width at half maximum of 80 pixels."""
        return 33.97

    def parts(self, video: str) -> Mapping[str, Collection[int]]:
        """The pictures of the video, and the frames according to Data.mat."""
        return {
            "pictures": range(count_frames(self._video_file(video))),
            "frames in Data.mat": range(self.record(video).frames),
        }

    def official_size(self) -> SplitSize:
        """The size by the list on disk, counting every name once."""
        return SplitSize(videos=len(set(self._listed_names)))

    def remarks(self) -> list[str]:
        """Whether the list differs from the authors', and which names it repeats."""
        names, entries = self._listed_names, self.entries.get(self.split)
        twice = sorted({name for name in names if names.count(name) > 1})
        other = f"{_LISTS[self.split]} of namelist.mat has {len(names)} entries, the authors' {entries}"
        return [
            *([other] if entries not in (None, len(names)) else []),
            *(f"{_LISTS[self.split]} of namelist.mat names {name} more than once; it counts once" for name in twice),
        ]

    def _video_file(self, video: str) -> Path:
        folder = self._folders[video]
        return folder / f"{folder.name}.mp4"


def gaze_on(record: Record, timeline: Timeline, frames: int) -> list[FrameGaze]:
    """The fixations, in pixels of the video, on each of the first `frames` frames of a timeline.

    As in the authors' demo, a fixation counts from the frame that is shown just before it starts.
    """
    rows = record.rows[_counts(record)]
    start, end = rows[:, 1] / 1000, (rows[:, 1] + rows[:, 2]) / 1000
    first = np.maximum(timeline.frame_before(start, _CLOCK_SECONDS), 0)
    # Fixations that start after the end get -1, which is on no frame.
    last = np.where(start < timeline.end_seconds, timeline.frame_before(end, _CLOCK_SECONDS), -1)
    return [
        FrameGaze(index=index, fixations=_fixations(rows[(first <= index) & (index <= last)], record.size_wh))
        for index in range(frames)
    ]


def _counts(record: Record) -> NDArray[np.bool_]:
    """(N,) which fixations count: those in the frame, for each viewer from the first off the central cross on."""
    viewer, start, x, y = (record.rows[:, column] for column in (0, 1, 3, 4))
    width, height = record.size_wh
    # MATLAB rounds halves up.
    arm = np.floor(height / 20 + 0.5)
    off_cross = (np.abs(x - width / 2) > arm) & (np.abs(y - height / 2) > arm)
    within = (x > 0) & (x < width) & (y > 0) & (y < height)
    opens = off_cross & within
    # A viewer's rows follow each other; a time that goes back starts a new presentation.
    begins = np.ones(len(viewer), np.bool_)
    begins[1:] = (viewer[1:] != viewer[:-1]) | (start[1:] < start[:-1])
    turn = np.cumsum(begins)
    counts = np.zeros(len(viewer), np.bool_)
    for number in np.unique(turn):
        # From the first look off the cross on, whatever comes after it.
        counts[turn == number] = np.maximum.accumulate(opens[turn == number])
    return counts & within


@lru_cache(maxsize=4)
def _read_record(path: Path) -> Record:
    data = read_mat(path, "Data")["Data"]
    try:
        fields = data[0]
        width, height = (int(side) for side in fields["VideoSize"].ravel())
        rows = np.asarray(fields["fixdata"], np.float64).reshape(-1, _COLUMNS)
        # Stored as a float: 29.97… becomes 30000/1001 again.
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
    x, y = (centres(rows[:, column] - 1) for column in (3, 4))  # MATLAB counts pixels from 1
    return Fixations(x=x, y=y, size_wh=size_wh, subject=rows[:, 0].astype(np.int64))
