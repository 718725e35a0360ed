"""`gfsalnet thumbnail`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gfsalnet.cli.applied import AppliedOutputOption, Work, aspect_option, for_each_source, unless_made
from gfsalnet.cli.console import say, tell
from gfsalnet.cli.options import (
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

THUMBNAIL_EXAMPLES = examples(
    "gfsalnet thumbnail clip.mp4 -n 5",
    "gfsalnet thumbnail photographs/ --crop 1:1 --output squares",
)


def thumbnail(
    sources: SourcesArgument,
    count: Annotated[
        int,
        typer.Option(
            "--count", "-n", min=1, max=1000, rich_help_panel=OUTPUT, help="Number of thumbnails of each video."
        ),
    ] = 5,
    crop: Annotated[
        str | None,
        aspect_option("--crop", "Aspect of a crop around the looks, such as 1:1. Default: the whole frame."),
    ] = None,
    output: AppliedOutputOption = Path("gfsalnet-out"),
    model: ModelOption = "gfsalnet-mobile",
    start: StartOption = None,
    end: EndOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Choose frames that show a video at its best, and crop them or photographs to where viewers look.

    Exit status: 0 all done, 1 some source failed (each is named, the rest is done), 2 the command was wrong.
    """
    from gfsalnet.apply.reframe import Aspect
    from gfsalnet.apply.thumbnail import thumbnails

    part = time_range(start, end)
    aspect = None if crop is None else Aspect.parse(crop)

    def make(work: Work) -> None:
        result = thumbnails(
            work.reader,
            work.model,
            work.folder,
            count,
            aspect,
            output=output,
            part_seconds=part,
            record=work.record,
            on_frame=work.show,
        )
        say(f"{work.source}: {len(result.chosen)} of {counted(result.frames, 'frame')} → {result.folder}")
        for one in result.chosen:
            tell(f"  {one.file} at {one.quality.time_seconds:.2f} s: {one.reason}")

    record = {"count": count, "crop": None if aspect is None else str(aspect)}
    work = unless_made("thumbnails", output, part, overwrite, lambda reader: record, make)
    for_each_source(sources, model, device, backend, work)
