"""Pupil Labs: gaze that Pupil Player or Pupil Cloud has mapped to a surface, such as a display with markers.

After docs.pupil-labs.com, pages on the exports of Pupil Player (Core) and of Pupil Cloud (Neon, Invisible). What a
scene camera saw is no place in a video that was shown: raw gaze is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze.trackers.recording import (
    SECOND_NS,
    Event,
    Points,
    TrackerError,
    TrackerFixations,
    TrackerRecording,
    masked,
)
from gfsalnet.gaze.trackers.text import Table, Text, headings_of, read_columns

LEAST_CONFIDENCE = 0.6
"""Confidence of a useful Pupil Core sample, as Pupil Labs advises; 0 is a pupil that was not found."""
MAP_IT = "Map the gaze to the display with a surface or markers, and export that."


def read_pupil_core(path: Path) -> list[TrackerRecording]:
    """`gaze_positions_on_surface_….csv` of Pupil Player: shares of the surface, its origin at the bottom left.

    `fixations_on_surface_….csv` and, for events, `annotations.csv` beside it or one folder up are read, too.

    Raises:
        TrackerError: if it is not mapped to a surface, or a row makes no sense; with the row.
    """
    headings = headings_of(path)
    if not {"x_norm", "y_norm"} <= set(headings):
        what = "the gaze in the scene camera" if "norm_pos_x" in headings else "no gaze"
        problem = f"it holds {what}, not on a surface"
        raise TrackerError(path, problem, f"{MAP_IT} Give its gaze_positions_on_surface file.")
    time = "gaze_timestamp" if "gaze_timestamp" in headings else "world_timestamp"
    table = read_columns(path, numbers=[time, "x_norm", "y_norm", "confidence"])
    order = np.argsort(table.numbers[time], kind="stable")  # two eye cameras may write a little out of turn
    time_ns = _seconds_ns(path, table, time)[order]
    confidence = table.numbers.get("confidence")
    sure = np.ones(len(table), np.bool_) if confidence is None else confidence > LEAST_CONFIDENCE
    # Their y goes up.
    both = masked(table.numbers["x_norm"], 1 - table.numbers["y_norm"], sure)[order]
    folders = (path.parent, path.parent.parent)
    return [
        TrackerRecording(
            path=path,
            viewer=_core_viewer(path),
            space="surface shares",
            time_ns=time_ns,
            rows=table.rows[order],
            both=both,
            start_ns=_core_start(folders, time_ns),
            events=_core_annotations(folders),
            fixations=_core_fixations(path.with_name(path.name.replace("gaze_positions_", "fixations_", 1))),
            notes=list(table.notes),
        )
    ]


def _seconds_ns(path: Path, table: Table, name: str) -> NDArray[np.int64]:
    seconds = table.numbers[name]
    if (missing := ~np.isfinite(seconds)).any():
        row = table.rows[int(missing.argmax())]
        raise TrackerError(path, f"row {row}: {name} is missing", "Export the recording again.")
    return np.rint(seconds * SECOND_NS).astype(np.int64)


def _core_viewer(path: Path) -> str:
    """The folder of the recording: RECORDING/exports/000/surfaces/gaze_positions_on_surface_….csv."""
    parts = path.resolve().parts
    return parts[parts.index("exports") - 1] if "exports" in parts[1:] else path.stem


def _core_start(folders: tuple[Path, Path], time_ns: NDArray[np.int64]) -> int:
    """The first frame of the scene camera, where the export says when that was."""
    for folder in folders:
        if (world := folder / "world_timestamps.csv").is_file():
            name = headings_of(world)[0]
            first = read_columns(world, numbers=[name]).numbers[name]
            if len(first) and np.isfinite(first[0]):
                return round(float(first[0]) * SECOND_NS)
    return int(time_ns[0]) if len(time_ns) else 0


def _core_annotations(folders: tuple[Path, Path]) -> list[Event]:
    for folder in folders:
        if (annotations := folder / "annotations.csv").is_file():
            table = read_columns(annotations, numbers=["timestamp"], texts=["label"])
            if "timestamp" in table.numbers and "label" in table.texts:
                times = _seconds_ns(annotations, table, "timestamp")
                return [Event(time_ns=int(now), text=table.texts["label"].at(row)) for row, now in enumerate(times)]
    return []


def _core_fixations(path: Path) -> TrackerFixations | None:
    """A fixation has a row for each frame of the scene camera: its first one counts."""
    if not path.is_file():
        return None
    names = ("fixation_id", "start_timestamp", "duration", "norm_pos_x", "norm_pos_y")
    table = read_columns(path, numbers=names)
    if not set(names) <= set(table.numbers) or not len(table):
        return None
    first = np.sort(np.unique(table.numbers["fixation_id"], return_index=True)[1])
    return TrackerFixations(
        start_ns=_seconds_ns(path, table, "start_timestamp")[first],
        duration_ns=np.rint(table.numbers["duration"][first] * 1_000_000).astype(np.int64),  # milliseconds
        points=np.stack([table.numbers["norm_pos_x"][first], 1 - table.numbers["norm_pos_y"][first]], axis=1),
    )


def read_pupil_cloud(path: Path) -> list[TrackerRecording]:
    """`gaze.csv` of a Marker Mapper or Reference Image Mapper: on the surface or image, origin at the top left.

    `sections.csv`, `fixations.csv` and `events.csv` beside it are read, too. One recording for each section.

    Raises:
        TrackerError: if it is not mapped, or a row makes no sense; with the row.
    """
    headings = headings_of(path)
    x, y = (next((h for h in headings if h.startswith("gaze position") and f" {axis} [" in h), None) for axis in "xy")
    if x is None or y is None or "timestamp [ns]" not in headings:
        what = "the gaze in the scene camera" if "gaze x [px]" in headings else "no mapped gaze"
        raise TrackerError(path, f"it holds {what}", f"{MAP_IT} Give the gaze.csv of that enrichment.")
    detected = next((heading for heading in headings if heading.startswith("gaze detected")), "")
    table = read_columns(
        path, integers=["timestamp [ns]"], numbers=[x, y], texts=["recording id", "section id", detected]
    )
    points = masked(table.numbers[x], table.numbers[y], np.ones(len(table), np.bool_))
    if "[px]" in x and detected:  # on an image there is no place beside it
        points[~table.texts[detected].is_in("true", "True")] = np.nan
    recording, section = table.texts.get("recording id"), table.texts.get("section id")
    codes = np.zeros(len(table), np.int64) if section is None else section.codes
    sections = _cloud_sections(path.with_name("sections.csv"))
    found = []
    for code in np.unique(codes):
        of = codes == code
        row = int(of.argmax())
        about = sections.get("" if section is None else section.at(row), {})
        recording_id = "" if recording is None else recording.at(row)
        time_ns = table.integers["timestamp [ns]"][of]
        events = [Event(time_ns=int(about["start"]), text=str(about["event"]))] if about else []
        found.append(
            TrackerRecording(
                path=path,
                viewer=str(about.get("wearer", "")) or recording_id or path.parent.name,
                name=str(about.get("recording", "")) or recording_id,
                space="screen pixels" if "[px]" in x else "surface shares",
                time_ns=time_ns,
                rows=table.rows[of],
                both=points[of],
                start_ns=int(about.get("start", time_ns[0])),
                events=[*events, *_cloud_events(path.with_name("events.csv"), recording_id)],
                fixations=_cloud_fixations(path.with_name("fixations.csv"), section, row),
                notes=list(table.notes),
            )
        )
        found[-1].check_clock()
    return found


def _cloud_sections(path: Path) -> dict[str, dict[str, int | str]]:
    """Section id → its start in nanoseconds, the event there, the recording and the wearer."""
    if not path.is_file():
        return {}
    names = {"wearer": "wearer name", "recording": "recording name", "event": "start event name", "id": "section id"}
    table = read_columns(path, integers=["section start time [ns]"], texts=names.values())
    starts = table.integers.get("section start time [ns]")
    if starts is None or "section id" not in table.texts:
        return {}
    return {
        table.texts["section id"].at(row): {
            "start": int(starts[row]),
            **{key: table.texts[name].at(row) if name in table.texts else "" for key, name in names.items()},
        }
        for row in range(len(table))
    }


def _cloud_events(path: Path, recording_id: str) -> list[Event]:
    if not path.is_file():
        return []
    table = read_columns(path, integers=["timestamp [ns]"], texts=["name", "recording id"])
    times, names, of = table.integers.get("timestamp [ns]"), table.texts.get("name"), table.texts.get("recording id")
    if times is None or names is None:
        return []
    rows = range(len(table)) if of is None else np.flatnonzero(of.is_in(recording_id))
    return [Event(time_ns=int(times[row]), text=names.at(row)) for row in rows]


def _cloud_fixations(path: Path, section: Text | None, row: int) -> TrackerFixations | None:
    if not path.is_file():
        return None
    headings = headings_of(path)
    # "fixation x [px]" on a picture, "[normalized]" on a surface, by what the gaze was mapped to.
    x, y = (next((h for h in headings if h.startswith("fixation") and f" {axis} [" in h), "") for axis in "xy")
    start, end = "start timestamp [ns]", "end timestamp [ns]"
    table = read_columns(path, integers=[start, end], numbers=[x, y], texts=["section id"])
    if not {x, y} <= set(table.numbers) or not {start, end} <= set(table.integers):
        return None
    of = np.isfinite(table.numbers[x]) & np.isfinite(table.numbers[y])
    if section is not None and "section id" in table.texts:
        of &= table.texts["section id"].is_in(section.at(row))
    points: Points = np.stack([table.numbers[x][of], table.numbers[y][of]], axis=1)
    starts = table.integers[start][of]
    return TrackerFixations(start_ns=starts, duration_ns=table.integers[end][of] - starts, points=points)
