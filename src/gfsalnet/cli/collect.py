"""`gfsalnet collect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gfsalnet.cli.console import SOME_FAILED, tell
from gfsalnet.cli.options import OUTPUT, examples
from gfsalnet.cli.progress import Progress
from gfsalnet.words import counted

COLLECT_EXAMPLES = examples(
    "gfsalnet collect gfsalnet-out --output tables",
    "gfsalnet collect s3://bucket/results --output tables",
)


def collect(
    results: Annotated[
        str,
        typer.Argument(metavar="DIR", help="Folder of results, or its address (s3, gs), as `predict` has written it."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Folder of the three tables.")
    ] = Path("collected"),
) -> None:
    """Gather all results in three Parquet tables: frames, summaries and failures.

    Exit status: 0 all results are in them, 1 some source failed or some result cannot be read, 2 the command was wrong.
    """
    from gfsalnet.scale.collect import Collected
    from gfsalnet.scale.collect import collect as collect_results

    with Progress("results") as progress:

        def on_result(so_far: Collected) -> None:
            progress.show(counted(so_far.frames, "frame"), so_far.results, None, stage="collect")

        made = collect_results(results, output, on_result)
    found = f"{counted(made.frames, 'frame')} of {counted(made.results, 'result')}"
    tell(f"{output}: {found}, {counted(made.failures, 'failure')}")
    if made.failures:
        raise typer.Exit(SOME_FAILED)
