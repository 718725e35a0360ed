"""Any other table with one row for each sample or fixation, by a mapping of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import RequestError
from gfsalnet.gaze.trackers.recording import (
    SECOND_NS,
    Points,
    TrackerError,
    TrackerFixations,
    TrackerRecording,
    masked,
    runs,
)
from gfsalnet.gaze.trackers.text import Table, headings_of, read_columns

UNIT_NS = {"s": SECOND_NS, "ms": 1_000_000, "us": 1_000, "ns": 1}
POINTS = ("x", "y", "left_x", "left_y", "right_x", "right_y")
PLAIN = ("viewer", "media", "valid", "left_valid", "right_valid")
TRUE = frozenset({"1", "1.0", "true", "valid", "yes", "y"})
FALSE = frozenset({"0", "0.0", "false", "invalid", "no", "n", "", "nan"})


@dataclass(frozen=True, kw_only=True)
class ColumnMapping:
    """Which column means what."""

    names: Mapping[str, str]
    """Meaning → heading."""
    time_ns: int = SECOND_NS
    """Nanoseconds of one unit of the time column."""
    duration_ns: int = 1_000_000
    shares: bool = False
    """Whether points are shares of the display, 0 to 1; else pixels of it."""
    bottom_up: bool = False
    """Whether y counts from the bottom edge."""


def parse_columns(text: str) -> ColumnMapping:
    """`time=HEADING[:s|ms|us|ns],x=HEADING[:px|share],y=HEADING[:up],viewer=…,valid=…,media=…,duration=HEADING[:ms]`.

    Raises:
        RequestError: if it is none, or lacks time or gaze.
    """
    names: dict[str, str] = {}
    units: dict[str, list[str]] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        meaning, is_given, heading = (piece.strip() for piece in part.partition("="))
        if not is_given or meaning not in {"time", "duration", *POINTS, *PLAIN}:
            known = ", ".join(("time", "duration", *POINTS, *PLAIN))
            raise RequestError("--columns", f"{part!r} names no column", f"Write MEANING=HEADING; meanings are {known}")
        heading, *units[meaning] = heading.split(":")
        names[meaning] = heading
    has_gaze = any({f"{eye}x", f"{eye}y"} <= set(names) for eye in ("", "left_", "right_"))
    if "time" not in names or not has_gaze:
        remedy = "Give time=HEADING:ms,x=HEADING,y=HEADING or left_x, left_y, right_x, right_y"
        raise RequestError("--columns", "it lacks the column of the time or of the gaze", remedy)
    allowed = {"time": set(UNIT_NS), "duration": set(UNIT_NS), **{point: {"px", "share", "up"} for point in POINTS}}
    for meaning, found in units.items():
        if unknown := set(found) - allowed.get(meaning, set()):
            raise RequestError("--columns", f"{meaning} has the unknown unit {min(unknown)!r}", "See docs/import.md")
    flags = {unit for meaning in POINTS for unit in units.get(meaning, [])}
    return ColumnMapping(
        names=names,
        time_ns=UNIT_NS[units["time"][0]] if units["time"] else SECOND_NS,
        duration_ns=UNIT_NS[units["duration"][0]] if units.get("duration") else 1_000_000,
        shares="share" in flags,
        bottom_up="up" in flags,
    )


def read_generic(path: Path, mapping: ColumnMapping) -> list[TrackerRecording]:
    """The recordings of a table, one for each viewer in it; with a duration its rows are fixations.

    Raises:
        TrackerError: if a column is missing, or a row makes no sense; with the row.
    """
    headings = headings_of(path)
    if missing := [heading for heading in mapping.names.values() if heading not in headings]:
        problem = f"it has no column {missing[0]!r}; it has {', '.join(headings[:8])}"
        raise TrackerError(path, problem, "Write the headings in --columns as the file has them.")
    named = dict(mapping.names)
    # Nanoseconds since 1970 do not fit into a float64 without steps: they are read as whole numbers.
    whole = [named["time"]] if mapping.time_ns == 1 else []
    numbers = [h for meaning, h in named.items() if meaning in (*POINTS, "time", "duration") and h not in whole]
    table = read_columns(path, numbers=numbers, integers=whole, texts=[h for m, h in named.items() if m in PLAIN])
    time_ns = table.integers[whole[0]] if whole else _in_ns(path, table, named["time"], mapping.time_ns)
    viewers, media = (table.texts.get(named.get(meaning, "")) for meaning in ("viewer", "media"))
    codes = np.zeros(len(table), np.int64) if viewers is None else viewers.codes
    found = []
    for code in np.unique(codes):
        of = codes == code
        recording = TrackerRecording(
            path=path,
            viewer=path.stem if viewers is None else viewers.values[code] or path.stem,
            space="screen shares" if mapping.shares else "screen pixels",
            time_ns=time_ns[of],
            rows=table.rows[of],
            both=_points(table, mapping, "", of),
            left=_points(table, mapping, "left_", of),
            right=_points(table, mapping, "right_", of),
            start_ns=int(time_ns[of][0]),
            showings=[] if media is None else runs(time_ns[of], media.codes[of], media.values),
            notes=list(table.notes),
        )
        recording.check_clock()
        found.append(_as_fixations(recording, table, mapping, of) if "duration" in named else recording)
    return found


def _in_ns(path: Path, table: Table, heading: str, unit_ns: int) -> NDArray[np.int64]:
    values = table.numbers[heading]
    if (missing := ~np.isfinite(values)).any():
        row = table.rows[int(missing.argmax())]
        raise TrackerError(path, f"row {row}: {heading} is missing", "Give every row its time.")
    return np.rint(values * unit_ns).astype(np.int64)


def _points(table: Table, mapping: ColumnMapping, prefix: str, of: NDArray[np.bool_]) -> Points | None:
    names = mapping.names
    # No heading is empty, so that what was not given is found nowhere.
    x, y = (table.numbers.get(names.get(f"{prefix}{axis}", "")) for axis in "xy")
    if x is None or y is None:
        return None
    valid = np.ones(len(table), np.bool_)
    for meaning in ("valid", f"{prefix}valid"):
        column = table.texts.get(names.get(meaning, ""))
        if column is not None:
            said = [value.casefold() in TRUE for value in column.values]
            if unknown := [value for value in column.values if value.casefold() not in TRUE | FALSE]:
                row = table.rows[int((column.codes == column.values.index(unknown[0])).argmax())]
                problem = f"row {row}: {names[meaning]} is {unknown[0]!r}, neither valid nor not"
                raise TrackerError(table.path, problem, "1, true, valid, yes and 0, false, invalid, no are known.")
            valid &= np.array(said, np.bool_)[column.codes]
    return masked(x, 1 - y if mapping.bottom_up and mapping.shares else y, valid & ~table.short)[of]


def _as_fixations(
    recording: TrackerRecording, table: Table, mapping: ColumnMapping, of: NDArray[np.bool_]
) -> TrackerRecording:
    """The same recording, its rows taken for fixations."""
    # Before the samples are emptied below: the points are made of both eyes' columns.
    points = recording.points("both")
    duration = table.numbers[mapping.names["duration"]][of]
    kept = np.isfinite(points).all(axis=1) & np.isfinite(duration)
    recording.fixations = TrackerFixations(
        start_ns=recording.time_ns[kept],
        duration_ns=np.rint(duration[kept] * mapping.duration_ns).astype(np.int64),
        points=points[kept],
    )
    nothing = np.zeros(0, np.int64)
    recording.time_ns = recording.rows = nothing
    recording.left = recording.right = None
    recording.both = np.zeros((0, 2))
    return recording
