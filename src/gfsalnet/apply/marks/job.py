"""The marks of one source, in every format that is asked for, in a folder that appears whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from gfsalnet._version import __version__
from gfsalnet.apply.marks.finding import Course, Mark, MarkSettings, find_marks
from gfsalnet.apply.marks.otio import timeline_json
from gfsalnet.apply.marks.timecode import Timebase, can_drop, nearest_rate
from gfsalnet.apply.marks.writing import MOST_EVENTS, Video, chapters, edl, marks_csv, premiere_csv, resolve_edl
from gfsalnet.choices import MarksWord
from gfsalnet.errors import RequestError
from gfsalnet.files import write_json
from gfsalnet.packages import MissingPackageError
from gfsalnet.store import SUMMARY_FILE, made_whole
from gfsalnet.video import VideoInfo
from gfsalnet.video.pyav import FILE, open_input

FORMATS: Mapping[MarksWord, tuple[str, Callable[[Video, Sequence[Mark]], str]]] = {
    "csv": ("marks.csv", marks_csv),
    "otio": ("marks.otio", timeline_json),
    "edl": ("marks.edl", edl),
    "resolve": ("resolve.edl", resolve_edl),
    "premiere": ("premiere.csv", premiere_csv),
    "chapters": ("chapters.txt", chapters),
}
"""Word of --save → file and what writes it."""
ON_A_TIMELINE: Mapping[MarksWord, str] = {"edl": "01:00:00:00", "resolve": "01:00:00:00"}
"""Where timelines begin by the custom of those who read the format; else at 00:00:00:00."""


@dataclass(frozen=True, kw_only=True)
class MarksRequest:
    """What is marked, and how it is written."""

    found: MarkSettings = field(default_factory=MarkSettings)
    save: tuple[MarksWord, ...] = tuple(FORMATS)
    rate: Fraction | None = None
    """Frames per second by which frames are numbered; None: those of the video, or the nearest of editors."""
    drop_frame: bool | None = None
    """Whether timecodes drop frame numbers; None: as the file's own timecode does, else where the rate can."""
    media_start: str | None = None
    """Timecode of the video's first frame; None: the file's own, else 00:00:00:00."""
    timeline_start: str | None = None
    """Timecode of the timeline's first frame; None: by the custom of the format."""


@dataclass(frozen=True, kw_only=True)
class MarksResult:
    """What was written for one source."""

    folder: Path
    marks: list[Mark]
    timebase: Timebase
    notes: list[str]


def write_marks(
    course: Course, info: VideoInfo, folder: Path, request: MarksRequest, record: Mapping[str, Any] | None = None
) -> MarksResult:
    """Find the marks and write them.

    Args:
        course: of the source.
        info: of the source.
        folder: to write; what is there is replaced.
        request: what is asked for.
        record: what determines the results, as JSON values, for the summary.

    Raises:
        OutputError: if it cannot be written.
        RequestError: if a timecode is none at the rate, or there is no drop-frame timecode of it.
    """
    marks = find_marks(course, request.found)
    own = None if info.path is None or info.kind != "video" else own_timecode(info.path)
    # Before the folder is begun: a timecode that does not exist is refused while nothing is written yet.
    timebase, notes = _timebase(course, info, request, own)
    media_start = _start(request.media_start or own or "00:00:00:00", timebase, "--timecode")
    cuts = course.times_seconds[course.cuts].tolist()
    with made_whole(folder) as partial:
        for word in request.save:
            name, text_of = FORMATS[word]
            start = request.timeline_start or ON_A_TIMELINE.get(word, "00:00:00:00")
            video = Video(
                name=info.path.name if info.path is not None else info.name,
                path=info.path,
                timebase=timebase,
                seconds=(float(course.times_seconds[0]), course.end_seconds),
                media_start=media_start,
                timeline_start=_start(start, timebase, "--timeline-start"),
                cuts_seconds=cuts,
            )
            try:
                text = text_of(video, marks)
            except MissingPackageError as error:  # the other formats are no worse for it
                notes.append(f"no {name} is written: {error.problem}; {error.remedy}")
                continue
            # Line ends as the formats have them: Windows would write others.
            (partial / name).write_text(text, encoding="utf-8", newline="")
        notes += _notes_on(request.save, marks, cuts)
        summary = {
            "request": dict(record or {}),
            "marks": [asdict(mark) for mark in marks],
            "rate": timebase.rate,
            "drop_frame": timebase.drop_frame,
            "first_timecode": timebase.timecode(media_start),
            "frames": int(course.times_seconds.size),
            "notes": notes,
            "version": __version__,
            "outputs": sorted(path.name for path in partial.iterdir()),
        }
        write_json(partial / SUMMARY_FILE, summary)
    return MarksResult(folder=folder, marks=marks, timebase=timebase, notes=notes)


def _notes_on(save: Sequence[str], marks: Sequence[Mark], cuts: Sequence[float]) -> list[str]:
    events = max(len(cuts) + 1 if "edl" in save else 0, len(marks) if "resolve" in save else 0)
    if events <= MOST_EVENTS:
        return []
    return [f"an edit decision list has {events} events: some editors read no more than {MOST_EVENTS}"]


def _timebase(course: Course, info: VideoInfo, request: MarksRequest, own: str | None) -> tuple[Timebase, list[str]]:
    # By the times of the frames too: a file may state a rate that it does not keep.
    rate, is_steady = nearest_rate(info.rate, course.times_seconds)
    notes = []
    if request.rate is not None:
        rate = request.rate
    elif not is_steady:
        notes.append(f"its frames come at no steady rate: timecodes number {float(rate):.6g} frames per second")
    drop = request.drop_frame
    if drop is None:
        # SMPTE's sign of drop-frame is a semicolon before the frames; some programs write a full stop.
        drop = can_drop(rate) if own is None else ";" in own or "." in own
    if drop and not can_drop(rate):
        problem = f"there is no drop-frame timecode at {float(rate):.6g} frames per second"
        if request.drop_frame:
            raise RequestError("--drop-frame", problem, "Leave it out")
        drop = False
    return Timebase(rate, drop), notes


def _start(timecode: str, timebase: Timebase, option: str) -> int:
    try:
        return timebase.frame_of(timecode)
    except ValueError as error:
        raise RequestError(option, str(error), "Give another, or --rate") from error


def own_timecode(path: Path) -> str | None:
    """The timecode of a file's first frame, where it has one; None where it has none, or cannot be read."""
    try:
        with open_input(f"{FILE}{path.absolute()}") as container:
            # MXF has it on the file, QuickTime on a track of its own.
            places = [container.metadata, *(stream.metadata for stream in container.streams)]
    except (av.FFmpegError, OSError):
        return None
    return next((str(place["timecode"]) for place in places if "timecode" in place), None)
