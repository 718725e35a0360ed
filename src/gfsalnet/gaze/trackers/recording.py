"""What every importer reads out of an export: one viewer's gaze, and what says when and where the video was shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gfsalnet.choices import EyeChoice
from gfsalnet.errors import GFSalNetError

Points: TypeAlias = NDArray[np.float64]
"""(N, 2) x, y, right and down from the upper left corner; NaN where the eye was lost."""
Nanoseconds: TypeAlias = NDArray[np.int64]
"""(N,) of the recording's own clock. Whole numbers: in a float64, clocks since 1970 have steps of 256 ns."""
Space: TypeAlias = Literal["screen pixels", "screen shares", "surface shares"]
"""What points are in: pixels of the display, shares of its sides, or shares of a surface that gaze was mapped to."""

SECOND_NS = 1_000_000_000


class TrackerError(GFSalNetError):
    """An export that is not what its importer expects, or that does not say enough."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that was written into the recording at one moment."""

    time_ns: int
    text: str
    is_of_tracker: bool = False
    """Whether the tracker itself wrote it, of its settings or a calibration, and not the experiment."""


@dataclass(frozen=True, kw_only=True)
class Showing:
    """A stimulus was shown: from when until when, by the export."""

    name: str
    start_ns: int
    end_ns: int | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class FrameClock:
    """Messages that say which frame of which video appeared when, V of them, by time."""

    time_ns: Nanoseconds
    frame: NDArray[np.int64]
    """(V,) 0-based."""
    corner: Points
    """(V, 2) upper left corner of the video on the display, in pixels."""
    name: str
    """The video file."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TrackerFixations:
    """The fixations that the tracker's own program found: (F,) nanoseconds, (F, 2) points in the recording's unit."""

    start_ns: Nanoseconds
    duration_ns: Nanoseconds
    points: Points


@dataclass(kw_only=True)
class TrackerRecording:
    """The gaze of one viewer in one export: N samples by time, (N, 2) points for each eye in one unit, its `space`."""

    path: Path
    viewer: str
    name: str = ""
    """Name of the recording, where the export has one: tells two recordings of one viewer apart."""
    space: Space
    screen_wh: tuple[int, int] | None = None
    """Width and height of the display (or surface) in pixels; None where the export does not say."""
    time_ns: Nanoseconds
    rows: NDArray[np.int64]
    """(N,) row of each sample in the file, from 1."""
    left: Points | None = None
    right: Points | None = None
    both: Points | None = None
    """The point that the tracker's own program made of both eyes; None where the export has single eyes only."""
    start_ns: int = 0
    """When the recording began: what `--offset` counts from where no event says when the video did."""
    events: list[Event] = field(default_factory=list)
    showings: list[Showing] = field(default_factory=list)
    segments: list[tuple[int, int]] = field(default_factory=list)
    """Start and end in nanoseconds where the recording was stopped in between, as after every trial; else empty."""
    shown_boxes: NDArray[np.float64] | None = None
    """(N, 4) where the stimulus stood at each sample: x, y, width, height in pixels of the display; NaN if nowhere."""
    frame_clocks: list[FrameClock] = field(default_factory=list)
    fixations: TrackerFixations | None = None
    notes: list[str] = field(default_factory=list)

    def points(self, eye: EyeChoice) -> Points:
        """(N, 2) the gaze: of one eye, or of both.

        `both` is what the tracker's program made of both eyes where the export has it, else their mean, and where one
        eye is lost the other.

        Raises:
            TrackerError: if the export does not have this eye.
        """
        wanted = {"left": self.left, "right": self.right, "both": self.both}[eye]
        if wanted is not None:
            return wanted
        single = [points for points in (self.left, self.right) if points is not None]
        if eye != "both" or not single:
            raise TrackerError(self.path, f"it has no gaze of the {eye} eye", "Use --eye both, or export this eye too.")
        return single[0] if len(single) == 1 else mean_of_eyes(*single)

    def check_clock(self) -> None:
        """Make sure that time goes forward.

        Raises:
            TrackerError: if it goes back, with the row.
        """
        back = np.diff(self.time_ns) < 0
        if back.any():
            place = int(back.argmax()) + 1
            by = (self.time_ns[place - 1] - self.time_ns[place]) / SECOND_NS
            problem = f"row {self.rows[place]}: time goes back by {by:g} s"
            remedy = "Are these two recordings in one file? Export each to a file of its own, by time."
            raise TrackerError(self.path, problem, remedy)


def runs(time_ns: Nanoseconds, codes: NDArray[np.int64], names: Sequence[str]) -> list[Showing]:
    """The showings of stimuli that stand in every row: each from its first row to the first of the next.

    Args:
        time_ns: (N,) of the rows.
        codes: (N,) index into `names` for each row; negative where nothing is shown.
        names: of the stimuli; nothing is shown where a name is empty or a dash.
    """
    # Cut to the number of rows: of none, the leading True would be a beginning.
    begins = np.flatnonzero(np.append(True, np.diff(codes) != 0))[: len(codes)]
    ends: list[int | None] = [int(time_ns[begin]) for begin in begins[1:]]
    return [
        Showing(name=names[codes[begin]], start_ns=int(time_ns[begin]), end_ns=end)
        for begin, end in zip(begins, [*ends, None], strict=True)
        if codes[begin] >= 0 and names[codes[begin]] not in ("", "-")
    ]


def mean_of_eyes(left: Points, right: Points) -> Points:
    """(N, 2) the mean of both eyes; where one is lost the other, where both are, NaN."""
    left_there, right_there = np.isfinite(left).all(axis=1), np.isfinite(right).all(axis=1)
    mean = (left + right) / 2
    only_left, only_right = left_there & ~right_there, right_there & ~left_there
    mean[only_left], mean[only_right] = left[only_left], right[only_right]
    return np.asarray(mean)


def masked(x: NDArray[np.float64], y: NDArray[np.float64], valid: NDArray[np.bool_]) -> Points:
    """(N, 2) points, NaN where they are not valid."""
    there = valid & np.isfinite(x) & np.isfinite(y)
    return np.where(there[:, np.newaxis], np.stack([x, y], axis=1), np.nan)
