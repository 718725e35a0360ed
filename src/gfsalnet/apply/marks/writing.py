"""Marks in the formats of editors: as text, each by the timecodes of the video or of a timeline made of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gfsalnet.apply.marks.finding import Mark, MarkKind
from gfsalnet.apply.marks.timecode import Timebase

COLOURS: Mapping[MarkKind, str] = {"peak": "GREEN", "cut": "BLUE", "spread": "RED", "split": "YELLOW"}
"""Colours of the marks where a format has them: names that OpenTimelineIO, Avid and Resolve know."""
MOST_EVENTS = 999
"""Most events of an edit decision list, whose numbers have three digits."""


@dataclass(frozen=True, kw_only=True)
class Video:
    """What the marks are of."""

    name: str
    path: Path | None
    timebase: Timebase
    seconds: tuple[float, float]
    """When the first frame begins and the last one ends."""
    media_start: int
    """The number of the video's very first frame by its own timecode."""
    timeline_start: int
    """The number of the first frame of a timeline in an editor."""
    cuts_seconds: Sequence[float] = field(default=())

    def frame(self, seconds: float) -> int:
        """The frame of the timeline, from 0 on, that is shown at a time of the video."""
        return self.timebase.frame_at(seconds) - self.timebase.frame_at(self.seconds[0])

    @property
    def frames(self) -> int:
        """Length of the timeline."""
        return max(1, self.frame(self.seconds[1]))

    @property
    def shots(self) -> list[tuple[int, int]]:
        """(first frame, the one after the last) of each shot, on the timeline."""
        # Two cuts may fall on one frame of the timeline where rates differ; a shot of no frames has no place in a list.
        starts = list(dict.fromkeys([0, *(self.frame(seconds) for seconds in self.cuts_seconds)]))
        return list(zip(starts, [*starts[1:], self.frames], strict=True))

    def media_timecode(self, frame: int) -> str:
        """The video's own timecode of a frame of the timeline."""
        return self.timebase.timecode(self.media_start + self.timebase.frame_at(self.seconds[0]) + frame)

    def timeline_timecode(self, frame: int) -> str:
        """The timeline's timecode of a frame of it."""
        return self.timebase.timecode(self.timeline_start + frame)


def marks_csv(video: Video, marks: Sequence[Mark]) -> str:
    """Every number: what other programs read."""
    rows = [("kind", "number", "start_seconds", "end_seconds", "start_timecode", "end_timecode", "value", "prominence")]
    for mark in marks:
        span = (mark.start_seconds, mark.end_seconds)
        seconds = [f"{s:.6f}" for s in span]
        codes = [video.media_timecode(video.frame(s)) for s in span]
        numbers = ["" if n is None else f"{n:.6f}" for n in (mark.value, mark.prominence)]
        rows.append((mark.kind, str(mark.number), *seconds, *codes, *numbers))  # type: ignore[arg-type]  # of length 8
    return _csv(rows)


def premiere_csv(video: Video, marks: Sequence[Mark]) -> str:
    """The columns of the list of markers that Premiere exports."""
    rows: list[Sequence[str]] = [("Marker Name", "Description", "In", "Out", "Duration", "Marker Type")]
    for mark in marks:
        start, end = video.frame(mark.start_seconds), video.frame(mark.end_seconds)
        codes = (video.timeline_timecode(start), video.timeline_timecode(end), video.timebase.timecode(end - start))
        rows.append((mark.name, mark.comment, *codes, "Comment"))
    return _csv(rows)


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def edl(video: Video, marks: Sequence[Mark]) -> str:
    """A CMX 3600 edit decision list: an event for each shot, and the marks in it as locators (`* LOC:`)."""
    lines = _head(video)
    for number, (first, after) in enumerate(video.shots, start=1):
        ends = [video.media_timecode(first), video.media_timecode(after)]
        ends += [video.timeline_timecode(first), video.timeline_timecode(after)]
        # AX is the reel of sources without one; C a cut; then source in and out, record in and out.
        lines += [f"{number:03d}  AX       V     C        {' '.join(ends)}", f"* FROM CLIP NAME: {_line(video.name)}"]
        for mark in marks:
            frame = video.frame(mark.start_seconds)
            if mark.kind != "cut" and first <= frame < after:
                text = _line(f"{mark.name}: {mark.comment}")
                lines.append(f"* LOC: {video.timeline_timecode(frame)} {COLOURS[mark.kind]:7} {text}")
    return "\n".join([*lines, ""])


def resolve_edl(video: Video, marks: Sequence[Mark]) -> str:
    """The list that DaVinci Resolve reads as timeline markers: an event for each mark."""
    lines = _head(video)
    for number, mark in enumerate(marks, start=1):
        start = video.frame(mark.start_seconds)
        length = max(1, video.frame(mark.end_seconds) - start)
        # The event is one frame long; how long the marker is stands after D.
        ends = " ".join(video.timeline_timecode(frame) for frame in (start, start + 1) * 2)
        # The stroke separates Resolve's fields, so no name may have one.
        colour, name = COLOURS[mark.kind].capitalize(), _line(f"{mark.name}: {mark.comment}").replace("|", "/")
        lines += [
            f"{number:03d}  001      V     C        {ends}",
            f" |C:ResolveColor{colour} |M:{name} |D:{length}",
            "",
        ]
    return "\n".join([*lines, ""])


def _head(video: Video) -> list[str]:
    counting = "DROP FRAME" if video.timebase.drop_frame else "NON-DROP FRAME"
    return [f"TITLE: {_line(video.name)}", f"FCM: {counting}", ""]


def _line(text: str) -> str:
    return " ".join(text.split())


def chapters(video: Video, marks: Sequence[Mark]) -> str:
    """FFmpeg's metadata file: a chapter from each mark to the next, and where a stretch ends."""
    begin, end = 0, round((video.seconds[1] - video.seconds[0]) * 1000)
    # Milliseconds at which a chapter begins → marks there; none: a stretch ends, or the video begins.
    titles: dict[int, list[str]] = {begin: []}
    for mark in marks:
        titles.setdefault(round((mark.start_seconds - video.seconds[0]) * 1000), []).append(mark.name)
        if mark.end_seconds > mark.start_seconds:
            titles.setdefault(min(round((mark.end_seconds - video.seconds[0]) * 1000), end), [])
    starts = sorted(start for start in titles if start < end)
    lines = [";FFMETADATA1"]
    for start, after in zip(starts, [*starts[1:], end], strict=True):
        title = ", ".join(titles[start]) or ("Start" if start == begin else "…")
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={after}", f"title={_escaped(title)}"]
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "=;#\\\n" else sign for sign in text)
