"""`gfsalnet evaluate`, `gfsalnet compare` and `gfsalnet submit`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gfsalnet.cli.console import SOME_FAILED, fail, out, progress_bar, say
from gfsalnet.cli.options import BackendOption, DeviceOption
from gfsalnet.files import file_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

    from gfsalnet.evaluation import MapSource, Report, Settings
    from gfsalnet.evaluation.tables import Table
    from gfsalnet.gaze import GazeDataset

SHOWN_FAILURES = 10

DatasetOption = Annotated[str | None, typer.Option(help="A name that `gfsalnet dataset check --help` lists.")]
RootOption = Annotated[Path | None, typer.Option(help="The dataset's folder, as its authors distribute it.")]
SplitOption = Annotated[str | None, typer.Option(help="The one that results are reported on, if not given.")]
ProtocolOption = Annotated[str, typer.Option(help="Whose definitions: mit, pysaliency, unisal, aim24 or default.")]
MetricsOption = Annotated[
    str | None,
    typer.Option(
        help="Any of auc_judd, auc_borji, auc_shuffled, nss, information_gain, cc, sim, kldiv, emd, separated by "
        "commas; or all. The five of the paper, if not given."
    ),
]
WidthOption = Annotated[
    int | None, typer.Option(min=8, max=8192, help="Score at this width; the picture's own if not given.")
]
SigmaOption = Annotated[
    float | None, typer.Option(help="Gaussian of the densities, in pixels of the picture; the dataset's, if not given.")
]
FirstNumberOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="The number that the map of a video's first frame has in its name, or would have: 0 or 1 as a rule. Only "
        "needed where the names leave a doubt.",
    ),
]
HumansOption = Annotated[int, typer.Option(min=0, help="Score the humans on every Nth frame; 0 leaves them out.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Of jitter, negatives, halves of viewers and bootstrap.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=0, help="Processes; one a core if not given. Changes no number.")
]


def evaluate(
    dataset: Annotated[str, typer.Option(help="A name that `gfsalnet dataset check --help` lists.")],
    root: Annotated[Path, typer.Option(help="The dataset's folder, as its authors distribute it.")],
    split: SplitOption = None,
    model: Annotated[str | None, typer.Option(help="A name that `gfsalnet models` lists, or a model folder.")] = None,
    maps: Annotated[
        Path | None, typer.Option(help="Instead of a model: a folder of maps that any program wrote.")
    ] = None,
    first_number: FirstNumberOption = None,
    protocol: ProtocolOption = "mit",
    metrics: MetricsOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.")] = Path("gfsalnet-evaluation"),
    width: WidthOption = None,
    sigma_pixels: SigmaOption = None,
    humans_every: HumansOption = 1,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    device: DeviceOption = "auto",
    backend: BackendOption = "reference",
    paper_table: Annotated[
        str | None, typer.Option(help="I to VI: also write that table of the paper, with this result under it.")
    ] = None,
) -> None:
    """Score a model, or maps of any program, on a dataset: between floor and ceiling, with intervals.

    Exit status: 0 all done, 1 some video failed (each is named, the rest is done), 2 the command was wrong.
    """
    if (model is None) == (maps is None):
        raise typer.BadParameter("give one of them", param_hint="--model / --maps")
    _one_thread_for_sums()
    settings = _settings(
        protocol, metrics, width_pixels=width, sigma_pixels=sigma_pixels, humans_every=humans_every, seed=seed
    )
    table = _paper_table(paper_table)
    from gfsalnet.evaluation import MapsFolder, ModelSource, write_paper_table
    from gfsalnet.gaze import open_dataset

    if maps is not None:
        source: MapSource = MapsFolder(maps, first_number=first_number)
    else:
        source = ModelSource(model or "", device, backend)
    report = _run(open_dataset(dataset, root, split), source, settings, output, workers)
    if table is not None:
        write_paper_table(report, table, output)
    _finish([report], output, "report")


def compare(
    candidates: Annotated[
        list[str],
        typer.Argument(
            metavar="CANDIDATE...",
            help="Two or more: finished evaluation folders, model names or folders, folders of maps. The others are "
            "compared with the first.",
        ),
    ],
    dataset: DatasetOption = None,
    root: RootOption = None,
    split: SplitOption = None,
    first_number: FirstNumberOption = None,
    protocol: ProtocolOption = "mit",
    metrics: MetricsOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the tables.")] = Path("gfsalnet-comparison"),
    width: WidthOption = None,
    sigma_pixels: SigmaOption = None,
    humans_every: HumansOption = 1,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    device: DeviceOption = "auto",
    backend: BackendOption = "reference",
) -> None:
    """Set evaluations side by side, with paired differences from the first.

    What is not evaluated yet is evaluated into a folder of its own in --output, which needs --dataset and --root.
    """
    if len(candidates) < 2:
        raise typer.BadParameter("give two or more", param_hint="CANDIDATE")
    _one_thread_for_sums()
    settings = _settings(
        protocol, metrics, width_pixels=width, sigma_pixels=sigma_pixels, humans_every=humans_every, seed=seed
    )
    from gfsalnet.evaluation import as_map_source, is_finished, read_report, write_comparison
    from gfsalnet.gaze import open_dataset

    unfinished = [name for name in candidates if not is_finished(Path(name))]
    if unfinished and (dataset is None or root is None):
        message = f"needed to evaluate {unfinished[0]}, which is no finished evaluation"
        raise typer.BadParameter(message, param_hint="--dataset and --root")
    data = open_dataset(dataset, root, split) if dataset is not None and root is not None else None
    reports = []
    for name in candidates:
        if data is not None and name in unfinished:
            source = as_map_source(name, device, backend, first_number)
            reports.append(_run(data, source, settings, output / file_name(source.name), workers))
        else:
            reports.append(read_report(Path(name)))
    tables = write_comparison(reports, output)
    _print(tables[1])
    _finish(reports, output, "comparison")


def submit(
    benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK", help="dhf1k.")],
    maps: Annotated[Path, typer.Option(help="Folder of maps of the test videos 0701 to 1000, in any layout.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The zip.")] = Path("dhf1k.zip"),
) -> None:
    """Check maps of a hidden test set, and pack them as its authors want them."""
    if benchmark != "dhf1k":
        raise typer.BadParameter(f"{benchmark} is not dhf1k, the only one there is", param_hint="BENCHMARK")
    from gfsalnet.evaluation.dhf1k_submission import pack_dhf1k

    with progress_bar("videos") as bar:
        follow = _follow(bar)
        frames, notes = pack_dhf1k(maps, output, lambda done, total: follow("packing", done, total))
    for note in notes:
        say(f"note: {note}")
    say(f"{frames} maps of 300 videos → {output}")


def _one_thread_for_sums() -> None:
    """OpenBLAS splits long sums among its threads, and then their last digit depends on how many there are."""
    if "numpy" not in sys.modules:  # it looks only once; workers inherit it
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _settings(protocol: str, metrics: str | None, **numbers: Any) -> Settings:
    from gfsalnet.evaluation import Settings
    from gfsalnet.metrics import PAPER_METRICS, PROTOCOLS

    if metrics == "all":
        names = tuple(PROTOCOLS[protocol].metrics) if protocol in PROTOCOLS else ()
    else:
        names = PAPER_METRICS if metrics is None else tuple(name.strip() for name in metrics.split(","))
    try:
        return Settings(protocol=protocol, metrics=names, **numbers)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _paper_table(number: str | None) -> str | None:
    from gfsalnet.evaluation import PAPER_TABLES

    if number is None or number.upper() in PAPER_TABLES:
        return number and number.upper()
    raise typer.BadParameter(f"{number} is none of {', '.join(PAPER_TABLES)}", param_hint="--paper-table")


def _run(dataset: GazeDataset, source: MapSource, settings: Settings, output: Path, workers: int | None) -> Report:
    from gfsalnet.device import settle_memory
    from gfsalnet.evaluation import default_workers, evaluate

    settle_memory()
    count = default_workers(len(dataset.videos)) if workers is None else workers
    with progress_bar("videos") as bar:
        follow = _follow(bar)
        titles = {"gaze": "reading gaze", "scores": f"scoring {source.name}"}
        return evaluate(
            dataset,
            source,
            settings,
            output,
            workers=count,
            on_video=lambda what, done, total: follow(titles[what], done, total),
        )


def _follow(bar: Progress) -> Callable[[str, int, int], None]:
    """One bar for what is at hand."""
    task = bar.add_task("", total=None, rate="–", visible=False)
    began, first, title = 0.0, 0, ""

    def on_video(what: str, done: int, total: int) -> None:
        nonlocal began, first, title
        if what != title:
            began, first, title = time.monotonic(), done, what
            bar.reset(task, total=total, description=what, visible=True)
        rate = f"{(done - first) / (time.monotonic() - began):.1f}" if done > first else "–"
        bar.update(task, completed=done, rate=rate)

    return on_video


def _finish(reports: list[Report], output: Path, stem: str) -> None:
    """Print what came out, and end with the status of what failed."""
    from gfsalnet.evaluation.report_files import notes_on_maps, report_tables

    if len(reports) == 1:
        _print(report_tables(reports[0])[0])
    for report in reports:
        dropped = "; ".join(f"{count} {reason}" for reason, count in report.dropped.items()) or "none"
        videos = f"{len(report.videos)} video{'s' * (len(report.videos) != 1)}"
        say(f"{report.name}: {report.frames} frames of {videos} scored; frames left out: {dropped}")
        for remark in [*notes_on_maps(report), *report.remarks[:SHOWN_FAILURES]]:
            say(f"note: {remark}")
        if len(report.remarks) > SHOWN_FAILURES:
            say(f"note: and {len(report.remarks) - SHOWN_FAILURES} more, see the report")
        failures = [f"{video}: {reason}" for video, reason in report.failed.items()]
        for failure in failures[:SHOWN_FAILURES]:
            fail(failure)
        if len(failures) > SHOWN_FAILURES:
            fail(f"and {len(failures) - SHOWN_FAILURES} more videos, see {output}")
    say(f"tables: {output / stem}.md, .tex, .json")
    if any(report.failed for report in reports):
        raise typer.Exit(SOME_FAILED)


def _print(table: Table) -> None:
    """The values alone; their intervals are in the files, as every caption of a printed table says."""
    from rich.table import Table as Grid

    grid = Grid(title=table.caption, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for place, column in enumerate(table.columns):
        grid.add_column(column, justify="right" if place else "left")
    for row in table.rows:
        grid.add_row(
            *(cell.partition(" [")[0] if place else cell.replace("[", r"\[") for place, cell in enumerate(row))
        )
    out.print(grid)
