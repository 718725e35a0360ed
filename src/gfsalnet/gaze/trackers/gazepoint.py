"""Gazepoint Analysis: `…_all_gaze.csv` and `…_fixations.csv`, by the fields of the Gazepoint API (Open Gaze API)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze.trackers.recording import (
    SECOND_NS,
    Event,
    Points,
    Showing,
    TrackerError,
    TrackerFixations,
    TrackerRecording,
    masked,
)
from gfsalnet.gaze.trackers.text import Table, headings_of, read_columns

NUMBERS = ("FPOGX", "FPOGY", "FPOGS", "FPOGD", "FPOGID", "FPOGV", "BPOGX", "BPOGY", "BPOGV")
SINGLE_EYES = ("LPOGX", "LPOGY", "LPOGV", "RPOGX", "RPOGY", "RPOGV")
_OF_EXPORT = re.compile(r"[_ -]?(all[_ -]?gaze|fixations)$", re.IGNORECASE)


def read_gazepoint(path: Path) -> list[TrackerRecording]:
    """The gaze of one viewer, a recording for each media: its clock begins with the media.

    Raises:
        TrackerError: if it has no time or no gaze, or a row makes no sense; with the row.
    """
    headings = headings_of(path)
    time = next((heading for heading in headings if re.match(r"TIME(\(|$)", heading)), None)
    if time is None or not ({"BPOGX", "BPOGY"} <= set(headings) or {"FPOGX", "FPOGY"} <= set(headings)):
        problem = "it lacks " + ("the column TIME" if time is None else "BPOGX and BPOGY")
        remedy = "Choose TIME, BPOGX, BPOGY and BPOGV among the columns of the export in Gazepoint Analysis."
        raise TrackerError(path, problem, remedy)
    table = read_columns(path, numbers=[time, *NUMBERS, *SINGLE_EYES], texts=["MEDIA_NAME", "MEDIA_ID", "USER"])
    seconds = table.numbers[time]
    if (missing := ~np.isfinite(seconds)).any():
        row = table.rows[int(missing.argmax())]
        raise TrackerError(path, f"row {row}: TIME is missing", "Export the gaze again, every row with its TIME.")
    media = table.texts.get("MEDIA_NAME") or table.texts.get("MEDIA_ID")
    codes = np.zeros(len(table), np.int64) if media is None else media.codes
    found = []
    for code in np.unique(codes):
        name = path.stem if media is None else media.values[code]
        # One for each media, as its clock starts again with it.
        found.append(_recording(path, table, np.rint(seconds * SECOND_NS).astype(np.int64), codes == code, name))
    return found


def _recording(
    path: Path, table: Table, time_ns: NDArray[np.int64], of: NDArray[np.bool_], media: str
) -> TrackerRecording:
    notes = list(table.notes)
    fixations = _fixations(table, of)
    if _is_fixation_export(table, of):
        samples, notes = np.zeros(len(of), np.bool_), [*notes, "its rows are fixations, not samples"]
    else:
        samples = of
    both = _points(table, "BPOG")
    if both is None:
        both = _points(table, "FPOG")
        notes.append("it has no BPOGX: the running mean of each fixation (FPOGX) stands for the samples")
    user = table.texts.get("USER")
    marks = np.flatnonzero(of & False if user is None else user.is_filled() & of)
    recording = TrackerRecording(
        path=path,
        viewer=_OF_EXPORT.sub("", path.stem) or path.stem,
        space="screen shares",
        time_ns=time_ns[samples],
        rows=table.rows[samples],
        left=_chosen(_points(table, "LPOG"), samples),
        right=_chosen(_points(table, "RPOG"), samples),
        both=_chosen(both, samples),
        events=[Event(time_ns=int(time_ns[row]), text=user.at(row)) for row in marks if user is not None],
        showings=[Showing(name=media, start_ns=0)],
        fixations=fixations,
        notes=notes,
    )
    recording.check_clock()
    return recording


def _chosen(points: Points | None, rows: NDArray[np.bool_]) -> Points | None:
    return None if points is None else points[rows]


def _points(table: Table, prefix: str) -> Points | None:
    """(N, 2) where the flag says valid: in other rows the last good point stands again."""
    x, y = table.numbers.get(f"{prefix}X"), table.numbers.get(f"{prefix}Y")
    if x is None or y is None:
        return None
    valid = table.numbers.get(f"{prefix}V")
    return masked(x, y, (np.ones(len(x)) if valid is None else valid) == 1)


def _is_fixation_export(table: Table, of: NDArray[np.bool_]) -> bool:
    """Whether each row is the last sample of another fixation."""
    numbers = table.numbers.get("FPOGID")
    return numbers is not None and of.sum() > 1 and len(np.unique(numbers[of])) == of.sum()


def _fixations(table: Table, of: NDArray[np.bool_]) -> TrackerFixations | None:
    """The last row of each fixation: only there are its place and its length final."""
    if not {"FPOGX", "FPOGY", "FPOGS", "FPOGD", "FPOGID"} <= set(table.numbers):
        return None
    valid = table.numbers.get("FPOGV")
    rows = np.flatnonzero(of if valid is None else of & (valid == 1))
    numbers = table.numbers["FPOGID"][rows]
    last = rows[np.flatnonzero(np.append(np.diff(numbers) != 0, True))] if len(rows) else rows
    return TrackerFixations(
        start_ns=np.rint(table.numbers["FPOGS"][last] * SECOND_NS).astype(np.int64),
        duration_ns=np.rint(table.numbers["FPOGD"][last] * SECOND_NS).astype(np.int64),
        points=np.stack([table.numbers["FPOGX"][last], table.numbers["FPOGY"][last]], axis=1),
    )
