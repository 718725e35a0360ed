"""`gfsalnet marks`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from gfsalnet.choices import MarksWord
from gfsalnet.cli.applied import AppliedOutputOption, Work, for_each_source, unless_made
from gfsalnet.cli.console import out, say
from gfsalnet.cli.options import (
    OUTPUT,
    SCORING,
    BackendOption,
    DeviceOption,
    EndOption,
    ModelOption,
    OverwriteOption,
    StartOption,
    checked,
    completed,
    examples,
    time_range,
)
from gfsalnet.cli.predict import SourcesArgument, fraction

if TYPE_CHECKING:
    from gfsalnet.apply.marks import MarksResult

MARKS_EXAMPLES = examples(
    "gfsalnet marks clip.mp4",
    "gfsalnet marks interview.mov --save resolve,csv --prominence 2 --output results",
)
SHOWN_MARKS = 20
"""Most marks on the screen; the files have all."""
MARKS_WORDS = get_args(MarksWord)
ALL_FORMATS = ",".join(MARKS_WORDS)


def _words(text: str) -> tuple[MarksWord, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    if unknown := [word for word in words if word not in MARKS_WORDS]:
        raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(MARKS_WORDS)}")
    return words  # type: ignore[return-value]  # they are all among them


def _rate(text: str) -> Fraction:
    rate = fraction(text)
    # What people call 29.97 is 30000/1001.
    # Within 0.005 of them: 23.976 and 23.98 are both meant, 24 is 0.024 away.
    for nominal in (24, 30, 48, 60, 120):
        if abs(rate - Fraction(nominal * 1000, 1001)) < Fraction(1, 200):
            return Fraction(nominal * 1000, 1001)
    if not 1 <= rate <= 1000:
        raise ValueError(f"{text} is no rate between 1 and 1000 frames per second")
    return rate


def _timecode(text: str) -> None:
    from gfsalnet.apply.marks import Timebase

    Timebase(Fraction(1000)).frame_of(text)  # whether the frames fit, the rate decides


MarksSaveOption = Annotated[
    str,
    typer.Option(
        callback=checked(_words),
        autocompletion=completed(lambda: MARKS_WORDS, commas=True),
        rich_help_panel=OUTPUT,
        help="Formats, separated by commas: csv, every number; otio, OpenTimelineIO; edl, CMX 3600; resolve, "
        "timeline markers for DaVinci Resolve; premiere, Premiere's list of markers; chapters, for FFmpeg.",
    ),
]
AverageOption = Annotated[
    float,
    typer.Option(
        min=0, max=60, rich_help_panel=SCORING, help="Seconds over which the area is averaged, within a shot."
    ),
]
ProminenceOption = Annotated[
    float,
    typer.Option(
        min=1,
        max=100,
        rich_help_panel=SCORING,
        help="How many times the area that holds half of the looks grows on both sides of a peak.",
    ),
]
SpreadOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        rich_help_panel=SCORING,
        help="Part of the picture from which on looks are spread, if half of them take so much.",
    ),
]
SplitLooksOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        rich_help_panel=SCORING,
        help="Looks on the second place for each on the first, from which on they are split.",
    ),
]
AtLeastOption = Annotated[
    float, typer.Option(min=0, max=3600, rich_help_panel=SCORING, help="Seconds that a marked stretch lasts.")
]
TimecodeRateOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(_rate),
        rich_help_panel=OUTPUT,
        help="Frames per second of the timecodes, such as 29.97 or 25. Default: those of the video; where they "
        "vary, the nearest that editors have.",
    ),
]
DropFrameOption = Annotated[
    bool | None,
    typer.Option(
        "--drop-frame/--non-drop-frame",
        rich_help_panel=OUTPUT,
        help="Drop-frame timecodes. Default: as the file's own, else at 29.97 and 59.94 frames per second.",
    ),
]
TimecodeOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(_timecode),
        rich_help_panel=OUTPUT,
        help="Timecode of the video's first frame. Default: the file's own, else 00:00:00:00.",
    ),
]
TimelineStartOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(_timecode),
        rich_help_panel=OUTPUT,
        help="Timecode of the first frame of the timeline in the editor. Default: 01:00:00:00 in edit decision "
        "lists, else 00:00:00:00.",
    ),
]


def marks(
    sources: SourcesArgument,
    output: AppliedOutputOption = Path("gfsalnet-out"),
    save: MarksSaveOption = ALL_FORMATS,
    smooth: AverageOption = 1.0,
    prominence: ProminenceOption = 1.5,
    spread_from: SpreadOption = 0.15,
    split_from: SplitLooksOption = 0.5,
    at_least: AtLeastOption = 1.0,
    rate: TimecodeRateOption = None,
    drop_frame: DropFrameOption = None,
    timecode: TimecodeOption = None,
    timeline_start: TimelineStartOption = None,
    model: ModelOption = "gfsalnet-mobile",
    start: StartOption = None,
    end: EndOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Mark peaks of attention, cuts, and spread or split looks for an editor.

    What an earlier `predict` of the same source has left in --output is used. Exit status: 0 all done, 1 some source
    failed (each is named), 2 the command was wrong.
    """
    from dataclasses import asdict

    from gfsalnet.apply.marks import MarkSettings, MarksRequest, course_of, write_marks

    part = time_range(start, end)
    request = MarksRequest(
        found=MarkSettings(
            smooth_seconds=smooth,
            prominence=prominence,
            spread_area=spread_from,
            split_ratio=split_from,
            least_seconds=at_least,
        ),
        save=_words(save),
        rate=None if rate is None else _rate(rate),
        drop_frame=drop_frame,
        media_start=timecode,
        timeline_start=timeline_start,
    )
    record = {**asdict(request), "rate": None if request.rate is None else str(request.rate)}

    def make(work: Work) -> None:
        course = course_of(work.reader, work.model, output, part, work.show)
        _print(work.source, write_marks(course, work.reader.info, work.folder, request, work.record))

    work = unless_made("marks", output, part, overwrite, lambda reader: record, make)
    for_each_source(sources, model, device, backend, work)


def _print(source: str, result: MarksResult) -> None:
    """The marks of a source, by the timecode of the video."""
    from rich.table import Table

    say(f"{source}: {len(result.marks)} marks → {result.folder}")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("mark", "from s", "to s", "what was measured"):
        table.add_column(heading, justify="right" if heading.endswith(" s") else "left")
    for mark in result.marks[:SHOWN_MARKS]:
        end = f"{mark.end_seconds:.2f}" if mark.end_seconds > mark.start_seconds else ""
        table.add_row(mark.name, f"{mark.start_seconds:.2f}", end, mark.comment)
    if result.marks:
        out.print(table)
    if len(result.marks) > SHOWN_MARKS:
        say(f"and {len(result.marks) - SHOWN_MARKS} more marks in its files")
    for note in result.notes:
        say(f"  note: {note}")
