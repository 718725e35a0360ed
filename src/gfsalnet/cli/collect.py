"""`gfsalnet collect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gfsalnet.cli.console import SOME_FAILED, tell
from gfsalnet.cli.options import OUTPUT, examples
from gfsalnet.cli.progress import Progress

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
            progress.show(f"{so_far.frames} frames", so_far.results, None, stage="collect")

        made = collect_results(results, output, on_result)
    tell(f"{output}: {made.frames} frames of {made.results} results, {made.failures} failures")
    if made.failures:
        raise typer.Exit(SOME_FAILED)
