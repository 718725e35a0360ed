"""The `gfsalnet` command and its verbs."""

from __future__ import annotations

from typing import Annotated

import typer

from gfsalnet._version import __version__
from gfsalnet.cli import dataset, weights
from gfsalnet.cli.bench import bench
from gfsalnet.cli.console import Commands
from gfsalnet.cli.evaluate import compare, evaluate, submit
from gfsalnet.cli.export import export
from gfsalnet.cli.models import models
from gfsalnet.cli.predict import demo, predict
from gfsalnet.cli.train import ablate, train

app = typer.Typer(
    name="gfsalnet",
    cls=Commands,
    help="Where viewers look in a video.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command()(predict)
app.command()(demo)
app.command()(models)
app.command()(train)
app.command()(ablate)
app.command()(evaluate)
app.command()(compare)
app.command()(submit)
app.command()(export)
app.command()(bench)
app.add_typer(dataset.app, name="dataset")
app.add_typer(weights.app, name="weights")
