"""`gfsalnet evaluate`, `gfsalnet compare` and `gfsalnet submit`."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gfsalnet.choices import Benchmark, PaperTable
from gfsalnet.cli.config import used_config
from gfsalnet.cli.console import SOME_FAILED, is_for_programs, out, print_error, say
from gfsalnet.cli.options import (
    INPUT,
    MODEL,
    OUTPUT,
    SCORING,
    SPEED,
    WHICH_MODEL,
    BackendOption,
    DatasetOption,
    DeviceOption,
    MetricsOption,
    OptionalDatasetOption,
    OptionalRootOption,
    ProtocolOption,
    RootOption,
    SplitOption,
    check_model,
    check_split,
    checked,
    completed,
    examples,
    model_names,
)
from gfsalnet.cli.processes import RayOption, check_workers
from gfsalnet.cli.progress import Progress, ProgressOption, tell_failures
from gfsalnet.files import file_name
from gfsalnet.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfsalnet.evaluation import EvaluationSettings, MapSource, Report
    from gfsalnet.evaluation.tables import Table
    from gfsalnet.gaze import GazeDataset

SHOWN_FAILURES = 10

EVALUATE_EXAMPLES = examples(
    "gfsalnet evaluate --dataset dhf1k --root DHF1K --split val --model gfsalnet-mobile",
    "gfsalnet evaluate --dataset folder --root mine --maps their-maps --metrics nss,cc --output results",
)
COMPARE_EXAMPLES = examples(
    "gfsalnet compare results/mine results/theirs",
    "gfsalnet compare gfsalnet-mobile centre-bias maps/theirs --dataset folder --root mine",
)
SUBMIT_EXAMPLES = examples(
    "gfsalnet submit dhf1k --maps dhf1k-test-maps",
    "gfsalnet submit dhf1k --maps dhf1k-test-maps --output mine.zip",
)


def _sigma(text: float) -> None:
    if not 0 < text <= 1000:
        raise ValueError(f"{text} is not above 0 and at most 1000 pixels")


ModelUnlessMapsOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(check_model),
        autocompletion=completed(model_names),
        rich_help_panel=MODEL,
        help=f"Model to score: {WHICH_MODEL}. Default, without --maps: gfsalnet-mobile.",
    ),
]
WidthOption = Annotated[
    int | None,
    typer.Option(
        min=8, max=8192, rich_help_panel=SCORING, help="Width to score maps at, in pixels. Default: the picture's."
    ),
]
SigmaOption = Annotated[
    float | None,
    typer.Option(
        callback=checked(_sigma),
        rich_help_panel=SCORING,
        help="Standard deviation of the Gaussian that makes fixation densities, in pixels of the picture. Default: the "
        "dataset's.",
    ),
]
FirstNumberOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        rich_help_panel=INPUT,
        help="Number in the file name of the map of a video's first frame, 0 or 1 as a rule. Needed only where the "
        "names leave a doubt.",
    ),
]
HumansOption = Annotated[
    int,
    typer.Option(
        min=0, rich_help_panel=SCORING, help="Score the human baselines on every Nth frame; 0 leaves them out."
    ),
]
SeedOption = Annotated[
    int,
    typer.Option(
        min=0,
        rich_help_panel=SCORING,
        help="Seed of all draws: jitter, negatives, halves of the viewers and bootstrap.",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        rich_help_panel=SPEED,
        help="Processes that score videos; no number depends on it. Default: one per core.",
    ),
]


def evaluate(
    ctx: typer.Context,
    dataset: DatasetOption,
    root: RootOption,
    split: SplitOption = None,
    model: ModelUnlessMapsOption = None,
    maps: Annotated[
        Path | None,
        typer.Option(rich_help_panel=INPUT, help="Folder of maps to score instead of a model, written by any program."),
    ] = None,
    first_number: FirstNumberOption = None,
    protocol: ProtocolOption = "mit",
    metrics: MetricsOption = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Folder of the report.")
    ] = Path("gfsalnet-evaluation"),
    width: WidthOption = None,
    sigma_pixels: SigmaOption = None,
    humans_every: HumansOption = 1,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    ray: RayOption = None,
    device: DeviceOption = "auto",
    backend: BackendOption = "reference",
    paper_table: Annotated[
        PaperTable | None,
        typer.Option(
            case_sensitive=False,
            rich_help_panel=OUTPUT,
            help="Also write this table of the paper, with the result under it.",
        ),
    ] = None,
    progress: ProgressOption = "bar",
) -> None:
    """Score a model, or maps of any program, on a dataset, beside baselines and humans, with confidence intervals.

    Exit status: 0 all done, 1 some video failed (each is named, the rest is done), 2 the command was wrong.
    """
    if model is not None and maps is not None:
        raise typer.BadParameter("give one of them", param_hint="--model / --maps")
    check_split(dataset, split)
    check_workers(workers, ray)
    _one_thread_for_sums()
    settings = _settings(
        protocol, metrics, width_pixels=width, sigma_pixels=sigma_pixels, humans_every=humans_every, seed=seed
    )
    from gfsalnet.evaluation import MapsFolder, ModelSource, write_paper_table
    from gfsalnet.gaze import open_dataset
    from gfsalnet.models import DEFAULT_MODEL

    if maps is not None:
        source: MapSource = MapsFolder(maps, first_number=first_number)
    else:
        source = ModelSource(model or DEFAULT_MODEL, device, backend)
    report = _run(open_dataset(dataset, root, split), source, settings, output, workers, used_config(ctx), ray)
    if paper_table is not None:
        write_paper_table(report, paper_table, output)
    _finish([report], output, "report")


def compare(
    ctx: typer.Context,
    candidates: Annotated[
        list[str],
        typer.Argument(
            metavar="CANDIDATE",
            callback=checked(check_model),
            autocompletion=completed(model_names),
            help="Two or more: folders of finished evaluations, names or folders of models, folders of maps. Each of "
            "the others is compared with the first.",
        ),
    ],
    dataset: OptionalDatasetOption = None,
    root: OptionalRootOption = None,
    split: SplitOption = None,
    first_number: FirstNumberOption = None,
    protocol: ProtocolOption = "mit",
    metrics: MetricsOption = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Folder of the tables.")
    ] = Path("gfsalnet-comparison"),
    width: WidthOption = None,
    sigma_pixels: SigmaOption = None,
    humans_every: HumansOption = 1,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    device: DeviceOption = "auto",
    backend: BackendOption = "reference",
    progress: ProgressOption = "bar",
) -> None:
    """Set evaluations side by side, with paired differences from the first.

    What is not evaluated yet is evaluated into a folder of its own in --output, which needs --dataset and --root.
    """
    if len(candidates) < 2:
        raise typer.BadParameter("give two or more", param_hint="CANDIDATE")
    if dataset is not None:
        check_split(dataset, split)
    check_workers(workers)
    _one_thread_for_sums()
    numbers = {"width_pixels": width, "sigma_pixels": sigma_pixels, "humans_every": humans_every, "seed": seed}
    settings = _settings(protocol, metrics, **numbers)
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
            reports.append(_run(data, source, settings, output / file_name(source.name), workers, used_config(ctx)))
        else:
            reports.append(read_report(Path(name)))
    tables = write_comparison(reports, output)
    _print(tables[1])
    _finish(reports, output, "comparison")


def submit(
    benchmark: Annotated[Benchmark, typer.Argument(metavar="BENCHMARK", help="Benchmark to pack for: dhf1k.")],
    maps: Annotated[Path, typer.Option(help="Folder of maps of the test videos 0701 to 1000, in any layout.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Zip file to write.")] = Path("dhf1k.zip"),
) -> None:
    """Check maps of a hidden test set, and pack them as its authors want them."""
    from gfsalnet.evaluation.dhf1k_submission import pack_dhf1k

    with Progress("videos") as progress:
        frames, notes = pack_dhf1k(maps, output, lambda done, total: progress.show("packing", done, total))
    for note in notes:
        say(f"note: {note}")
    say(f"{frames} maps of 300 videos → {output}")


def _one_thread_for_sums() -> None:
    """OpenBLAS splits long sums among its threads, and then their last digit depends on how many there are."""
    if "numpy" not in sys.modules:  # it looks only once; workers inherit it
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _settings(protocol: str, metrics: str | None, **numbers: Any) -> EvaluationSettings:
    from gfsalnet.evaluation import EvaluationSettings
    from gfsalnet.metrics import PAPER_METRICS, PROTOCOLS

    if metrics == "all":
        names = tuple(PROTOCOLS[protocol].metrics) if protocol in PROTOCOLS else ()
    else:
        names = PAPER_METRICS if metrics is None else tuple(name.strip() for name in metrics.split(","))
    try:
        return EvaluationSettings(protocol=protocol, metrics=names, **numbers)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--metrics") from error


def _run(
    dataset: GazeDataset,
    source: MapSource,
    settings: EvaluationSettings,
    output: Path,
    workers: int | None,
    config: Mapping[str, Any] | None,
    ray: str | None = None,
) -> Report:
    from gfsalnet.device import settle_memory
    from gfsalnet.evaluation import default_workers, evaluate
    from gfsalnet.store import note_failures

    settle_memory()  # here and not in the library: the setting is the whole process's
    processes: dict[str, Any] = {"workers": default_workers(len(dataset.videos)) if workers is None else workers}
    if ray is not None:
        from gfsalnet.scale.ray_pool import RayPool

        processes = {"workers": workers or 0, "new_pool": partial(RayPool, address=ray)}
    titles = {"gaze": "reading gaze", "scores": f"scoring {source.name}"}
    with Progress("videos") as progress:
        report = evaluate(
            dataset,
            source,
            settings,
            output,
            on_video=lambda what, done, total: progress.show(titles[what], done, total),
            config=config,
            **processes,
        )
    written = note_failures(output, {video: report.failed.get(video) for video in dataset.videos})
    if is_for_programs():
        tell_failures(dict(report.failed), written)
    return report


def _finish(reports: list[Report], output: Path, stem: str) -> None:
    """Print what came out, and end with the status of what failed."""
    from gfsalnet.evaluation.report_files import notes_on_maps, report_tables

    if len(reports) == 1:
        _print(report_tables(reports[0])[0])
    for report in reports:
        dropped = "; ".join(f"{count} {reason}" for reason, count in report.dropped.items()) or "none"
        videos = counted(len(report.videos), "video")
        say(f"{report.name}: {counted(report.frames, 'frame')} of {videos} scored; frames left out: {dropped}")
        for remark in [*notes_on_maps(report), *report.remarks[:SHOWN_FAILURES]]:
            say(f"note: {remark}")
        if len(report.remarks) > SHOWN_FAILURES:
            say(f"note: and {len(report.remarks) - SHOWN_FAILURES} more, see the report")
        failures = [f"{video}: {reason.removeprefix(f'{video}: ')}" for video, reason in report.failed.items()]
        for failure in failures[:SHOWN_FAILURES]:
            print_error(failure)
        if len(failures) > SHOWN_FAILURES:
            print_error(f"and {len(failures) - SHOWN_FAILURES} more videos, see {output}")
    say(f"tables: {output / stem}.md, .tex, .json")
    _draw(reports, output)
    if any(report.failed for report in reports):
        raise typer.Exit(SOME_FAILED)


def _draw(reports: list[Report], output: Path) -> None:
    """Bars of the metrics beside the tables, where Matplotlib is installed."""
    from gfsalnet.packages import is_installed

    if not any(report.rows for report in reports):
        return
    if not is_installed("matplotlib"):
        say('note: without plots: Matplotlib is not installed (pip install "gfsalnet[plots]")')
        return
    from gfsalnet.figures import bars_of, figure_metrics, save_figure

    paths = save_figure(figure_metrics(bars_of(reports), [report.name for report in reports]), output / "metrics")
    say(f"plots: {', '.join(map(str, paths))}")


def _print(table: Table) -> None:
    """The values alone; their intervals are in the files, as every caption of a printed table says."""
    from rich.table import Table as Grid

    grid = Grid(title=table.caption, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for place, column in enumerate(table.columns):
        grid.add_column(column, justify="right" if place else "left")
    for row in table.rows:
        grid.add_row(*(cell.partition(" [")[0] if place else cell for place, cell in enumerate(row)))
    out.print(grid)
