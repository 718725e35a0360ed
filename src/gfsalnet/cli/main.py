"""The `gfsalnet` command and its verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gfsalnet._version import __version__
from gfsalnet.cli import dataset, figure, weights
from gfsalnet.cli.adapt import ADAPT_EXAMPLES, adapt
from gfsalnet.cli.aoi import AOI_EXAMPLES, aoi
from gfsalnet.cli.bench import BENCH_EXAMPLES, bench
from gfsalnet.cli.collect import COLLECT_EXAMPLES, collect
from gfsalnet.cli.config import use_config
from gfsalnet.cli.console import ASKS_FOR_HELP, App, Commands, be_quiet
from gfsalnet.cli.doctor import DOCTOR_EXAMPLES, doctor
from gfsalnet.cli.evaluate import COMPARE_EXAMPLES, EVALUATE_EXAMPLES, SUBMIT_EXAMPLES, compare, evaluate, submit
from gfsalnet.cli.export import EXPORT_EXAMPLES, export
from gfsalnet.cli.live import LIVE_EXAMPLES, live
from gfsalnet.cli.logs import close_logs, set_up_logs
from gfsalnet.cli.manifest import MANIFEST_EXAMPLES, manifest
from gfsalnet.cli.marks import MARKS_EXAMPLES, marks
from gfsalnet.cli.models import models
from gfsalnet.cli.predict import DEMO_EXAMPLES, PREDICT_EXAMPLES, demo, predict
from gfsalnet.cli.reframe import REFRAME_EXAMPLES, reframe
from gfsalnet.cli.report import REPORT_EXAMPLES, report
from gfsalnet.cli.roi import ROI_EXAMPLES, roi
from gfsalnet.cli.serve import SERVE_EXAMPLES, serve
from gfsalnet.cli.thumbnail import THUMBNAIL_EXAMPLES, thumbnail
from gfsalnet.cli.train import ABLATE_EXAMPLES, TRAIN_EXAMPLES, ablate, train
from gfsalnet.cli.web import WEB_EXAMPLES, web

app = App(
    name="gfsalnet",
    cls=Commands,
    help="Where viewers look in a video.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TOML file with defaults of the verbs' options (docs/configuration.md). Default: the nearest "
            "gfsalnet.toml, or pyproject.toml with [tool.gfsalnet].",
        ),
    ] = None,
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, help="Say what is done, how and how fast; -vv in detail."),
    ] = 0,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only errors and what was asked for; no progress.")
    ] = False,
    log_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Append every detail to this file, and all that is printed."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if verbose and quiet:
        raise typer.BadParameter("say opposite things", param_hint="--verbose / --quiet")
    be_quiet(quiet)
    if not ctx.meta[ASKS_FOR_HELP]:  # which is also for those whose file has a mistake
        handlers = set_up_logs(verbose, log_file)
        ctx.call_on_close(lambda: close_logs(handlers))
        use_config(ctx, config)


app.command(epilog=PREDICT_EXAMPLES)(predict)
app.command(epilog=DEMO_EXAMPLES)(demo)
app.command(epilog=REPORT_EXAMPLES)(report)
app.command(epilog=AOI_EXAMPLES)(aoi)
app.command(epilog=MANIFEST_EXAMPLES)(manifest)
app.command(epilog=COLLECT_EXAMPLES)(collect)
app.command(epilog=ROI_EXAMPLES)(roi)
app.command(epilog=MARKS_EXAMPLES)(marks)
app.command(epilog=REFRAME_EXAMPLES)(reframe)
app.command(epilog=THUMBNAIL_EXAMPLES)(thumbnail)
app.command()(models)
app.command(epilog=TRAIN_EXAMPLES)(train)
app.command(epilog=ABLATE_EXAMPLES)(ablate)
app.command(epilog=ADAPT_EXAMPLES)(adapt)
app.command(epilog=EVALUATE_EXAMPLES)(evaluate)
app.command(epilog=COMPARE_EXAMPLES)(compare)
app.command(epilog=SUBMIT_EXAMPLES)(submit)
app.command(epilog=EXPORT_EXAMPLES)(export)
app.command(epilog=BENCH_EXAMPLES)(bench)
app.command(epilog=LIVE_EXAMPLES)(live)
app.command(epilog=SERVE_EXAMPLES)(serve)
app.command(epilog=WEB_EXAMPLES)(web)
app.command(epilog=DOCTOR_EXAMPLES)(doctor)
app.add_typer(figure.app, name="figure")
app.add_typer(dataset.app, name="dataset")
app.add_typer(weights.app, name="weights")
