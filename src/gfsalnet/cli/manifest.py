"""`gfsalnet manifest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gfsalnet.cli.console import SOME_FAILED, tell
from gfsalnet.cli.options import INPUT, OUTPUT, SPEED, examples
from gfsalnet.cli.progress import Progress

MANIFEST_EXAMPLES = examples(
    "gfsalnet manifest videos/ -o videos.parquet",
    'gfsalnet manifest s3://bucket/raw/ "more/**/*.mov" list.txt -o videos.parquet --workers 16',
)


def manifest(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Videos, folders with all below them, quoted globs, text files (.txt, .lst) with a source a line, "
            "addresses of http, https, s3 and gs.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Parquet file of the manifest.")
    ] = Path("videos.parquet"),
    no_probe: Annotated[
        bool,
        typer.Option(
            "--no-probe",
            rich_help_panel=INPUT,
            help="List only: no source is opened, so that durations, frames and sizes in pixels stay empty.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            rich_help_panel=SPEED,
            help="Sources that are opened at once. Default: as many as there are cores; more are faster over a "
            "network.",
        ),
    ] = None,
) -> None:
    """List videos, with lengths and sizes, in a Parquet file for `predict --manifest`.

    A second run looks only at what is new, has changed or failed. What cannot be read is a row with its reason. Exit
    status: 0 all can be read, 1 some cannot, 2 the command was wrong.
    """
    from gfsalnet.device import cores
    from gfsalnet.scale.manifest import Counts, make_manifest

    with Progress("sources") as progress:

        def on_row(counts: Counts) -> None:
            done = counts["ready"] + counts["listed"] + counts["unreadable"]
            progress.show(f"{output.name}, {counts['unreadable']} unreadable", done, None, stage="manifest")

        counts = make_manifest(
            sources, output, probe=not no_probe, workers=cores() if workers is None else workers, on_row=on_row
        )
    found = counts["ready"] + counts["listed"]
    unchanged = f", {counts['kept']} of them as they were" if counts["kept"] else ""
    tell(f"{output}: {found} sources{unchanged}, {counts['unreadable']} unreadable")
    if counts["unreadable"]:
        tell("  the column problem says why")
        raise typer.Exit(SOME_FAILED)
