"""iMotions: the text export of a study, in which the samples of all sensors are merged by time.

After the column lists of iMotions' own R library and of public example exports; the column names are those of versions
6 and 7 (`GazeLeftx`) and of 8 and later (`ET_GazeLeftx`).
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze.trackers.recording import Points, Showing, TrackerError, TrackerRecording, masked, runs
from gfsalnet.gaze.trackers.text import Table, Text, open_text, read_columns

MILLISECOND_NS = 1_000_000
INTERVALS = ("BlackInterslide", "Interslide", "Fixation cross")
"""Slides between the stimuli."""
USABLE_VALIDITY = 2
"""Codes go from 0, surely this eye, to 4, no eye, as Tobii's do; below this they count."""


def read_imotions(path: Path) -> list[TrackerRecording]:
    """The recordings of an export, one for each respondent.

    Raises:
        TrackerError: if it has no gaze, or a row makes no sense; with the row.
    """
    eyes = ("GazeLeftx", "GazeLefty", "GazeRightx", "GazeRighty", "ValidityLeft", "ValidityRight")
    prefixed = [f"ET_{name}" for name in eyes]
    texts = ("Name", "Respondent", "StimulusName", "SourceStimuliName", "SlideType", "EventSource", "Timestamp")
    with open_text(path) as file:
        preamble = file.readline().startswith("#")
    if preamble:
        remedy = "Export without the lines of metadata before the table."
        raise TrackerError(path, "it begins with lines of metadata, which the older text export has not", remedy)
    table = read_columns(path, numbers=[*eyes, *prefixed], texts=texts)
    stimulus = table.texts.get("StimulusName") or table.texts.get("SourceStimuliName")
    left, right = (_eye(table, side) for side in ("Left", "Right"))
    if "Timestamp" not in table.texts or stimulus is None or left is None or right is None:
        problem = "it lacks Timestamp, StimulusName or GazeLeftx, GazeLefty, GazeRightx, GazeRighty"
        raise TrackerError(path, problem, "Export the eye tracker's raw data from iMotions, with English headings.")
    time_ns = _time_ns(path, table.texts["Timestamp"], table)
    is_sample = _samples(table)
    viewers = table.texts.get("Name") or table.texts.get("Respondent")
    codes = np.zeros(len(table), np.int64) if viewers is None else viewers.codes
    found = []
    for code in np.unique(codes):
        rows, of = np.flatnonzero(codes == code), np.flatnonzero((codes == code) & is_sample)
        if not len(of):
            continue
        recording = TrackerRecording(
            path=path,
            viewer=path.stem if viewers is None else viewers.values[code] or path.stem,
            space="screen pixels",
            time_ns=time_ns[of],
            rows=table.rows[of],
            left=left[of],
            right=right[of],
            start_ns=int(time_ns[rows[0]]),
            showings=_showings(table, stimulus, rows, time_ns),
            notes=list(table.notes),
        )
        recording.check_clock()
        found.append(recording)
    if not found:
        raise TrackerError(path, "no row is a sample of the eye tracker", "Export the eye tracker's raw data, too.")
    return found


def _eye(table: Table, side: str) -> Points | None:
    for prefix in ("", "ET_"):
        x, y = (table.numbers.get(f"{prefix}Gaze{side}{axis}") for axis in "xy")
        if x is not None and y is not None:
            validity = table.numbers.get(f"{prefix}Validity{side}")
            valid = np.ones(len(x), np.bool_) if validity is None else validity < USABLE_VALIDITY
            return masked(x, y, valid & ((x != -1) | (y != -1)))
    return None


def _samples(table: Table) -> NDArray[np.bool_]:
    """(N,) rows that the eye tracker wrote: all others repeat its last sample. A row may have several sources."""
    source = table.texts.get("EventSource")
    if source is None:
        return np.ones(len(table), np.bool_)
    is_tracker = ["ET" in [part.strip() for part in value.split("|")] for value in source.values]
    return np.array(is_tracker, np.bool_)[source.codes]


def _time_ns(path: Path, stamp: Text, table: Table) -> NDArray[np.int64]:
    """`yyyymmdd_hhmmssmmm`, or milliseconds since the recording began."""
    found = []
    for code, value in enumerate(stamp.values):
        try:
            if "_" in value:
                # Three digits of milliseconds behind the seconds, filled up to the six that strptime wants.
                day, clock = value.split("_")
                moment = datetime.strptime(f"{day}{clock}000", "%Y%m%d%H%M%S%f").replace(tzinfo=timezone.utc)
                whole = int(moment.replace(microsecond=0).timestamp()) * 1000
                found.append((whole + moment.microsecond // 1000) * MILLISECOND_NS)
            else:
                found.append(round(float(value.replace(",", ".")) * MILLISECOND_NS))
        except ValueError as error:
            row = table.rows[int((stamp.codes == code).argmax())]
            problem = f"row {row}: Timestamp is {value!r}"
            raise TrackerError(path, problem, "Known are yyyymmdd_hhmmssmmm and milliseconds.") from error
    return np.array(found, np.int64)[stamp.codes]


def _showings(table: Table, stimulus: Text, rows: NDArray[np.intp], time_ns: NDArray[np.int64]) -> list[Showing]:
    """A stimulus is shown from the first row with its name that is no slide between two, also if that is no sample."""
    slide = table.texts.get("SlideType")
    between = np.zeros(len(rows), np.bool_) if slide is None else slide.is_in(*INTERVALS)[rows]
    return runs(time_ns[rows], np.where(between, -1, stimulus.codes[rows]), stimulus.values)
