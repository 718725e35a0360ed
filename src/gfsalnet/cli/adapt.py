"""`gfsalnet adapt`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gfsalnet.cli.console import out, say
from gfsalnet.cli.options import (
    MODEL,
    OUTPUT,
    BackendOption,
    DatasetOption,
    DeviceOption,
    RootOption,
    SplitOption,
    check_network,
    check_split,
    checked,
    completed,
    examples,
    network_names,
)
from gfsalnet.cli.progress import Progress

if TYPE_CHECKING:
    from gfsalnet.adaptation import Adapted

ADAPT_EXAMPLES = examples(
    "gfsalnet adapt --dataset folder --root my-gaze --output models/mine",
    "gfsalnet adapt --model models/studio --dataset osie --root OSIE --output models/osie",
)


def adapt(
    dataset: DatasetOption,
    root: RootOption,
    output: Annotated[
        Path, typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Model folder to write; it must not exist.")
    ],
    split: SplitOption = None,
    model: Annotated[
        str,
        typer.Option(
            callback=checked(check_network),
            autocompletion=completed(network_names),
            rich_help_panel=MODEL,
            help="Model to fit: gfsalnet-mobile, or a model folder with one stream.",
        ),
    ] = "gfsalnet-mobile",
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of all draws: which recordings are left out together, and the intervals.")
    ] = 0,
    device: DeviceOption = "auto",
    backend: BackendOption = "reference",
) -> None:
    """Fit a few numbers of a model to your own gaze: from 8 pictures or 3 videos on.

    Softness, blur and centre of the map, for videos also the gate and the memory. They are judged on recordings that
    were left out; if they do not help there, that is said and nothing is written.
    """
    check_split(dataset, split)
    from gfsalnet.adaptation import adapt as adapt_model
    from gfsalnet.gaze import open_dataset

    titles = {"network": "predicting recordings", "fit": "fitting and judging"}
    with Progress("steps") as progress:

        def on_progress(stage: str, done: int, total: int) -> None:
            progress.show(titles[stage], done, total)

        adapted = adapt_model(
            model,
            open_dataset(dataset, root, split),
            output,
            seed=seed,
            device=device,
            backend=backend,
            on_progress=on_progress,
        )
    _say(adapted)


def _say(adapted: Adapted) -> None:
    from rich.table import Table

    grid = Table(
        title="On recordings left out of the fit, by small maps", title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    for column in ("", "before", "after"):
        grid.add_column(column, justify="right" if column else "left")
    for name, (before, after) in adapted.judged.means().items():
        grid.add_row(name, f"{before:.3f}", f"{after:.3f}")
    out.print(grid)
    for note in adapted.notes:
        say(f"note: {note}")
    low, high = adapted.judged.interval
    said = f"{len(adapted.values)} numbers fitted to {adapted.fixations} fixations on {adapted.recordings} recordings"
    say(f"{said}: {adapted.judged.gain:+.3f} bits per fixation (90 %: {low:+.3f} to {high:+.3f})")
    say(f"use it with --model {adapted.folder}")
