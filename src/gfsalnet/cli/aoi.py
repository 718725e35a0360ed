"""`gfsalnet aoi`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gfsalnet.choices import OverlapRule
from gfsalnet.cli.console import SOME_FAILED, out, print_error, say
from gfsalnet.cli.options import (
    INPUT,
    OUTPUT,
    SCORING,
    BackendOption,
    DeviceOption,
    EndOption,
    ModelOption,
    OverwriteOption,
    StartOption,
    checked,
    completed,
    examples,
    time_range,
)
from gfsalnet.cli.progress import Progress, at_work
from gfsalnet.words import counted

if TYPE_CHECKING:
    from gfsalnet.areas.job import AreaSettings
    from gfsalnet.areas.run import AreaResult
    from gfsalnet.models import SaliencyModel
    from gfsalnet.types import Frame, Prediction
    from gfsalnet.video import VideoReader

AOI_EXAMPLES = examples(
    "gfsalnet aoi clip.mp4 --areas areas.json",
    "gfsalnet aoi clip.mp4 --areas areas.csv --gaze recordings --follow --output results",
)
AOI_WORDS = ("csv", "parquet", "video", "plots", "npz")
"""Words of --save; the tables are always written as CSV."""
SHOWN_AREAS = 30
"""Most areas on the screen; the tables have all."""


def _check_level(text: str) -> None:
    from gfsalnet.areas.prediction import Level

    Level.parse(text)


def _check_save(text: str) -> None:
    if unknown := [word for word in text.split(",") if word.strip() not in AOI_WORDS]:
        raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(AOI_WORDS)}")


def _margin(text: str) -> tuple[float, str]:
    number, unit = (text[:-3], "deg") if text.endswith("deg") else (text.removesuffix("px"), "px")
    if not 0 <= float(number) < 1e5:
        raise ValueError(f"{text} is no margin such as 12px or 0.5deg")
    return float(number), unit


SourcesArgument = Annotated[
    list[str], typer.Argument(metavar="SOURCE", help="Videos, images, folders or quoted globs of frames.")
]
AreasOption = Annotated[
    Path, typer.Option(help="File of the areas, JSON or CSV (docs/areas.md).", rich_help_panel=INPUT)
]
GazeOption = Annotated[
    Path | None,
    typer.Option(
        "--gaze",
        help="Gaze of viewers: a folder that `dataset import` or `dataset check folder` knows, or a table of it.",
        rich_help_panel=INPUT,
    ),
]
OutputOption = Annotated[
    Path,
    typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Folder of the results: SOURCE/aoi for each source."),
]
PeopleOnlyOption = Annotated[
    bool, typer.Option("--people-only", help="Predict nothing; measure the gaze of viewers alone.")
]
FollowOption = Annotated[
    bool,
    typer.Option("--follow", rich_help_panel=SCORING, help="Let areas move with the optical flow from keyframes on."),
]
OverlapOption = Annotated[
    OverlapRule,
    typer.Option(rich_help_panel=SCORING, help="Whom a look in several areas belongs to: all, or the first named."),
]
MarginOption = Annotated[
    str,
    typer.Option(
        callback=checked(_margin),
        rich_help_panel=SCORING,
        help="Width by which areas are enlarged: in pixels of the frame (12px) or degrees (0.5deg).",
    ),
]
DegreeOption = Annotated[
    float | None,
    typer.Option(
        "--pixels-per-degree",
        min=0.1,
        rich_help_panel=SCORING,
        help="Pixels of the video that one degree of visual angle covered, for a margin in degrees.",
    ),
]
LevelOption = Annotated[
    str,
    typer.Option(
        callback=checked(_check_level),
        rich_help_panel=SCORING,
        help="Level for seconds_above_level: a lift (2x) or a share of attention (0.2 or 20%).",
    ),
]
AoiSaveOption = Annotated[
    str,
    typer.Option(
        callback=checked(_check_save),
        autocompletion=completed(lambda: AOI_WORDS, commas=True),
        rich_help_panel=OUTPUT,
        help="Outputs besides the CSV tables, separated by commas: parquet, video (the areas drawn), plots, npz "
        "(the maps).",
    ),
]


def aoi(
    sources: SourcesArgument,
    areas: AreasOption,
    gaze: GazeOption = None,
    output: OutputOption = Path("gfsalnet-out"),
    model: ModelOption = "gfsalnet-mobile",
    people_only: PeopleOnlyOption = False,
    follow: FollowOption = False,
    overlap: OverlapOption = "all",
    margin: MarginOption = "0px",
    pixels_per_degree: DegreeOption = None,
    level: LevelOption = "2x",
    start: StartOption = None,
    end: EndOption = None,
    save: AoiSaveOption = "csv,video,plots",
    backend: BackendOption = "auto",
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Measure areas of interest: what is predicted for them, and what viewers did.

    Exit status: 0 all done, 1 some source failed (each is named), 2 the command was wrong.
    """
    from gfsalnet.areas import AreaSettings, Level
    from gfsalnet.video import expand_sources

    size, unit = _margin(margin)
    if unit == "deg" and pixels_per_degree is None:
        raise typer.BadParameter("a margin in degrees needs --pixels-per-degree", param_hint="--margin")
    if people_only and gaze is None:
        raise typer.BadParameter("there is nothing to measure without --gaze", param_hint="--people-only")
    part = time_range(start, end)
    words = tuple(dict.fromkeys(word.strip() for word in save.split(",")))
    settings = AreaSettings(
        overlap=overlap,
        level=Level.parse(level),
        margin_pixels=size * (pixels_per_degree or 1.0) if unit == "deg" else size,
        follow=follow,
        save=words,
    )
    loaded = None
    if not people_only:
        with at_work(f"loading {model}"):
            loaded = _load(model, device, backend)
    expanded = expand_sources(sources)
    failed = 0
    with Progress("frames") as progress:
        for source in expanded:
            failed += not _one(source, areas, gaze, output, loaded, settings, part, overwrite, progress)
    if failed:
        raise typer.Exit(SOME_FAILED)


def _load(model: str, device: str, backend: Any) -> SaliencyModel:
    from gfsalnet.device import settle_memory
    from gfsalnet.models import load_model

    settle_memory()
    return load_model(model, device=device, backend=backend)


def _one(
    source: str,
    areas: Path,
    gaze: Path | None,
    output: Path,
    model: SaliencyModel | None,
    settings: AreaSettings,
    part: tuple[float | None, float | None],
    overwrite: bool,
    progress: Progress,
) -> bool:
    """Whether one source was measured; what went wrong is printed."""
    from gfsalnet.unexpected import one_line

    try:
        result = _measured(source, areas, gaze, output, model, settings, part, overwrite, progress)
    except Exception as error:  # one bad source must not stop the others
        print_error(one_line(source, error))
        return False
    if result is not None:
        _print(source, result)
    return True


def _measured(
    source: str,
    areas: Path,
    gaze: Path | None,
    output: Path,
    model: SaliencyModel | None,
    settings: AreaSettings,
    part: tuple[float | None, float | None],
    overwrite: bool,
    progress: Progress,
) -> AreaResult | None:
    """The result of one source; None if it is there already."""
    from gfsalnet.areas import check_fit, measure_areas, never_shown, read_areas
    from gfsalnet.errors import DatasetError
    from gfsalnet.store import is_made
    from gfsalnet.video import open_source

    drawn = read_areas(areas)
    if gaze is not None and not gaze.exists():  # before results of other gaze are looked at
        raise DatasetError(gaze, "there is no such file or folder", "Check the spelling of --gaze")
    with open_source(source, start_seconds=part[0], end_seconds=part[1]) as reader:
        info = reader.info
        folder = output / info.name / "aoi"
        request = _request(source, areas, gaze, model, settings, part)
        if is_made(folder, request, overwrite):
            say(f"{source}: already in {folder}")
            return None
        # Of a part of a video areas may be shown before or after it.
        is_picture = info.kind == "image"
        end = info.duration_seconds if part == (None, None) and not is_picture else None
        shown = (None, info.duration_seconds) if is_picture else part
        notes = [*check_fit(drawn, areas, info.size_wh, end), *never_shown(drawn, shown)]

        def on_frame(done: int) -> None:
            progress.show(Path(source).name, done, info.estimated_frames, stage=source)

        return measure_areas(
            _frames(reader, model),
            info,
            drawn,
            folder,
            settings,
            gaze=gaze,
            request=request,
            notes=notes,
            on_frame=on_frame,
        )


def _frames(reader: VideoReader, model: SaliencyModel | None) -> Iterator[tuple[Frame, Prediction | None]]:
    """The frames of a source with what is predicted for them."""
    from gfsalnet.models.base import read_ahead
    from gfsalnet.video import prefetch

    # Decoding runs ahead in a thread of its own, as in `predict`.
    frames = prefetch(reader, read_ahead(reader.info.size_wh))
    if model is None:
        yield from ((frame, None) for frame in frames)
        return
    for prediction in model.stream(frames):
        yield prediction.frame, prediction


def _request(
    source: str,
    areas: Path,
    gaze: Path | None,
    model: SaliencyModel | None,
    settings: AreaSettings,
    part: tuple[float | None, float | None],
) -> dict[str, Any]:
    """Everything that determines the results, as JSON values."""
    from dataclasses import asdict

    def identity(path: Path | str) -> dict[str, object]:
        path = Path(path)
        if not path.exists():
            return {"path": str(path)}
        return {"path": str(path.resolve()), "modified_ns": path.stat().st_mtime_ns}

    return {
        "source": identity(source),
        "areas": identity(areas),
        "gaze": None if gaze is None else identity(gaze),
        "model": None if model is None else model.describe(),
        "settings": {**asdict(settings), "part_seconds": part},
    }


def _print(source: str, result: AreaResult) -> None:
    """The areas of a source, prediction and people side by side."""
    from rich.table import Table

    gaze = {item.area: item for item in result.people if item.measure == "gaze_share"}
    hits = {item.area: item for item in result.people if item.measure == "hit_ratio"}
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("area")
    for heading in ("area share", "predicted", "lift", "viewers", "95 %", "hit ratio", "n"):
        table.add_column(heading, justify="right")
    names = list(dict.fromkeys([*(str(row["area"]) for row in result.prediction), *hits]))
    predicted = {str(row["area"]): row for row in result.prediction}
    for name in names[:SHOWN_AREAS]:
        row, of, hit = predicted.get(name, {}), gaze.get(name), hits.get(name)
        interval = "" if of is None or of.low is None else f"{of.low:.1%} to {of.high:.1%}"
        table.add_row(
            name,
            _percent(row.get("area_share")),
            _percent(row.get("attention_share")),
            "" if row.get("lift") is None else f"{row['lift']:.2f}",
            _percent(None if of is None else of.mean),
            interval,
            _percent(None if hit is None else hit.mean),
            "" if hit is None else f"{hit.n}",
        )
    say(f"{source}: {counted(result.frames, 'frame')} → {result.folder}")
    out.print(table)
    if len(names) > SHOWN_AREAS:
        say(f"and {len(names) - SHOWN_AREAS} more areas in its tables")
    for note in result.notes:
        say(f"  note: {note}")
    for name in ("aoi.mp4", "aoi.png", "curves.png", "bars.png"):
        if (result.folder / name).exists():
            say(f"  look at {result.folder / name}")


def _percent(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, float) else ""
