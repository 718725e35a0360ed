"""DIEM-Meta and LEDOV-Meta: the frames that a model of static pictures cannot explain (Tangemann et al., ECCV 2020).

    ROOT as for DIEM or LEDOV, and in it or in ROOT/meta-benchmark/
    mask-diem.csv, mask-ledov-test-30hz.csv, mask-ledov-val-30hz.csv       columns video, frame (0-based), mask

The videos of LEDOV are brought to 30 frames per second first. The score is the mean over the selected frames of a
video, then over the videos that have any.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.formats.texts import read_csv_rows
from gfsalnet.gaze.dataset import FrameGaze, SplitSize
from gfsalnet.gaze.datasets.diem import DIEM
from gfsalnet.gaze.datasets.ledov import LEDOV, gaze_on
from gfsalnet.gaze.video_files import Timeline, video_info, video_timeline
from gfsalnet.types import Frame

RATE = Fraction(30)
_COLUMNS = {"video", "frame", "mask"}
_REMEDY = "Get it from meta-benchmark/ of github.com/mtangemann/deepgazemr and put it into the dataset's folder."


class DIEMMeta(DIEM):
    """The selected frames of DIEM, split `test`."""

    name = "diem-meta"
    splits = ("test",)
    layout = f"{DIEM.layout} Beside them lies mask-diem.csv."
    official: ClassVar = {}
    extracted = "frames-meta"

    def __init__(self, root: Path, split: str = "test") -> None:
        self.selected = read_frame_list(_find(root, "mask-diem.csv"))
        super().__init__(root, split)
        # The benchmark's list says which frames count, also behind the first 300.
        self.limit = None

    def _belongs(self, video: str) -> bool:
        return video in self.selected and bool(self.selected[video].any())

    def gaze(self, video: str) -> list[FrameGaze]:
        """The selected frames only."""
        return _select(super().gaze(video), self.selected[video])


class LEDOVMeta(LEDOV):
    """The selected frames of LEDOV at 30 frames per second, `test` or `val`."""

    name = "ledov-meta"
    splits = ("val", "test")
    layout = f"{LEDOV.layout} Beside them lies mask-ledov-test-30hz.csv."
    official: ClassVar = {"val": SplitSize(videos=33), "test": SplitSize(videos=38)}
    extracted = "frames-meta"

    def _listed(self) -> list[str]:
        self.selected = read_frame_list(_find(self.root, f"mask-ledov-{self.split}-30hz.csv"))
        return [name for name, mask in self.selected.items() if mask.any()]

    def frames(self, video: str) -> Iterator[Frame]:
        """The video at 30 frames per second, as long as the list."""
        rate = video_info(self._video_file(video)).rate
        return islice(at_rate(super().frames(video), rate, RATE), len(self.selected[video]))

    def gaze(self, video: str) -> list[FrameGaze]:
        """The selected frames only."""
        mask = self.selected[video]
        return _select(gaze_on(self.record(video), Timeline.steady(len(mask), RATE), len(mask)), mask)

    def parts(self, video: str) -> Mapping[str, Collection[int]]:
        """Pictures at 30 frames per second, and the length of the list."""
        path = self._video_file(video)
        end = _nearest((float(video_timeline(path).starts_seconds[-1]) + 1 / video_info(path).rate) * RATE)
        return {"pictures": range(max(end, 1)), "frames in the list": range(len(self.selected[video]))}

    def official_size(self) -> SplitSize:
        """The size of the benchmark's split."""
        return self.official[self.split]

    def remarks(self) -> list[str]:
        """None: the lists of LEDOV are not read."""
        return []


def read_frame_list(path: Path) -> dict[str, NDArray[np.bool_]]:
    """Video → (T,) whether each frame belongs to the benchmark.

    Raises:
        DatasetError: if the file is missing or not such a list.
    """
    selected: dict[str, list[bool]] = {}
    rows = read_csv_rows(path, DatasetError, _REMEDY)
    if not rows or not _COLUMNS.issubset(rows[0]):
        raise DatasetError(path, "it lacks one of the columns video, frame, mask", _REMEDY)
    for line, row in enumerate(rows, start=2):
        mask = selected.setdefault(row["video"], [])
        # Every frame has its line, in order: a line that is missing would shift all that follow.
        if row["frame"] != str(len(mask)) or row["mask"] not in ("True", "False"):
            raise DatasetError(path, f"line {line} is not the next frame of its video, True or False", _REMEDY)
        mask.append(row["mask"] == "True")
    return {name: np.array(mask, np.bool_) for name, mask in selected.items()}


def at_rate(frames: Iterator[Frame], source_rate: Fraction, rate: Fraction) -> Iterator[Frame]:
    """The same video with another frame rate, by repeating and dropping frames, as FFmpeg's fps filter does.

    Each frame starts at the new frame nearest in time; where several start together, the last one is shown.
    """
    shown: Frame | None = None
    position = 0
    for frame in frames:
        # The place from which on this frame is shown: until there the one before is repeated, or dropped without one.
        start = _nearest(frame.time_seconds * rate)
        while shown is not None and position < start:
            yield replace(shown, index=position, time_seconds=float(position / rate))
            position += 1
        shown = frame
    if shown is not None:
        # The last frame lasts as long as the source's rate says, and is shown at least once.
        end = _nearest((shown.time_seconds + 1 / source_rate) * rate)
        for index in range(position, max(end, 1)):
            yield replace(shown, index=index, time_seconds=float(index / rate))


def _nearest(value: float) -> int:
    # The small summand keeps a 2.5 that was computed as 2.4999999 from being rounded down.
    return math.floor(value + 0.5 + 1e-6)


def _find(root: Path, name: str) -> Path:
    for folder in (root, root / "meta-benchmark"):
        if (folder / name).is_file():
            return folder / name
    raise DatasetError(root / name, "there is no such file", _REMEDY)


def _select(gaze: list[FrameGaze], mask: NDArray[np.bool_]) -> list[FrameGaze]:
    return [item for item in gaze if item.index < len(mask) and mask[item.index]]
