"""SMI: BeGaze's event export, its raw-data export, and the sample text of the IDF Converter.

After the BeGaze and IDF Converter manuals. SMI is gone; its exports are still in many laboratories.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from gfsalnet.gaze.trackers.recording import (
    Event,
    Points,
    Showing,
    TrackerError,
    TrackerFixations,
    TrackerRecording,
    masked,
    runs,
)
from gfsalnet.gaze.trackers.text import headings_of, open_text, read_columns

MICROSECOND_NS = 1_000
_MESSAGE = "# Message:"


def read_smi(path: Path) -> list[TrackerRecording]:
    """The recordings of a text export of BeGaze or of the IDF Converter.

    Raises:
        TrackerError: if it is none of these, or a row makes no sense; with the row.
    """
    with open_text(path) as file:
        head = file.read(4096)
    if head.lstrip().startswith("[BeGaze]"):
        return _read_events(path)
    if head.startswith("##"):
        return _read_samples(path)
    return _read_raw(path)


def _read_events(path: Path) -> list[TrackerRecording]:
    """BeGaze's events, one of each eye a row: of fixations that stand there for both eyes, the left ones are taken."""
    header: dict[str, str] = {}
    layouts: dict[str, list[str]] = {}
    heading_follows = ""
    fixations: dict[str, list[tuple[int, int, float, float]]] = defaultdict(list)
    events: list[Event] = []
    with open_text(path) as file:
        for row, line in enumerate(file, start=1):
            text = line.strip()
            if heading_follows:
                layouts[heading_follows] = [name.strip() for name in text.split(",")]
                heading_follows = ""
            elif text.startswith("Table Header for "):
                # The names of the columns of each kind of event stand in the line after this one.
                heading_follows = text.removeprefix("Table Header for ").rstrip(":")
            elif ":\t" in line:
                key, _, value = line.partition(":\t")
                header[key.strip()] = value.strip()
            elif text.startswith(("Fixation ", "UserEvent")):
                try:
                    _take_event(text.split(","), layouts, fixations, events)
                except (KeyError, ValueError, IndexError) as error:
                    problem = f"row {row}: not readable as an event: {text[:60]!r}"
                    raise TrackerError(path, problem, "Export the events from BeGaze again.") from error
    # One eye: with both each fixation would count twice.
    found = fixations.get("L") or fixations.get("R") or fixations.get("B")
    if not found:
        raise TrackerError(path, "it holds no fixations", "Export fixations and user events from BeGaze.")
    starts, durations, x, y = map(np.array, zip(*found, strict=True))
    return [
        TrackerRecording(
            path=path,
            viewer=header.get("Subject") or path.stem,
            name=header.get("Description", ""),
            space="screen pixels",
            time_ns=np.zeros(0, np.int64),
            rows=np.zeros(0, np.int64),
            both=np.zeros((0, 2)),
            start_ns=min([int(starts[0]), *(event.time_ns for event in events)]),
            events=events,
            showings=_showings(events),
            fixations=TrackerFixations(start_ns=starts, duration_ns=durations, points=np.stack([x, y], axis=1)),
            notes=["it holds fixations, not samples"],
        )
    ]


def _take_event(
    cells: list[str],
    layouts: dict[str, list[str]],
    fixations: dict[str, list[tuple[int, int, float, float]]],
    events: list[Event],
) -> None:
    if cells[0] == "UserEvent":
        place = {name: index for index, name in enumerate(layouts["User Events"])}
        # The description comes last, and may hold commas itself.
        text = ",".join(cells[place["Description"] :]).strip()
        events.append(Event(time_ns=int(cells[place["Start"]]) * MICROSECOND_NS, text=text))
        return
    place = {name: index for index, name in enumerate(layouts["Fixations"])}
    start, duration = (int(cells[place[name]]) * MICROSECOND_NS for name in ("Start", "Duration"))
    x, y = (float(cells[place[f"Location {axis}"]]) for axis in "XY")
    fixations[cells[0].split()[1]].append((start, duration, x, y))


def _showings(events: list[Event]) -> list[Showing]:
    """Stimuli are messages of their file names; each is shown until the next."""
    shown = [event for event in events if re.search(r"\.\w{2,4}$", event.text)]
    ends: list[int | None] = [event.time_ns for event in shown[1:]]
    return [
        Showing(name=event.text.removeprefix(_MESSAGE).strip(), start_ns=event.time_ns, end_ns=end)
        for event, end in zip(shown, [*ends, None], strict=True)
    ]


def _read_samples(path: Path) -> list[TrackerRecording]:
    """The IDF Converter's text: lines that begin with ##, then rows of type SMP, and MSG with a text."""
    header: dict[str, str] = {}
    headings: list[str] = []
    samples: list[tuple[int, int, float, float, float, float]] = []
    events: list[Event] = []
    with open_text(path) as file:
        for row, line in enumerate(file, start=1):
            cells = [cell.strip() for cell in line.rstrip("\r\n").split("\t")]
            try:
                if line.startswith("##"):
                    header[cells[0].removeprefix("##").strip().rstrip(":")] = " ".join(cells[1:])
                elif not headings:
                    headings = cells
                elif len(cells) > 1 and cells[1] == "MSG":
                    text = next((cell for cell in cells[3:] if cell), "").removeprefix(_MESSAGE).strip()
                    events.append(Event(time_ns=int(cells[0]) * MICROSECOND_NS, text=text))
                elif len(cells) > 1 and cells[1] == "SMP":
                    points = [_cell(cells, headings, f"{eye} POR {axis} [px]") for eye in "LR" for axis in "XY"]
                    samples.append((row, int(cells[0]) * MICROSECOND_NS, *points))  # type: ignore[arg-type]  # four
            except ValueError as error:
                problem = f"row {row}: not readable as a sample: {line.strip()[:60]!r}"
                raise TrackerError(path, problem, "Convert the IDF file again, with decimal points.") from error
    if not samples or not any("POR" in heading for heading in headings):
        remedy = "Convert the IDF file with the columns L POR X [px] and so on."
        raise TrackerError(path, "it holds no samples with a point of regard in pixels", remedy)
    values = np.array([sample[2:] for sample in samples], np.float64)
    recording = TrackerRecording(
        path=path,
        viewer=header.get("Subject") or path.stem,
        space="screen pixels",
        screen_wh=_area(header),
        time_ns=np.array([sample[1] for sample in samples], np.int64),
        rows=np.array([sample[0] for sample in samples], np.int64),
        left=_found(values[:, :2]) if "L POR X [px]" in headings else None,
        right=_found(values[:, 2:]) if "R POR X [px]" in headings else None,
        start_ns=samples[0][1],
        events=events,
        showings=_showings(events),
    )
    recording.check_clock()
    return [recording]


def _cell(cells: list[str], headings: list[str], name: str) -> float:
    return float(cells[headings.index(name)].replace(",", ".")) if name in headings else np.nan


def _area(header: dict[str, str]) -> tuple[int, int] | None:
    """The calibration area is the display, where it is given in pixels."""
    sides = re.findall(r"\d+", header.get("Calibration Area", ""))
    return (int(sides[0]), int(sides[1])) if len(sides) == 2 else None


def _found(points: Points) -> Points:
    """Where an eye is lost, SMI writes 0, 0."""
    return masked(points[:, 0], points[:, 1], (points != 0).any(axis=1))


def _read_raw(path: Path) -> list[TrackerRecording]:
    """BeGaze's raw-data export: one row for each sample, of several participants and stimuli."""
    headings = headings_of(path)
    time = next((heading for heading in headings if heading.startswith("RecordingTime")), None)
    eyes = {eye: f"Point of Regard {eye} {{}} [px]" for eye in ("Left", "Right", "Binocular")}
    present = {eye: name for eye, name in eyes.items() if name.format("X") in headings}
    if time is None or not present:
        problem = "it is no export of BeGaze or of the IDF Converter that has gaze in pixels and times"
        remedy = "Export Point of Regard X and Y in pixels and RecordingTime from BeGaze, with English headings."
        raise TrackerError(path, problem, remedy)
    names = [name.format(axis) for name in present.values() for axis in "XY"]
    table = read_columns(path, numbers=[time, *names], texts=["Participant", "Stimulus", "Trial"])
    scale = MICROSECOND_NS * (1000 if "[ms]" in time else 1)
    time_ns = np.rint(np.nan_to_num(table.numbers[time]) * scale).astype(np.int64)
    participant, stimulus = table.texts.get("Participant"), table.texts.get("Stimulus")
    codes = np.zeros(len(table), np.int64) if participant is None else participant.codes
    recordings = []
    for code in np.unique(codes):
        of = (codes == code) & np.isfinite(table.numbers[time])
        points = {
            eye: _found(np.stack([table.numbers[name.format(axis)][of] for axis in "XY"], axis=1))
            for eye, name in present.items()
        }
        recording = TrackerRecording(
            path=path,
            viewer=path.stem if participant is None else participant.values[code] or path.stem,
            space="screen pixels",
            time_ns=time_ns[of],
            rows=table.rows[of],
            left=points.get("Left"),
            right=points.get("Right"),
            both=points.get("Binocular"),
            start_ns=int(time_ns[of][0]),
            showings=[] if stimulus is None else runs(time_ns[of], stimulus.codes[of], stimulus.values),
            notes=list(table.notes),
        )
        recording.check_clock()
        recordings.append(recording)
    return recordings
