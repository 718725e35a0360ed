"""The gaze that areas are compared with: the samples and the fixations of each viewer of a video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import AreasError
from gfsalnet.gaze.datasets.folder import TABLES
from gfsalnet.gaze.names import NameIndex
from gfsalnet.gaze.table import FixationTable, read_recording, read_table
from gfsalnet.gaze.video_files import Timeline

SAMPLES, TRACKER_FIXATIONS, RECORDING = "samples.csv", "tracker_fixations.csv", "gaze.npz"
LONGEST_STEP = 1.5
"""Median intervals that a sample may stand for: where the next one is farther, there is a gap."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Looks:
    """Samples or fixations of one viewer, N of them, by time."""

    start_seconds: Floats
    """(N,) from the start of the video."""
    seconds: Floats
    """(N,) how long each lasts."""
    x: Floats
    y: Floats
    """(N,) pixels of the video."""

    @property
    def middle_seconds(self) -> Floats:
        """(N,)."""
        return self.start_seconds + self.seconds / 2


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """What is known of one viewer's gaze on the video."""

    name: str
    samples: Looks | None
    fixations: Looks | None


def read_viewers(path: Path, video: str, size_wh: tuple[int, int], timeline: Timeline) -> list[Viewer]:
    """The gaze on a video in a folder dataset, or in one table of it.

    A table with `duration_ms` holds fixations; one without holds samples, or a point for each frame. Beside the table
    of a folder, `samples.csv` and `tracker_fixations.csv` are read too, as `dataset import` writes them.

    Args:
        path: a folder dataset, or a file of fixations.
        video: name of the video in it.
        size_wh: width and height of the video in pixels.
        timeline: when its frames are shown.

    Raises:
        AreasError: if there is no gaze on this video.
        DatasetError: if a table is damaged.
    """
    # The main table first: where two have the same kind of rows, it is the one that counts (setdefault below).
    tables = [path]
    if path.is_dir():
        main = next((path / name for name in (*TABLES, RECORDING) if (path / name).is_file()), path / TABLES[1])
        tables = [main, *(path / name for name in (SAMPLES, TRACKER_FIXATIONS) if (path / name).is_file())]
    samples: dict[str, Looks] = {}
    fixations: dict[str, Looks] = {}
    for place, file in enumerate(tables):
        table = read_recording(file, video) if file.name == RECORDING else read_table(file)
        rows = _rows_of(file, table, video, must_be_there=place == 0)
        found = fixations if table.duration_ms is not None else samples
        for name, of in _by_viewer(table, rows):
            found.setdefault(name, _looks(file, table, of, size_wh, timeline))
    return [
        Viewer(name=name, samples=samples.get(name), fixations=fixations.get(name))
        for name in sorted(set(samples) | set(fixations))
    ]


def _rows_of(path: Path, table: FixationTable, video: str, must_be_there: bool) -> NDArray[np.intp]:
    hits = NameIndex(table.names).find(video)
    # What lies beside the main table may hold other videos only.
    if len(hits) != 1 and must_be_there:
        problem = f"it holds no gaze on {video!r}; it has {', '.join(table.names[:6]) or 'no rows'}"
        if len(hits) > 1:
            problem = f"{video!r} may be {' or '.join(hits[:3])}"
        raise AreasError(path, problem, "Name the video in the table as its file is called, without the suffix.")
    return table.rows_of[hits[0]] if len(hits) == 1 else np.zeros(0, np.intp)


def _by_viewer(table: FixationTable, rows: NDArray[np.intp]) -> list[tuple[str, NDArray[np.intp]]]:
    if table.subject is None:
        return [("everyone", rows)] if len(rows) else []
    # Codes are the numbers of viewers in the table; a table of numbers has no other names.
    names = table.subjects
    return [
        (names[int(code)] if names is not None else f"{code}", rows[table.subject[rows] == code])
        for code in np.unique(table.subject[rows])
    ]


def _looks(
    path: Path, table: FixationTable, rows: NDArray[np.intp], size_wh: tuple[int, int], timeline: Timeline
) -> Looks:
    if table.time_seconds is None and table.frame is None:
        raise AreasError(path, "its table has neither time_seconds nor frame", "Give each row its time or its frame.")
    # (T + 1,) with the end of the last frame, so that differences are how long frames last.
    frames = np.append(timeline.starts_seconds, timeline.end_seconds)
    if table.time_seconds is not None:
        start = table.time_seconds[rows]
        # Stable: rows of one time keep the table's order.
        order = np.argsort(start, kind="stable")
        lasts = _steps(start[order])
    else:
        assert table.frame is not None
        frame = table.frame[rows]
        # Trackers run on when the video has ended: what comes later has no picture to look at.
        rows, frame = rows[frame < len(timeline)], frame[frame < len(timeline)]
        order = np.argsort(frame, kind="stable")
        start = frames[frame]
        # Several points of one viewer in a frame share its time.
        lasts = (np.diff(frames)[frame] / np.bincount(frame, minlength=1)[frame])[order]
    if table.duration_ms is not None:
        lasts = table.duration_ms[rows][order] / 1000
    name = table.names[int(table.of[rows[0]])] if len(rows) else ""
    # A table may say the size that its pixels are of, which need not be that of this file.
    width, height = (table.sizes_wh or {}).get(name, size_wh)
    inside_time = start[order] < timeline.end_seconds
    return Looks(
        start_seconds=start[order][inside_time],
        seconds=lasts[inside_time],
        x=table.x[rows][order].astype(np.float64)[inside_time] * size_wh[0] / width,
        y=table.y[rows][order].astype(np.float64)[inside_time] * size_wh[1] / height,
    )


def _steps(start: Floats) -> Floats:
    """(N,) how long each sample stands for: until the next one, or one median interval where there is a gap."""
    steps = np.diff(start)
    # The median, which neither gaps nor doubled stamps move.
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    return np.append(np.where(steps > LONGEST_STEP * usual, usual, steps), usual)[: len(start)]
