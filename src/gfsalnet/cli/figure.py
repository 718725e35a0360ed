"""`gfsalnet figure`: one verb for each figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gfsalnet.cli.console import App, say
from gfsalnet.cli.options import (
    INPUT,
    MODEL,
    OUTPUT,
    DeviceOption,
    EndOption,
    FlowOption,
    ModelOption,
    OptionalDatasetOption,
    OptionalRootOption,
    SplitOption,
    StartOption,
    check_model,
    check_split,
    checked,
    completed,
    examples,
    model_names,
    time_range,
    time_seconds,
)
from gfsalnet.cli.progress import Progress, at_work

if TYPE_CHECKING:
    from gfsalnet.figures import Clip
    from gfsalnet.models import SaliencyModel

app = App(help="The figures of the paper for any video, for print.", no_args_is_help=True)

SIX = examples("gfsalnet figure 6 clip.mp4", "gfsalnet figure 6 clip.mp4 --at 1.5 --at 0:04 --output fig6.pdf")
SEVEN = examples(
    "gfsalnet figure 7 clip.mp4 --models gfsalnet-mobile,pqft",
    "gfsalnet figure 7 0002 --models gfsalnet-mobile,centre-bias --dataset dhf1k --root DHF1K --split val",
)
EIGHT = examples(
    "gfsalnet figure 8 clip.mp4 --areas areas.json", "gfsalnet figure 8 clip.mp4 --areas ball.json --follow --end 5"
)
STRIP = examples("gfsalnet figure strip clip.mp4", "gfsalnet figure strip clip.mp4 --frames 8 --output strip.png")
TRAINING = examples("gfsalnet figure training runs/mine", "gfsalnet figure training runs/a runs/b --output curves.svg")
METRICS = examples("gfsalnet figure metrics results/mine", "gfsalnet figure metrics results/mine results/theirs")


def _ending(text: Path) -> None:
    if text.suffix.lower() not in ("", ".pdf", ".png", ".svg"):
        raise ValueError(f"{text.name} ends with none of .pdf, .png, .svg")


def _models(text: str) -> None:
    for name in text.split(","):
        check_model(name.strip())


_OUTPUT = typer.Option(
    "--output",
    "-o",
    callback=checked(_ending),  # type: ignore[arg-type]  # given a path
    rich_help_panel=OUTPUT,
    help="File to write: .pdf, .svg or .png; without an ending, a PDF and a PNG.",
)
OutputOption = Annotated[Path, _OUTPUT]
SourceArgument = Annotated[
    str, typer.Argument(metavar="SOURCE", help="Video, image, or folder or quoted glob of frames.")
]
AtOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TIME",
        callback=checked(time_seconds),
        rich_help_panel=INPUT,
        help="Time of a frame to show: seconds, minutes:seconds or hours:minutes:seconds; may be repeated. Default: "
        "evenly spread.",
    ),
]
FramesOption = Annotated[
    int, typer.Option(min=1, max=24, rich_help_panel=INPUT, help="Number of frames to show, without --at.")
]


@app.command("6", epilog=SIX)
def figure_6(
    source: SourceArgument,
    output: OutputOption = Path("figure-6"),
    at: AtOption = None,
    frames: FramesOption = 3,
    start: StartOption = None,
    end: EndOption = None,
    model: ModelOption = "gfsalnet-mobile",
    flow: FlowOption = None,
    device: DeviceOption = "auto",
) -> None:
    """How the gate works: frame, flow, the maps of both streams, their weights, and the final map."""
    _require_gate(model)
    clip = _clip(source, start, end, output)
    from gfsalnet.figures import chosen, figure_6

    loaded = _loaded(model, device, flow, keep_flow=True)
    with Progress("frames") as progress:
        shown = chosen(loaded, clip, _when(at, frames), _shown_by(progress, source))
    _save(figure_6(shown), output)


@app.command("7", epilog=SEVEN)
def figure_7(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Video, or folder of frames; with --dataset, the name of its video.")
    ],
    models: Annotated[
        str,
        typer.Option(
            callback=checked(_models),
            autocompletion=completed(model_names, commas=True),
            rich_help_panel=MODEL,
            help="Models to set side by side, separated by commas.",
        ),
    ],
    output: OutputOption = Path("figure-7"),
    at: AtOption = None,
    frames: FramesOption = 4,
    start: StartOption = None,
    end: EndOption = None,
    dataset: OptionalDatasetOption = None,
    root: OptionalRootOption = None,
    split: SplitOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Models side by side on the same frames, with the recorded looks where a dataset has them."""
    names = [name.strip() for name in models.split(",")]
    if (dataset is None) != (root is None):
        raise typer.BadParameter("give both or none", param_hint="--dataset / --root")
    if dataset is None and split is not None:
        raise typer.BadParameter("is of a --dataset", param_hint="--split")
    if dataset is not None and (at or start or end):
        raise typer.BadParameter("a dataset's frames with gaze are spread evenly", param_hint="--at, --start and --end")
    if dataset is not None:
        check_split(dataset, split)
    clip = _clip(source, start, end, output)
    from gfsalnet.figures import chosen, figure_7

    shown: dict[str, Any] = {}
    truth = None
    for name in names:
        loaded = _loaded(name, device)
        with Progress("frames") as progress:
            report = _shown_by(progress, name)
            if dataset is not None and root is not None:
                shown[name], truth = _of_dataset(loaded, dataset, root, split, source, frames, report)
            else:
                shown[name] = chosen(loaded, clip, _when(at, frames), report)
    _save(figure_7(shown, truth), output)


@app.command("8", epilog=EIGHT)
def figure_8(
    source: SourceArgument,
    areas: Annotated[
        Path, typer.Option(rich_help_panel=INPUT, help="File of areas, JSON or CSV (docs/areas.md); they may move.")
    ],
    output: OutputOption = Path("figure-8"),
    follow: Annotated[
        bool, typer.Option("--follow", help="Let areas move with what they are drawn on, as in aoi.")
    ] = False,
    start: StartOption = None,
    end: EndOption = None,
    model: ModelOption = "gfsalnet-mobile",
    flow: FlowOption = None,
    device: DeviceOption = "auto",
) -> None:
    """The mean share of motion over time inside areas of your own."""
    _require_gate(model)
    clip = _clip(source, start, end, output)
    from gfsalnet.areas import check_fit, read_areas
    from gfsalnet.figures import figure_8, motion_shares

    wanted = read_areas(areas)
    # Opened for its size and length alone, so that areas that do not fit are refused before a model is loaded.
    with clip.open() as reader:
        for note in check_fit(wanted, areas, reader.info.size_wh, _end_of(reader.info)):
            say(f"note: {note}")
    loaded = _loaded(model, device, flow)
    with Progress("frames") as progress:
        found = motion_shares(loaded, clip, wanted, follow=follow, on_frame=_shown_by(progress, source))
    _save(figure_8(found), output)


@app.command("strip", epilog=STRIP)
def figure_strip(
    source: SourceArgument,
    output: OutputOption = Path("figure-strip"),
    at: AtOption = None,
    frames: FramesOption = 6,
    start: StartOption = None,
    end: EndOption = None,
    model: ModelOption = "gfsalnet-mobile",
    flow: FlowOption = None,
    device: DeviceOption = "auto",
) -> None:
    """A whole video in a row of frames, with the overlays under them."""
    clip = _clip(source, start, end, output)
    from gfsalnet.figures import chosen, figure_strip

    loaded = _loaded(model, device, flow)
    with Progress("frames") as progress:
        shown = chosen(loaded, clip, _when(at, frames), _shown_by(progress, source))
    _save(figure_strip(shown), output)


@app.command("training", epilog=TRAINING)
def figure_training(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders that `gfsalnet train` wrote.")],
    output: OutputOption = Path("figure-training"),
) -> None:
    """The curves of training runs."""
    _refuse_to_write(output)
    from gfsalnet.figures import figure_training, read_curves

    _save(figure_training({run.name or str(run): read_curves(run) for run in runs}), output)


@app.command("metrics", epilog=METRICS)
def figure_metrics(
    evaluations: Annotated[
        list[Path], typer.Argument(metavar="EVALUATION", help="Folders that `gfsalnet evaluate` wrote, of one split.")
    ],
    output: OutputOption = Path("figure-metrics"),
) -> None:
    """Bars of every metric with 95 % intervals, between floor and ceiling."""
    _refuse_to_write(output)
    from gfsalnet.evaluation import read_report
    from gfsalnet.figures import bars_of, figure_metrics

    reports = [read_report(folder) for folder in evaluations]
    _save(figure_metrics(bars_of(reports), [report.name for report in reports]), output)


def _require_gate(model: str) -> None:
    from gfsalnet.models import may_have_gate

    if not may_have_gate(model):
        raise typer.BadParameter(f"{model} has no gate, which this figure shows", param_hint="--model")


def _clip(source: str, start: str | None, end: str | None, output: Path) -> Clip:
    """What is drawn; what would only be refused at the end is refused before anything is predicted."""
    part = time_range(start, end)
    from gfsalnet.figures import Clip
    from gfsalnet.files import output_errors
    from gfsalnet.packages import require

    require("matplotlib", what="drawing figures")
    _refuse_to_write(output, source)
    with output_errors(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    return Clip(source=source, start_seconds=part[0], end_seconds=part[1])


def _refuse_to_write(output: Path, *sources: str) -> None:
    from gfsalnet.figures import files_for
    from gfsalnet.files import refuse_folder, refuse_source

    for path in files_for(output):
        refuse_folder(path)
        refuse_source(path, *sources)


def _when(at: list[str] | None, frames: int) -> list[float] | int:
    return [time_seconds(text) for text in at] if at else frames


def _end_of(info: Any) -> float | None:
    if info.duration_seconds is None or info.kind == "image":
        return None
    return float(info.start_seconds + info.duration_seconds)


def _loaded(name: str, device: str, flow: str | None = None, keep_flow: bool = False) -> SaliencyModel:
    from gfsalnet.models import load_model

    with at_work(f"loading {name}"):
        # The figures of a paper are float32, the same whatever else is installed.
        return load_model(name, device=device, flow=flow, keep_flow=keep_flow)


def _shown_by(progress: Progress, what: str) -> Callable[[int, int | None], None]:
    return lambda done, total: progress.show(Path(what).name, done, total, stage=what)


def _of_dataset(
    model: SaliencyModel, dataset: str, root: Path, split: str | None, video: str, frames: int, on_frame: Any
) -> tuple[Any, Any]:
    """Predictions and recorded densities of frames with gaze, evenly spread."""
    from gfsalnet.errors import SourceError
    from gfsalnet.figures import chosen_of_dataset
    from gfsalnet.gaze import open_dataset

    data = open_dataset(dataset, root, split)
    if video not in data.videos:
        known = ", ".join(data.videos[:5])
        problem = f"is no video of {dataset}, split {data.split}"
        raise SourceError(video, problem, f"Give one of its names, such as {known}")
    gaze = data.gaze_by_index(video)
    indices = sorted(gaze)
    if not indices:
        raise SourceError(video, "has no frame with gaze", "Give another video of the dataset")
    indices = [indices[int((step + 0.5) * len(indices) / frames)] for step in range(min(frames, len(indices)))]
    shown = chosen_of_dataset(model, data, video, indices, on_frame)
    truth = {p.frame_index: data.density(video, gaze[p.frame_index], p.map_density.shape) for p in shown}
    return shown, truth


def _save(figure: Any, output: Path) -> None:
    from gfsalnet.figures import save_figure

    for path in save_figure(figure, output):
        say(f"wrote {path}")
