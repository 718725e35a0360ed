"""EyeLink (SR Research): the ASC text that edf2asc makes of an EDF file.

After SR Research's "EyeLink User Manual", chapter on the ASC file format, and its example programs for `!V VFRAME`.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gfsalnet.gaze.trackers.recording import (
    Event,
    FrameClock,
    Nanoseconds,
    Points,
    TrackerError,
    TrackerFixations,
    TrackerRecording,
)
from gfsalnet.gaze.trackers.text import open_text

MILLISECOND_NS = 1_000_000
# Width and height in pixels of displays: they tell a size from the number of the last pixel.
USUAL_SIZES = frozenset(
    {
        *((640, 480), (800, 600), (1024, 768), (1152, 864), (1280, 720), (1280, 800), (1280, 960), (1280, 1024)),
        *((1360, 768), (1366, 768), (1400, 1050), (1440, 900), (1600, 900), (1600, 1200), (1680, 1050), (1920, 1080)),
        *((1920, 1200), (2048, 1152), (2560, 1080), (2560, 1440), (2560, 1600), (3440, 1440), (3840, 2160)),
    }
)
_OFFSET = re.compile(r"(-?\d+)\s+(\D.*)", re.DOTALL)
_VFRAME = re.compile(r"!V VFRAME\s+(\d+)\s+(-?[\d.]+)\s+(-?[\d.]+)\s+(.+)")
_OF_TRACKER = re.compile(
    r"!|>|RECCFG|ELCL|THRESHOLDS|CAMERA|GAZE_COORDS|DISPLAY_COORDS|PHYSICAL_|SCREEN_|PUPIL|CALIB|VALIDAT|DRIFT|RECORD"
)
"""How messages begin that the host writes of its settings, calibrations and drift corrections."""
_COORDS = re.compile(r"(DISPLAY_COORDS|GAZE_COORDS)\s*=?\s+(-?[\d.]+)\s+(-?[\d.]+)\s+(-?[\d.]+)\s+(-?[\d.]+)")


@dataclass
class _Parts:
    """What is collected line by line."""

    # Arrays of machine numbers: lists of Python's take several times the memory, and recordings have millions.
    times: array[int] = field(default_factory=lambda: array("q"))
    rows: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    """Four a sample: left x, y, right x, y; NaN where there is none."""
    eyes: tuple[str, ...] = ()
    """The one that belongs to the block that is being read."""
    seen_eyes: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    segments: list[tuple[int, int]] = field(default_factory=list)
    started_ns: int | None = None
    frames: list[tuple[int, int, float, float, str]] = field(default_factory=list)
    fixations: dict[str, list[tuple[int, int, float, float]]] = field(default_factory=dict)
    blink_saccades: list[tuple[int, int]] = field(default_factory=list)
    last_blink_ns: int = -1
    sizes: dict[str, tuple[float, float]] = field(default_factory=dict)


def read_eyelink(path: Path) -> list[TrackerRecording]:
    """The recording of an ASC file; its clock is the tracker's, and begins anywhere.

    Raises:
        TrackerError: if it is no ASC file with gaze samples or fixations, or a line makes no sense; with its number.
    """
    parts = _Parts()
    with open_text(path) as file:
        for row, line in enumerate(file, start=1):
            _take(path, parts, row, line)
    if not parts.times and not parts.fixations:
        remedy = "Convert the EDF with edf2asc, samples and events in GAZE coordinates."
        raise TrackerError(path, "it holds no gaze samples and no fixations of an EyeLink", remedy)
    times = _with_half_milliseconds(np.array(parts.times, np.int64))
    # (N, eyes, xy); an eye that was not tracked is NaN all along.
    values = np.array(parts.values, np.float64).reshape(-1, 2, 2)
    there = {eye: place for place, eye in enumerate(("LEFT", "RIGHT")) if eye in parts.seen_eyes}
    screen_wh, notes = _screen(parts)
    recording = TrackerRecording(
        path=path,
        viewer=path.stem,
        space="screen pixels",
        screen_wh=screen_wh,
        time_ns=times,
        rows=np.array(parts.rows, np.int64),
        left=values[:, 0] if "LEFT" in there else None,
        right=values[:, 1] if "RIGHT" in there else None,
        start_ns=int(times[0]) if len(times) else min(f[0] for found in parts.fixations.values() for f in found),
        events=parts.events,
        segments=parts.segments,
        frame_clocks=list(_frame_clocks(parts)),
        fixations=_fixations(parts),
        notes=[*notes, *_blink_notes(parts, times)],
    )
    return [recording]


def _take(path: Path, parts: _Parts, row: int, line: str) -> None:
    first = line[:1]
    try:
        if first.isdigit():
            _take_sample(path, parts, row, line.split())
        elif line.startswith("MSG"):
            _take_message(parts, line)
        elif line.startswith("SAMPLES"):
            _take_kind(path, parts, row, line.split())
        elif line.startswith(("EFIX", "ESACC", "EBLINK")):
            _take_event(parts, line.split())
        elif line.startswith("START"):
            parts.eyes = tuple(eye for eye in ("LEFT", "RIGHT") if eye in line.split())
            parts.started_ns = round(float(line.split()[1]) * MILLISECOND_NS)
        elif line.startswith("END") and parts.started_ns is not None:
            # The last sample may bear the stamp of the END line.
            parts.segments.append((parts.started_ns, round(float(line.split()[1]) * MILLISECOND_NS) + 1))
            parts.started_ns = None
    except (ValueError, IndexError) as error:
        problem = f"row {row}: not readable as a line of an ASC file: {line.strip()[:60]!r}"
        raise TrackerError(path, problem, "Convert the EDF again with edf2asc.") from error


def _take_kind(path: Path, parts: _Parts, row: int, words: list[str]) -> None:
    """A SAMPLES line: what the samples of the block are."""
    if "GAZE" not in words:
        problem = f"row {row}: its samples are {words[1] if len(words) > 1 else 'unknown'}, not gaze on the display"
        raise TrackerError(path, problem, "Convert the EDF with edf2asc -sg, which writes GAZE coordinates.")
    parts.eyes = tuple(eye for eye in ("LEFT", "RIGHT") if eye in words)


def _take_sample(path: Path, parts: _Parts, row: int, words: list[str]) -> None:
    if not parts.eyes:
        problem = f"row {row}: a sample before any START line, so it is no whole ASC file of an EyeLink"
        raise TrackerError(path, problem, "Convert the EDF with edf2asc, or name the vendor whose export it is.")
    parts.seen_eyes.update(parts.eyes)
    parts.times.append(round(float(words[0]) * MILLISECOND_NS))
    parts.rows.append(row)
    # Three words an eye: x, y and the size of the pupil.
    xy = {eye: (_value(words[1 + 3 * i]), _value(words[2 + 3 * i])) for i, eye in enumerate(parts.eyes)}
    for eye in ("LEFT", "RIGHT"):
        x, y = xy.get(eye, (np.nan, np.nan))
        parts.values.extend((x, y) if np.isfinite(x) and np.isfinite(y) else (np.nan, np.nan))


def _value(text: str) -> float:
    return np.nan if text == "." else float(text)


def _take_message(parts: _Parts, line: str) -> None:
    _, stamp, *rest = line.rstrip("\r\n").split(None, 2)
    text, time_ns = (rest[0].strip() if rest else ""), round(float(stamp) * MILLISECOND_NS)
    # A whole number in front of the text is how long before the message the event was.
    if (offset := _OFFSET.fullmatch(text)) is not None:
        text, time_ns = offset[2].strip(), time_ns - int(offset[1]) * MILLISECOND_NS
    if (frame := _VFRAME.match(text)) is not None:
        parts.frames.append((time_ns, int(frame[1]), float(frame[2]), float(frame[3]), frame[4].strip()))
    elif (coords := _COORDS.match(text)) is not None:
        left, top, right, bottom = map(float, coords.groups()[1:])
        parts.sizes[coords[1]] = (right - left, bottom - top)
    if not text.startswith(("!CAL", "!V VFRAME")):
        parts.events.append(Event(time_ns=time_ns, text=text, is_of_tracker=_OF_TRACKER.match(text) is not None))


def _take_event(parts: _Parts, words: list[str]) -> None:
    kind, eye = words[0], words[1]
    start, end = (round(float(word) * MILLISECOND_NS) for word in words[2:4])
    if kind == "EFIX":
        x, y = _value(words[5]), _value(words[6])
        if np.isfinite(x) and np.isfinite(y):
            # Its duration counts both its first and its last sample.
            duration = round(float(words[4]) * MILLISECOND_NS)
            parts.fixations.setdefault(eye, []).append((start, duration, x, y))
    elif kind == "EBLINK":
        parts.last_blink_ns = start
    # edf2asc writes an EBLINK before the ESACC that it lies in.
    elif parts.last_blink_ns >= start:  # an ESACC that ends after a blink inside it
        parts.blink_saccades.append((start, end))


def _with_half_milliseconds(times_ns: Nanoseconds) -> Nanoseconds:
    """Tell apart stamps that older edf2asc writes twice at 2000 samples per second: the second is half a ms later."""
    repeated = np.append(False, np.diff(times_ns) == 0)[: len(times_ns)]
    return np.asarray(times_ns + repeated * (MILLISECOND_NS // 2))


def _screen(parts: _Parts) -> tuple[tuple[int, int] | None, list[str]]:
    """The size of the display, and how it was told."""
    if (last := parts.sizes.get("DISPLAY_COORDS")) is not None:
        return (round(last[0]) + 1, round(last[1]) + 1), []
    if (last := parts.sizes.get("GAZE_COORDS")) is None:
        return None, []
    # GAZE_COORDS names the last pixel or the size, by who wrote it.
    size, plus_one = (round(last[0]), round(last[1])), (round(last[0]) + 1, round(last[1]) + 1)
    chosen = size if size in USUAL_SIZES and plus_one not in USUAL_SIZES else plus_one
    return chosen, [f"the display is taken to have {chosen[0]}x{chosen[1]} pixels, by GAZE_COORDS alone"]


def _frame_clocks(parts: _Parts) -> Iterator[FrameClock]:
    """The frame messages, apart for each run of one video: where its frames begin again, it was shown again."""
    run: list[tuple[int, int, float, float, str]] = []
    for message in sorted(parts.frames):
        # Another file, or a frame number that goes back.
        if run and (message[4] != run[-1][4] or message[1] < run[-1][1]):
            yield _frame_clock(run)
            run = []
        run.append(message)
    if run:
        yield _frame_clock(run)


def _frame_clock(run: list[tuple[int, int, float, float, str]]) -> FrameClock:
    return FrameClock(
        time_ns=np.array([message[0] for message in run], np.int64),
        frame=np.array([message[1] - 1 for message in run], np.int64),  # the messages count from 1
        corner=np.array([message[2:4] for message in run], np.float64),
        name=run[0][4],
    )


def _fixations(parts: _Parts) -> TrackerFixations | None:
    """Fixations of the left eye, or of the right where only that was tracked: with both each stands there twice."""
    found = parts.fixations.get("L") or parts.fixations.get("R")
    if not found:
        return None
    points: Points = np.array([(x, y) for _, _, x, y in found], np.float64)
    return TrackerFixations(
        start_ns=np.array([start for start, *_ in found], np.int64),
        duration_ns=np.array([duration for _, duration, *_ in found], np.int64),
        points=points,
    )


def _blink_notes(parts: _Parts, times: Nanoseconds) -> list[str]:
    inside = sum(int(((times >= start) & (times <= end)).sum()) for start, end in parts.blink_saccades)
    return [f"{inside} samples lie in saccades around blinks, where gaze is unreliable"] if inside else []
