"""`gfsalnet reframe`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gfsalnet.choices import SplitView
from gfsalnet.cli.applied import AppliedOutputOption, Work, aspect_option, for_each_source, unless_made
from gfsalnet.cli.console import say, tell
from gfsalnet.cli.options import (
    INPUT,
    OUTPUT,
    BackendOption,
    DeviceOption,
    EndOption,
    ModelOption,
    OverwriteOption,
    StartOption,
    examples,
    time_range,
)
from gfsalnet.cli.predict import SourcesArgument
from gfsalnet.words import counted

if TYPE_CHECKING:
    from gfsalnet.apply.reframe import Reframed

REFRAME_EXAMPLES = examples(
    "gfsalnet reframe clip.mp4 --aspect 9:16",
    "gfsalnet reframe holidays/ --aspect 4:5 --split blur --areas logo.json --output phone",
)
HOW = "How the crop moves"

AspectOption = Annotated[
    str, aspect_option("--aspect", "Aspect of the result: width to height, such as 9:16, 1:1 or 4:5.")
]
SplitOption = Annotated[
    SplitView,
    typer.Option(
        rich_help_panel=HOW,
        help="What is shown of a shot whose looks no crop holds: letterbox, all of it between black bars; blur, all of "
        "it over itself; crop, the best crop.",
    ),
]
WholeBelowOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        rich_help_panel=HOW,
        help="Share of the predicted looks that a crop has to keep over a shot; else --split says what is shown.",
    ),
]
MostSpeedOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=10,
        rich_help_panel=HOW,
        help="Limit of the crop's speed: its own widths a second, or heights where it moves up and down. 0: it stands "
        "still in every shot.",
    ),
]
KeptAreasOption = Annotated[
    Path | None,
    typer.Option(rich_help_panel=INPUT, help="File of areas that are to stay in view, JSON or CSV (docs/areas.md)."),
]
VideoOption = Annotated[
    bool, typer.Option("--video/--no-video", rich_help_panel=OUTPUT, help="Render the video, or write its path alone.")
]


def reframe(
    sources: SourcesArgument,
    aspect: AspectOption = "9:16",
    output: AppliedOutputOption = Path("gfsalnet-out"),
    model: ModelOption = "gfsalnet-mobile",
    split: SplitOption = "letterbox",
    whole_below: WholeBelowOption = 0.5,
    most_speed: MostSpeedOption = 0.5,
    areas: KeptAreasOption = None,
    video: VideoOption = True,
    start: StartOption = None,
    end: EndOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Bring videos and pictures to another aspect: a crop that follows the looks, one smooth path a shot.

    Exit status: 0 all done, 1 some source failed (each is named, the rest is done), 2 the command was wrong.
    """
    from dataclasses import asdict

    from gfsalnet.apply.reframe import Aspect, PathSettings, PlanSettings, ReframeSettings
    from gfsalnet.apply.reframe import reframe as reframe_source

    part = time_range(start, end)
    settings = ReframeSettings(
        aspect=Aspect.parse(aspect),
        plan=PlanSettings(
            path=PathSettings(most_speed=most_speed), whole_below=0.0 if split == "crop" else whole_below
        ),
        bars="blur" if split == "blur" else "black",
        areas=areas,
        video=video,
    )
    record = {**asdict(settings), "aspect": str(settings.aspect), "areas": None if areas is None else _identity(areas)}

    def make(work: Work) -> None:
        result = reframe_source(
            work.reader,
            work.model,
            work.folder,
            settings,
            output=output,
            part_seconds=part,
            record=work.record,
            on_frame=work.show,
        )
        _print(work.source, result)

    work = unless_made("reframe", output, part, overwrite, lambda reader: record, make)
    for_each_source(sources, model, device, backend, work)


def _identity(path: Path) -> dict[str, object]:
    """What tells the content of a file from earlier and later ones."""
    return {"path": str(path.resolve()), "modified_ns": path.stat().st_mtime_ns if path.exists() else None}


def _print(source: str, result: Reframed) -> None:
    views = [view.view for view in result.views]
    counts = ", ".join(f"{views.count(word)} {word}" for word in ("still", "moving", "whole") if word in views)
    shots = f"{counted(len(views), 'shot')} ({counts})"
    kept = f"{result.kept_share:.0%} of the predicted looks in view"
    say(f"{source}: {counted(result.frames, 'frame')}, {shots}, {kept} → {result.folder}")
    for note in result.notes:
        tell(f"  note: {note}")
    for path in sorted(result.folder.glob("reframed.*")):
        tell(f"  look at {path}")
