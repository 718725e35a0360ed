"""Frames of videos and numbered pictures, and when each frame is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gfsalnet.errors import SourceError
from gfsalnet.types import Frame
from gfsalnet.video import VideoInfo, frame_times, open_source, read_image

TOLERANCE_SECONDS = 0.000501
"""Containers and tables round times to milliseconds: a time this little before a frame belongs to it."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """When each frame of a video is shown, T frames."""

    starts_seconds: NDArray[np.float64]
    """(T,) ascending, the first 0."""
    end_seconds: float
    """When the last frame ends."""

    @classmethod
    def steady(cls, count: int, rate: Fraction) -> Timeline:
        """`count` frames at a constant rate, in frames per second."""
        return cls(np.array([float(index / rate) for index in range(count)]), float(count / rate))

    def __len__(self) -> int:
        return len(self.starts_seconds)

    def frame_at(self, seconds: ArrayLike, tolerance_seconds: float = TOLERANCE_SECONDS) -> NDArray[np.int64]:
        """(N,) 0-based index of the frame that is shown at each time; T after the end."""
        times = np.asarray(seconds, np.float64)
        # The frame that is shown is the last one that has started.
        index = np.searchsorted(self.starts_seconds, times + self._at_most(tolerance_seconds), side="right") - 1
        # A gaze sample exactly at the end belongs to no frame; 1e-9 absorbs the rounding of the sum.
        return np.where(times < self.end_seconds - 1e-9, np.maximum(index, 0), len(self)).astype(np.int64)

    def frame_before(self, seconds: ArrayLike, tolerance_seconds: float = TOLERANCE_SECONDS) -> NDArray[np.int64]:
        """(N,) 0-based index of the last frame that is shown before each time; -1 at the very start."""
        times = np.asarray(seconds, np.float64) - self._at_most(tolerance_seconds)
        # What ends as a frame starts is not shown with it, hence the left side.
        return np.asarray(np.searchsorted(self.starts_seconds, times, side="left") - 1, np.int64)

    def _at_most(self, tolerance_seconds: float) -> float:
        """The tolerance, limited to a quarter of a frame for videos of more than 500 frames per second."""
        steps = np.diff(self.starts_seconds)
        return min(tolerance_seconds, 0.25 * float(np.median(steps))) if len(steps) else tolerance_seconds


def video_frames(path: Path) -> Iterator[Frame]:
    """The frames (H, W, 3) of a video file, with their times in seconds.

    Raises:
        SourceError: if it is missing or damaged; also at the end if frames were lost, since the gaze would then belong
            to other frames than those counted.
    """
    with open_source(str(path)) as reader:
        yield from reader
        if reader.report.is_short:
            problem = f"{reader.report.loss_in_words()} ({reader.report.damage})"
            raise SourceError(path, problem, "Copy or download the video again.")


@lru_cache(maxsize=4096)
def video_info(path: Path) -> VideoInfo:
    """What the header of a video or picture file says; its number of frames is an estimate.

    Raises:
        SourceError: if it is missing or damaged.
    """
    with open_source(str(path)) as reader:
        return reader.info


def video_timeline(path: Path) -> Timeline:
    """When each frame of a video file is shown, by its own time stamps; also where its rate varies.

    Raises:
        SourceError: if it is missing or damaged, or frames of it are lost.
    """
    # The header's duration may include a last frame that is shown for longer than one interval.
    starts, info = frame_times(path), video_info(path)
    return Timeline(starts, max(float(starts[-1] + 1 / info.rate), info.duration_seconds or 0.0))


def picture_frames(pictures: Mapping[int, Path], timeline: Timeline | Fraction) -> Iterator[Frame]:
    """Frames from pictures by their 0-based index; a missing number leaves a gap and shifts nothing.

    Args:
        pictures: index → file.
        timeline: when they are shown: the timeline of the video that they come from, or a rate in frames per second.

    Raises:
        SourceError: if a picture is damaged, or its size is not that of the first.
    """
    first: tuple[int, int] | None = None
    for index, path in pictures.items():
        # Read one by one as the consumer takes them: a folder may hold an hour of frames.
        rgb = read_image(path)
        size_wh = (rgb.shape[1], rgb.shape[0])
        first = first or size_wh
        if size_wh != first:
            problem = f"it has {size_wh[0]}x{size_wh[1]} pixels, the first picture {first[0]}x{first[1]}"
            raise SourceError(path, problem, "Give pictures of one size.")
        yield Frame(rgb, time_seconds=_start(timeline, index), index=index)


def _start(timeline: Timeline | Fraction, index: int) -> float:
    if isinstance(timeline, Fraction):
        return float(index / timeline)
    # A picture beyond the end gets a time all the same, later than the one before.
    within = min(index, len(timeline) - 1)
    # A little later for each, as times of frames must increase.
    return float(timeline.starts_seconds[within]) + (index - within) * TOLERANCE_SECONDS
