"""`gfsalnet report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gfsalnet.cli.console import SOME_FAILED, print_error, say
from gfsalnet.cli.options import (
    INPUT,
    MODEL,
    OUTPUT,
    AllowPlaylistsOption,
    BackendOption,
    DeviceOption,
    EndOption,
    FlowOption,
    ModelOption,
    StartOption,
    check_model,
    checked,
    completed,
    examples,
    model_names,
    time_range,
)
from gfsalnet.cli.predict import SourcesArgument
from gfsalnet.cli.progress import Progress, at_work
from gfsalnet.files import refuse_folder
from gfsalnet.urls import without_secrets

if TYPE_CHECKING:
    from gfsalnet.models import SaliencyModel

REPORT_EXAMPLES = examples(
    "gfsalnet report clip.mp4",
    "gfsalnet report first-cut.mp4 second-cut.mp4 --compare --output cuts.html",
)


OutputOption = Annotated[
    Path,
    typer.Option("--output", "-o", callback=checked(refuse_folder), rich_help_panel=OUTPUT, help="HTML file to write."),
]
CompareOption = Annotated[
    bool, typer.Option("--compare", rich_help_panel=OUTPUT, help="Set two sources side by side, such as two cuts.")
]
AoiOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        rich_help_panel=INPUT,
        help="Output folder of `gfsalnet aoi`: its areas are added to the page.",
    ),
]


def report(
    sources: SourcesArgument,
    output: OutputOption = Path("gfsalnet-report.html"),
    model: ModelOption = "gfsalnet-mobile",
    second_model: Annotated[
        str | None,
        typer.Option(
            callback=checked(check_model),
            autocompletion=completed(model_names),
            rich_help_panel=MODEL,
            help="Second model to set beside the first one, for every source.",
        ),
    ] = None,
    compare: CompareOption = False,
    aoi: AoiOption = None,
    flow: FlowOption = None,
    start: StartOption = None,
    end: EndOption = None,
    allow_playlists: AllowPlaylistsOption = False,
    backend: BackendOption = "auto",
    device: DeviceOption = "auto",
    title: Annotated[
        str | None, typer.Option(rich_help_panel=OUTPUT, help="Title of the page. Default: the names of the sources.")
    ] = None,
) -> None:
    """Write one HTML file that plays and explains: overlay, focus and gate, curves, hot spots, settings and limits.

    It needs nothing else: send it, open it anywhere, offline. Exit status: 0 all done, 1 some source failed (each is
    named, the rest is in the page), 2 the command was wrong.
    """
    part = time_range(start, end)
    if compare and (len(sources) != 2 or second_model is not None):
        raise typer.BadParameter("compares two sources as one model sees them", param_hint="--compare")
    from gfsalnet.device import settle_memory
    from gfsalnet.report import Version, make_report
    from gfsalnet.video import expand_sources

    expanded = [*dict.fromkeys(sources)] if compare else expand_sources(sources)
    settle_memory()  # here and not in the library: the setting is the whole process's
    models = [_loaded(name, backend, device, flow) for name in (model, second_model) if name is not None]
    how: dict[str, Any] = {"part_seconds": part, "allow_playlists": allow_playlists, "aoi": aoi}
    versions = [[Version(source=source, model=one, **how) for one in models] for source in expanded]
    groups = [tuple(v for of_source in versions for v in of_source)] if compare else [tuple(v) for v in versions]
    with Progress("frames") as progress:
        problems = make_report(
            groups,
            output,
            title=title,
            on_frame=lambda source, done, total: progress.show(
                Path(without_secrets(source)).name, done, total, stage=source
            ),
        )
    for problem in problems:
        print_error(problem)
    say(f"open {output} ({output.stat().st_size / 1e6:.1f} MB) in a browser")
    if problems:
        raise typer.Exit(SOME_FAILED)


def _loaded(name: str, backend: str, device: str, flow: str | None) -> SaliencyModel:
    from gfsalnet.models import load_model

    with at_work(f"loading {name}"):
        return load_model(name, device=device, flow=flow, backend=backend)
