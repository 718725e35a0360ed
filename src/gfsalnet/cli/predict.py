"""`gfsalnet predict` and `gfsalnet demo`."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gfsalnet.choices import FolderAs, MapPrecision, MapValues
from gfsalnet.cli.batch import run_batch
from gfsalnet.cli.config import used_config
from gfsalnet.cli.console import tell
from gfsalnet.cli.options import (
    INPUT,
    MODEL,
    OUTPUT,
    SPEED,
    AllowPlaylistsOption,
    BackendOption,
    ColormapOption,
    DeviceOption,
    EndOption,
    FlowOption,
    LegendOption,
    ModelOption,
    OpacityOption,
    OverwriteOption,
    SaveOption,
    ScaleOption,
    StartOption,
    checked,
    examples,
    size_hw,
    time_range,
)
from gfsalnet.cli.processes import Processes, RayOption, check_workers
from gfsalnet.cli.progress import ProgressOption, at_work
from gfsalnet.cli.shards import Shard, run_shard
from gfsalnet.urls import is_url

if TYPE_CHECKING:
    from gfsalnet.models import SaliencyModel
    from gfsalnet.predict import Settings
    from gfsalnet.render import MapForm

PREDICT_EXAMPLES = examples(
    "gfsalnet predict clip.mp4",
    'gfsalnet predict "frames/*.png" --rate 30 --save overlay,npz --output results',
)

DEMO_EXAMPLES = examples("gfsalnet demo", "gfsalnet demo --output first-look --device cpu")


def _flow_size_wh(text: str) -> tuple[int, int] | None:
    """None is the frame's own."""
    return None if text == "native" else size_hw(text)[::-1]


def _check_shard(text: str) -> None:
    from gfsalnet.scale.identity import shard_range

    shard_range(text)


def fraction(text: str) -> Fraction:
    """The number of `30`, `29.97` or `30000/1001`.

    Raises:
        ValueError: if it is none, or no finite one.
    """
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{text} is no number such as 30, 29.97 or 30000/1001") from error


def _rate(text: str) -> Fraction:
    rate = fraction(text)
    if not 0 < rate <= 1000:
        raise ValueError(f"{text} is not between 0 and 1000 frames per second")
    return rate


def _map_form(size: str | None, values: MapValues | None, precision: MapPrecision) -> MapForm:
    from gfsalnet.render import MapForm

    return MapForm(size_hw=None if size is None else size_hw(size), values=values, precision=precision)


OutputOption = Annotated[
    Path, typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Folder of the results: one folder per source.")
]
PlaceOption = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        rich_help_panel=OUTPUT,
        help="Folder of the results: one folder per source; with --manifest also an address (s3, gs).",
    ),
]
ManifestOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=INPUT,
        help="Predict the rows of this Parquet file instead, of `gfsalnet manifest`, that are not done.",
    ),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        metavar="N/COUNT",
        callback=checked(_check_shard),
        rich_help_panel=INPUT,
        help="Of the manifest, the Nth of so many parts that have no row in common, such as 3/64. Default: all.",
    ),
]
FlowSizeOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(_flow_size_wh),
        rich_help_panel=MODEL,
        help="Size to estimate the flow at: WIDTHxHEIGHT, or native for the frame's own. Default: the model's.",
    ),
]
MapSizeOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(size_hw),
        rich_help_panel=OUTPUT,
        help="Size of the maps in maps.npz and maps.mkv: WIDTHxHEIGHT. Default: the model's.",
    ),
]
MapValuesOption = Annotated[
    MapValues | None,
    typer.Option(
        rich_help_panel=OUTPUT,
        help="What the numbers of stored maps mean: density, log (of the density), or frame or video, divided by the "
        "maximum of that. Default: density in maps.npz, frame in pictures and videos.",
    ),
]
MapPrecisionOption = Annotated[
    MapPrecision,
    typer.Option(rich_help_panel=OUTPUT, help="Precision of maps.npz: float32, or float16 of half the size."),
]
RateOption = Annotated[
    str | None,
    typer.Option(
        callback=checked(_rate),
        rich_help_panel=INPUT,
        help="Frame rate of a folder of frames, in frames per second, such as 30 or 30000/1001. Default: 25.",
    ),
]
FolderAsOption = Annotated[
    FolderAs | None,
    typer.Option(
        rich_help_panel=INPUT,
        help="Read folders as the frames of one video, as single pictures or as videos, whatever they look like.",
    ),
]
EveryOption = Annotated[
    int,
    typer.Option(
        min=1,
        max=30,
        rich_help_panel=SPEED,
        help="Predict every Nth frame and interpolate the maps between them.",
    ),
]
CentreBiasOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=5,
        rich_help_panel=MODEL,
        help="Strength of the centre that the model has learned; it varies with how viewers sit. 1: as learned.",
    ),
]
_SOURCES = typer.Argument(
    metavar="SOURCE",
    help="Videos, images, folders or quoted globs of frames, camera numbers, URLs, or - for standard input.",
)
SourcesArgument = Annotated[list[str], _SOURCES]
OptionalSourcesArgument = Annotated[list[str] | None, _SOURCES]
MaxFramesOption = Annotated[
    int | None,
    typer.Option(min=1, max=10**9, rich_help_panel=INPUT, help="Stop after this many frames of each source."),
]
LookaheadOption = Annotated[
    int,
    typer.Option(
        min=0,
        max=60,
        rich_help_panel=MODEL,
        help="Let each map take in up to N later frames, which it then waits for. 0: none, as live video needs it.",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1024,
        rich_help_panel=SPEED,
        help="Processes that predict, one thread of the network each; long videos are shared out among them. No byte "
        "depends on it. Default: one per core where there is enough to do, one for a GPU.",
    ),
]


def predict(
    ctx: typer.Context,
    sources: OptionalSourcesArgument = None,
    output: PlaceOption = "gfsalnet-out",
    manifest: ManifestOption = None,
    shard: ShardOption = None,
    model: ModelOption = "gfsalnet-mobile",
    save: SaveOption = "overlay,maps,csv",
    flow: FlowOption = None,
    flow_size: FlowSizeOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = "auto",
    every: EveryOption = 1,
    map_size: MapSizeOption = None,
    map_values: MapValuesOption = None,
    map_precision: MapPrecisionOption = "float32",
    colormap: ColormapOption = "plasma",
    opacity: OpacityOption = 0.7,
    scale: ScaleOption = "absolute",
    legend: LegendOption = True,
    start: StartOption = None,
    end: EndOption = None,
    rate: RateOption = None,
    folder_as: FolderAsOption = None,
    max_frames: MaxFramesOption = None,
    allow_playlists: AllowPlaylistsOption = False,
    centre_bias: CentreBiasOption = 1.0,
    lookahead: LookaheadOption = 0,
    overwrite: OverwriteOption = False,
    workers: WorkersOption = None,
    ray: RayOption = None,
    progress: ProgressOption = "bar",
) -> None:
    """Predict where viewers look: an overlay video, maps and numbers for every frame.

    Exit status: 0 all done, 1 some source failed (each is named, the rest is done), 2 the command was wrong.
    """
    from gfsalnet.predict import Settings
    from gfsalnet.render import Look, parse_save

    settings = Settings(
        output=Path(output),
        save=parse_save(save),
        look=Look(colormap=colormap, opacity=opacity, scale=scale, legend=legend),
        maps=_map_form(map_size, map_values, map_precision),
        part_seconds=time_range(start, end),
        rate=None if rate is None else _rate(rate),
        folder_as=folder_as,
        max_frames=max_frames,
        overwrite=overwrite,
        allow_playlists=allow_playlists,
        config=used_config(ctx),
    )
    require_that_they_go_together(model, settings.save, every)
    check_workers(workers, ray)
    given = _given(sources, manifest, shard, output, settings, flow)
    how: dict[str, Any] = {"device": device, "backend": backend, "flow": flow, "centre_bias": centre_bias}
    how |= {"every": every, "lookahead": lookahead, "keep_flow": "flow" in settings.save}
    how |= {} if flow_size is None else {"flow_settings": {"size_wh": _flow_size_wh(flow_size)}}
    _run(model, given, settings, partial(Processes, workers=workers, ray=ray), how)


def _given(
    sources: list[str] | None,
    manifest: Path | None,
    shard: str | None,
    output: str,
    settings: Settings,
    flow: str | None,
) -> list[str] | Shard:
    """What is to be predicted, by the options that say so and go together."""
    if manifest is not None:
        if sources or (flow or "").startswith("folder:"):
            what = "SOURCE" if sources else "--flow folder:"
            raise typer.BadParameter(f"its rows are what is predicted, not {what} too", param_hint="--manifest")
        return Shard(manifest, shard or "1/1", output)
    if not sources:
        raise typer.BadParameter("give a source, or --manifest", param_hint="SOURCE")
    for option, is_wrong in (("--shard", shard is not None), ("--output", is_url(output))):
        if is_wrong:
            raise typer.BadParameter("that goes with --manifest alone", param_hint=option)
    return _expanded(sources, settings, flow)


def _run(
    model: str, given: list[str] | Shard, settings: Settings, processes: Callable[..., Processes], how: dict[str, Any]
) -> None:
    """Load the model as `load_model` is told by `how`, and predict."""
    from gfsalnet.device import resolve_device
    from gfsalnet.models import load_model

    loaded = _loaded(model, settings.save, **how)
    # Each process would choose a backend anew, and all have to take the same.
    same = {**how, "backend": loaded.backend_name or how["backend"], "threads": 1}
    used = processes(partial(load_model, model, **same), on_gpu=resolve_device(how["device"]) != "cpu")
    if isinstance(given, Shard):
        run_shard(loaded, given, settings, used)
    else:
        run_batch(loaded, given, settings, used)


def demo(output: OutputOption = Path("gfsalnet-out"), device: DeviceOption = "auto") -> None:
    """Draw a small video and predict it: a first look that needs no file."""
    from gfsalnet.demo import draw_clip
    from gfsalnet.models import load_model
    from gfsalnet.predict import Settings

    clip = draw_clip(output / "demo.mp4")
    tell(f"drew {clip}")
    with at_work("loading gfsalnet-mobile"):
        model = load_model("gfsalnet-mobile", device=device, backend="auto")
    save = ("overlay", "gate", "maps", "csv")
    run_batch(model, [str(clip)], Settings(output=output, save=save, overwrite=True))


def require_that_they_go_together(model: str, save: tuple[str, ...], every: int) -> None:
    """Refuse what the model cannot give before it is loaded, or exported for a backend.

    Raises:
        typer.BadParameter: if two of them contradict each other.
        WeightsError: if the model has no weights.
    """
    from gfsalnet.models import may_have_gate

    if every > 1 and "flow" in save:
        raise typer.BadParameter("there is flow only for the frames that are predicted", param_hint="--every / --save")
    if "gate" in save and not may_have_gate(model):
        raise typer.BadParameter(f"{model} has no gate", param_hint="--save gate")


def _loaded(model: str, save: tuple[str, ...], **how: Any) -> SaliencyModel:
    """Load a model as `load_model` is told by `how`."""
    from gfsalnet.models import load_model

    with at_work(f"loading {model}; exporting it for a backend, the first time, takes some seconds"):
        loaded = load_model(model, **how)
    if "gate" in save and not loaded.has_gate:  # only now it is known of a plug-in
        raise typer.BadParameter(f"{model} has no gate", param_hint="--save gate")
    return loaded


def _expanded(sources: list[str], settings: Settings, flow: str | None) -> list[str]:
    from gfsalnet.video import expand_sources

    left_out: list[str] = []
    expanded = expand_sources(sources, settings.folder_as, left_out)
    for note in left_out:
        tell(note)
    if flow is not None and flow.startswith("folder:") and len(expanded) > 1:
        raise typer.BadParameter(f"{flow} holds the flow of one source, not of {len(expanded)}", param_hint="--flow")
    return expanded
