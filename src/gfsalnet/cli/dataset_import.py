"""`gfsalnet dataset import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from gfsalnet.choices import EyeChoice, GazeKind, VendorName
from gfsalnet.cli.console import SOME_FAILED, print_error, say
from gfsalnet.cli.options import INPUT, OUTPUT, checked, examples, size_hw
from gfsalnet.cli.progress import Progress, at_work
from gfsalnet.words import counted

if TYPE_CHECKING:
    from gfsalnet.gaze.trackers import Imported, ImportSettings

_NAMED = 5
"""Viewers that are listed where something is said of some of them."""
IMPORT_EXAMPLES = examples(
    "gfsalnet dataset import tobii export.tsv --video clip.mp4 --output gaze",
    "gfsalnet dataset import eyelink p1.asc p2.asc --video clip.mp4 --output gaze --event STIM_ONSET",
)
TIME, PLACE, FIXATIONS = "When the video was shown", "Where it stood on the display", "Fixations"


def _check_placement(text: str) -> None:
    from gfsalnet.gaze.trackers import parse_placement

    parse_placement(text)


def _check_columns(text: str) -> None:
    from gfsalnet.gaze.trackers import parse_columns

    parse_columns(text)


VendorArgument = Annotated[
    VendorName,
    typer.Argument(metavar="VENDOR", help=f"Whose exports they are: {', '.join(get_args(VendorName))}."),
]
FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE", help="One or more exports (docs/import.md).")]
VideoOption = Annotated[Path, typer.Option(help="Video that was shown.", rich_help_panel=INPUT)]
OutputOption = Annotated[
    Path,
    typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Folder of the dataset; another video is added."),
]
MediaOption = Annotated[
    str | None,
    typer.Option(rich_help_panel=TIME, help="Name of the video in the export. Default: that of the video file."),
]
EventOption = Annotated[
    str | None, typer.Option(rich_help_panel=TIME, help="Event or message that marks the first frame.")
]
OffsetOption = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=TIME,
        help="Seconds from that mark to the first frame; without a mark, from the start of the recording.",
    ),
]
TrialOption = Annotated[
    int | None, typer.Option(min=1, rich_help_panel=TIME, help="Which showing, if there are several; from 1.")
]
ScreenOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(size_hw),
        rich_help_panel=PLACE,
        help="Size of the display in pixels: WIDTHxHEIGHT. Default: that in the export.",
    ),
]
PlacementOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(_check_placement),
        rich_help_panel=PLACE,
        help="Place of the video: letterbox (as large as fits), stretch, native (pixel by pixel), or "
        "X,Y,WIDTH,HEIGHT in pixels of the display. Default: what the export says, else letterbox.",
    ),
]
EyeOption = Annotated[
    EyeChoice,
    typer.Option(rich_help_panel=INPUT, help="Whose gaze: the mean of both eyes, and where one is lost the other."),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(_check_columns),
        rich_help_panel=INPUT,
        help="Columns of csv: time=HEADING:ms,x=HEADING,y=HEADING, and viewer, valid, media, duration, left_x ….",
    ),
]
SamplesOption = Annotated[
    float | None,
    typer.Option(
        min=1, rich_help_panel=INPUT, help="Most samples per second that are kept of each viewer. Default: all."
    ),
]
TakeOption = Annotated[
    GazeKind,
    typer.Option(
        rich_help_panel=FIXATIONS,
        help="What is imported: samples (all valid ones), or fixations: those of the tracker's program, or found "
        "by velocity (ivt) or dispersion (idt).",
    ),
]
ScreenWidthCmOption = Annotated[
    float | None, typer.Option(min=1, rich_help_panel=FIXATIONS, help="Width of the display, for ivt and idt.")
]
DistanceCmOption = Annotated[
    float | None, typer.Option(min=1, rich_help_panel=FIXATIONS, help="From the eyes to the display.")
]
VelocityThresholdOption = Annotated[
    float, typer.Option(min=1, rich_help_panel=FIXATIONS, help="Degrees per second, of ivt.")
]
DispersionThresholdOption = Annotated[float, typer.Option(min=0.01, rich_help_panel=FIXATIONS, help="Degrees, of idt.")]
MinDurationMsOption = Annotated[
    float, typer.Option(min=1, rich_help_panel=FIXATIONS, help="Shortest fixation of ivt and idt.")
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", rich_help_panel=OUTPUT, help="Replace an import of the same video.")
]


def import_gaze(
    vendor: VendorArgument,
    files: FilesArgument,
    video: VideoOption,
    output: OutputOption,
    media: MediaOption = None,
    event: EventOption = None,
    offset: OffsetOption = None,
    trial: TrialOption = None,
    screen: ScreenOption = None,
    placement: PlacementOption = None,
    eye: EyeOption = "both",
    columns: ColumnsOption = None,
    take: TakeOption = "samples",
    samples_per_second: SamplesOption = None,
    screen_width_cm: ScreenWidthCmOption = None,
    distance_cm: DistanceCmOption = None,
    velocity_threshold: VelocityThresholdOption = 30.0,
    dispersion_threshold: DispersionThresholdOption = 1.0,
    min_duration_ms: MinDurationMsOption = 60.0,
    overwrite: OverwriteOption = False,
) -> None:
    """Make a gaze dataset of eye-tracker exports, in pixels and seconds of the video that was shown.

    `evaluate`, `aoi` and `adapt` read it as --dataset folder. Look at the picture that it writes: gaze over three
    frames.

    Exit status: 0 all done, 1 some file could not be used (each is named), 2 the command was wrong.
    """
    from gfsalnet.gaze import trackers

    _require_columns(vendor, columns)
    settings = trackers.ImportSettings(
        when=trackers.When(media=media, event=event, offset_seconds=offset, trial=trial),
        screen_wh=None if screen is None else size_hw(screen)[::-1],
        placement=None if placement is None else trackers.parse_placement(placement),
        eye=eye,
        kind=take,
        samples_per_second=samples_per_second,
        columns=None if columns is None else trackers.parse_columns(columns),
        screen_width_cm=screen_width_cm,
        distance_cm=distance_cm,
        velocity_threshold=velocity_threshold,
        dispersion_threshold=dispersion_threshold,
        least_seconds=min_duration_ms / 1000,
    )
    with at_work(f"reading {counted(len(files), 'file')}"):
        imported = trackers.read_viewings(vendor, files, video, settings)
        written = trackers.write_dataset(
            output, video, imported.viewings, imported.timeline, take, _about(vendor, files, settings), overwrite
        )
    _report(imported, written)
    _check(output)
    if imported.refused:
        raise typer.Exit(SOME_FAILED)


def _require_columns(vendor: str, columns: str | None) -> None:
    if vendor == "csv" and columns is None:
        raise typer.BadParameter("csv needs to know what its columns mean", param_hint="--columns")


def _about(vendor: str, files: list[Path], settings: ImportSettings) -> dict[str, object]:
    """What is recorded of an import."""
    about: dict[str, object] = {"vendor": vendor, "files": [str(path) for path in files], "eye": settings.eye}
    if settings.kind in ("ivt", "idt"):
        about["fixations"] = {
            "method": settings.kind,
            "screen_width_cm": settings.screen_width_cm,
            "distance_cm": settings.distance_cm,
            "velocity_threshold_degrees_per_second": settings.velocity_threshold,
            "dispersion_threshold_degrees": settings.dispersion_threshold,
            "least_seconds": settings.least_seconds,
        }
    return about


def _report(imported: Imported, written: list[Path]) -> None:
    """A line on each viewer, with its notes, on each file that was written, and on each that could not be used."""
    for viewing in imported.viewings:
        counts = viewing.counts()
        samples, lost = counts["samples"], counts["samples_lost"]
        found = f"{samples - lost} of {samples} samples valid" if samples else f"{counts['fixations']} fixations"
        rate = f" at {counts['samples_per_second']:g} per second" if counts["samples_per_second"] else ""
        say(f"{viewing.viewer}: {found}{rate}, {counts['samples_outside_the_video']} of them outside the video")
        for note in viewing.notes:
            say(f"  note: {note}")
    _say_of_all("time", {viewing.viewer: viewing.alignment for viewing in imported.viewings})
    _say_of_all("place", {viewing.viewer: viewing.placement for viewing in imported.viewings})
    for path in written[:-1]:
        say(f"wrote {path}")
    say(f"look at {written[-1]}")
    for error in imported.refused:
        print_error(error)


def _say_of_all(what: str, of_viewers: dict[str, str]) -> None:
    """One line where it is the same for all viewers, else one for each thing that is said of some of them."""
    said = [*dict.fromkeys(of_viewers.values())]
    for text in said:
        names = [viewer for viewer, of_viewer in of_viewers.items() if of_viewer == text]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        say(f"{what}: {text}" if len(said) == 1 else f"{what} of {', '.join(names[:_NAMED])}{more}: {text}")


def _check(output: Path) -> None:
    """What `dataset check` would say."""
    from gfsalnet.gaze import check_dataset

    with Progress("videos") as progress:
        checks = check_dataset("folder", output, progress.show)
    for split in checks:
        for problem in split.problems:
            say(f"dataset check, problem: {problem}")
    if all(split.is_whole for split in checks):
        say(f"dataset check: whole; read it as --dataset folder --root {output}")
