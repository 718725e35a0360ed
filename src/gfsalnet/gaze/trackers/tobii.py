"""Tobii Studio and Tobii Pro Lab: the tab-separated data export, one row for each sample, event and sensor reading.

After the data-export chapters of Tobii's user manuals. Whoever exports chooses the columns, and their names changed:
`GazePointX` (Studio 2), `GazePointX (ADCSpx)` (Studio 3), `Gaze point X` and `Gaze point X [DACS px]` (Pro Lab).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze.trackers.recording import (
    Event,
    Nanoseconds,
    Points,
    Showing,
    TrackerError,
    TrackerFixations,
    TrackerRecording,
)
from gfsalnet.gaze.trackers.tobii_columns import SPACES, Export, open_export
from gfsalnet.gaze.trackers.tobii_media import media_boxes, shown_boxes

LONGEST_STEP_MS = 400
"""Longest time between two samples: more are microseconds, in exports that do not name the unit of time."""
USABLE_VALIDITY = 2
"""Studio's codes go from 0, surely this eye, to 4, no eye; below this they count, as its own filters have it."""


def read_tobii(path: Path) -> list[TrackerRecording]:
    """The recordings of an export, one for each participant and recording in it.

    Raises:
        TrackerError: if it has no gaze on a display, or a row makes no sense; with the row.
    """
    export = open_export(path)
    recordings = [_recording(path, export, *one) for one in _viewers(path, export)]
    for recording in recordings:
        recording.check_clock()
    return recordings


def _viewers(path: Path, export: Export) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Participant, recording and rows of each."""
    participant, recording = export.text("participant"), export.text("recording")
    everyone = np.ones(len(export.table), np.bool_)
    if participant is None:
        yield path.stem, "", everyone
        return
    # One number for each pair of participant and recording.
    of = participant.codes * (1 if recording is None else len(recording.values))
    of = of if recording is None else of + recording.codes
    for code in np.unique(of):
        row = int((of == code).argmax())
        yield participant.at(row) or path.stem, "" if recording is None else recording.at(row), of == code


def _recording(path: Path, export: Export, viewer: str, name: str, rows: NDArray[np.bool_]) -> TrackerRecording:
    table, notes = export.table, list(export.table.notes)
    is_sample = _samples(export) & rows
    if not is_sample.any():
        raise TrackerError(path, f"no row of {viewer} is a gaze sample", "Export the rows of the eye tracker too.")
    all_ns = _time_ns(path, export, is_sample, notes)
    of = np.flatnonzero(is_sample)
    left_ok, right_ok = (_usable(path, export, side) for side in ("left", "right"))
    if left_ok is None and right_ok is None:
        notes.append("it has no validity columns: every point that is there counts")
    anywhere = np.ones(len(table), np.bool_)
    either = (
        anywhere
        if left_ok is None and right_ok is None
        else ((left_ok if left_ok is not None else ~anywhere) | (right_ok if right_ok is not None else ~anywhere))
    )
    valid = {
        "": either & ~table.short,
        "left": (anywhere if left_ok is None else left_ok) & ~table.short,
        "right": (anywhere if right_ok is None else right_ok) & ~table.short,
    }
    space, both, left, right = _gaze(export, valid)
    events, showings = _events(export, rows, all_ns)
    boxes = shown_boxes(export, both, notes) if not space else media_boxes(export, space, notes)
    return TrackerRecording(
        path=path,
        viewer=viewer,
        name=name,
        space="screen pixels",
        screen_wh=_screen(export, of),
        time_ns=all_ns[of],
        rows=table.rows[of],
        left=None if left is None else left[of],
        right=None if right is None else right[of],
        both=None if both is None else both[of],
        events=events,
        showings=showings,
        shown_boxes=None if boxes is None else boxes[of],
        fixations=_fixations(export, rows, all_ns, boxes),
        notes=notes,
    )


def _gaze(
    export: Export, valid: Mapping[str, NDArray[np.bool_]]
) -> tuple[str, Points | None, Points | None, Points | None]:
    """The best space that the export has gaze in, and the points of both eyes, of the left and of the right one."""
    for space in SPACES:
        both, left, right = (export.point(f"{space}{eye}".rstrip("_"), valid[eye]) for eye in ("", "left", "right"))
        if not both is left is right is None:
            return space, both, left, right
    raise AssertionError("the headings were checked")


def _samples(export: Export) -> NDArray[np.bool_]:
    """(N,) which rows are gaze samples; the others are events, mouse moves and other sensors."""
    # By what says it best: the sensor of each row, else a number or time that gaze samples alone have; at last by
    # whether a row has a validity or a point.
    sensor = export.text("sensor")
    if sensor is not None:
        return sensor.is_in("Eye Tracker")
    marked = export.text("sample")
    if marked is not None:
        return marked.is_filled()
    filled = [column.is_filled() for side in ("left", "right") if (column := export.text(f"{side}_validity"))]
    x = export.number("x") if export.number("x") is not None else export.number("left_x")
    return filled[0] if filled else np.isfinite(np.nan if x is None else x)


def _time_ns(path: Path, export: Export, is_sample: NDArray[np.bool_], notes: list[str]) -> Nanoseconds:
    time = export.number("time")
    assert time is not None
    if (missing := ~np.isfinite(time)).any():
        row = export.table.rows[int(missing.argmax())]
        raise TrackerError(path, f"row {row}: its time is missing", "Export every row with the recording timestamp.")
    unit = export.units["time"]
    # Without a unit in the heading the distance of samples tells: microseconds read as milliseconds are too far apart.
    step = float(np.median(np.diff(time[is_sample]))) if is_sample.sum() > 1 else 0.0
    if unit not in ("ms", "us"):
        unit = "us" if step > LONGEST_STEP_MS else "ms"
        if unit == "us":
            notes.append(f"its times name no unit and are taken for microseconds: samples are {step:g} apart")
    return np.rint(time * (1_000_000 if unit == "ms" else 1_000)).astype(np.int64)


def _usable(path: Path, export: Export, side: str) -> NDArray[np.bool_] | None:
    """(N,) whether an eye was found; None where the export does not say."""
    validity = export.text(f"{side}_validity")
    if validity is None:
        return None
    good = {"valid": True, "invalid": False, "": False, "-1": False}
    usable = []
    for code, value in enumerate(validity.values):
        if value.casefold() in good:
            usable.append(good[value.casefold()])
        elif value.isdecimal() and int(value) <= 4:
            usable.append(int(value) < USABLE_VALIDITY)
        else:
            row = export.table.rows[int((validity.codes == code).argmax())]
            remedy = "Valid and Invalid, or 0 to 4, are known: export with English words."
            raise TrackerError(path, f"row {row}: the validity of the {side} eye is {value!r}", remedy)
    return np.array(usable, np.bool_)[validity.codes]


def _screen(export: Export, of: NDArray[np.intp]) -> tuple[int, int] | None:
    width, height = export.number("screen_width"), export.number("screen_height")
    if width is not None and height is not None and np.isfinite(width[of[0]]) and np.isfinite(height[of[0]]):
        return int(width[of[0]]), int(height[of[0]])
    resolution = export.text("resolution")
    sides = re.fullmatch(r"(\d+)\s*x\s*(\d+)", resolution.at(int(of[0]))) if resolution is not None else None
    return (int(sides[1]), int(sides[2])) if sides else None


def _events(export: Export, rows: NDArray[np.bool_], time_ns: Nanoseconds) -> tuple[list[Event], list[Showing]]:
    """The events of a recording, and from when until when each stimulus was shown by them."""
    event, value = export.text("event"), export.text("event_value")
    if event is None:
        return [], []
    events: list[Event] = []
    began: dict[str, int] = {}
    showings: list[Showing] = []
    for row in np.flatnonzero(event.is_filled() & rows):
        what, of, now = event.at(row), "" if value is None else value.at(row), int(time_ns[row])
        events.append(Event(time_ns=now, text=f"{what} {of}".strip()))
        # Studio writes MovieStart and ImageStart, Pro Lab VideoStimulusStart and ImageStimulusStart.
        if of and what.endswith("Start"):
            began[of] = now
        elif of and what.endswith("End") and of in began:
            showings.append(Showing(name=of, start_ns=began.pop(of), end_ns=now))
    # What has begun and never ends was shown until the recording was stopped.
    showings += [Showing(name=name, start_ns=start) for name, start in began.items()]
    showings += [again for showing in showings for again in _by_file(export, rows, time_ns, showing)]
    return events, sorted(showings, key=lambda showing: showing.start_ns)


def _by_file(export: Export, rows: NDArray[np.bool_], time_ns: Nanoseconds, showing: Showing) -> list[Showing]:
    """The same showing by the name of the stimulus' file, where that is another one."""
    stimulus, file = export.text("media"), export.text("media_file")
    if stimulus is None or file is None:
        return []
    shown = np.flatnonzero(rows & stimulus.is_in(showing.name) & file.is_filled() & (time_ns >= showing.start_ns))
    name = file.at(shown[0]) if len(shown) else showing.name
    return [] if name == showing.name else [replace(showing, name=name)]


def _fixations(
    export: Export, rows: NDArray[np.bool_], time_ns: Nanoseconds, boxes: NDArray[np.float64] | None
) -> TrackerFixations | None:
    """The fixations of Tobii's filter: rows with one index, where they begin, and how long they say they last."""
    index, length, movement = export.text("fixation_index"), export.number("fixation_ms"), export.text("movement")
    points = export.point("fixation", np.ones(len(rows), np.bool_))
    if points is None and boxes is not None:
        on_media = export.point("on_media_fixation", np.ones(len(rows), np.bool_))
        # From coordinates of the media to those of the display, by where the media stood.
        points = None if on_media is None else on_media + np.nan_to_num(boxes[:, :2])
    if index is None or length is None or points is None:
        return None
    is_fixation = index.is_filled() & ~index.is_in("0", "-1") & rows & _samples(export)
    if movement is not None:
        is_fixation &= movement.is_in("Fixation")
    found = np.flatnonzero(is_fixation & np.isfinite(points).all(axis=1) & np.isfinite(length))
    # The first row of each index; `unique` sorts by the index's code, the rows are wanted by time.
    first = np.sort(found[np.unique(index.codes[found], return_index=True)[1]])
    return TrackerFixations(
        start_ns=time_ns[first],
        duration_ns=np.rint(length[first] * 1_000_000).astype(np.int64),
        points=points[first],
    )
