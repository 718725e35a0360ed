"""`gfsalnet predict` and `gfsalnet demo`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gfsalnet.choices import FolderAs, MapPrecision, MapValues
from gfsalnet.cli.config import used_config
from gfsalnet.cli.console import SOME_FAILED, print_error, tell
from gfsalnet.cli.options import (
    INPUT,
    MODEL,
    OUTPUT,
    SPEED,
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
from gfsalnet.cli.progress import Progress, at_work

if TYPE_CHECKING:
    from gfsalnet.models import SaliencyModel
    from gfsalnet.predict import Settings
    from gfsalnet.store import TakenError

PREDICT_EXAMPLES = examples(
    "gfsalnet predict clip.mp4",
    'gfsalnet predict "frames/*.png" --rate 30 --save overlay,npz --output results',
)

DEMO_EXAMPLES = examples("gfsalnet demo", "gfsalnet demo --output first-look --device cpu")


def _flow_size_wh(text: str) -> tuple[int, int] | None:
    """None is the frame's own."""
    return None if text == "native" else size_hw(text)[::-1]


def _rate(text: str) -> Fraction:
    rate = Fraction(text)
    if not 0 < rate <= 1000:
        raise ValueError(f"{text} is not between 0 and 1000 frames per second")
    return rate


OutputOption = Annotated[
    Path, typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Folder of the results: one folder per source.")
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
AllowPlaylistsOption = Annotated[
    bool,
    typer.Option(
        "--allow-playlists",
        rich_help_panel=INPUT,
        help="Read playlists too (HLS, DASH, FFmpeg's concat scripts), with the files and addresses that they name.",
    ),
]
SourcesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="Videos, images, folders or quoted globs of frames, camera numbers, URLs, or - for standard input.",
    ),
]
MaxFramesOption = Annotated[
    int | None, typer.Option(min=1, rich_help_panel=INPUT, help="Stop after this many frames of each source.")
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


def predict(
    ctx: typer.Context,
    sources: SourcesArgument,
    output: OutputOption = Path("gfsalnet-out"),
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
) -> None:
    """Predict where viewers look: an overlay video, maps and numbers for every frame.

    Exit status: 0 all done, 1 some source failed (each is named, the rest is done), 2 the command was wrong.
    """
    from gfsalnet.predict import Settings
    from gfsalnet.render import Look, MapForm, parse_save

    settings = Settings(
        output=output,
        save=parse_save(save),
        look=Look(colormap=colormap, opacity=opacity, scale=scale, legend=legend),
        maps=MapForm(
            size_hw=None if map_size is None else size_hw(map_size), values=map_values, precision=map_precision
        ),
        part_seconds=time_range(start, end),
        rate=None if rate is None else _rate(rate),
        folder_as=folder_as,
        max_frames=max_frames,
        overwrite=overwrite,
        allow_playlists=allow_playlists,
        config=used_config(ctx),
    )
    _require_that_they_go_together(model, settings.save, every)
    expanded = _expanded(sources, settings, flow)
    sizes = {} if flow_size is None else {"size_wh": _flow_size_wh(flow_size)}
    how = {"device": device, "backend": backend, "every": every, "centre_bias": centre_bias, "lookahead": lookahead}
    _run(_loaded(model, settings.save, flow=flow, flow_settings=sizes, **how), expanded, settings)


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
    _run(model, [str(clip)], Settings(output=output, save=save, overwrite=True))


def _require_that_they_go_together(model: str, save: tuple[str, ...], every: int) -> None:
    """What the model cannot give is refused before it is loaded, or exported for a backend."""
    from gfsalnet.models import may_have_gate

    if every > 1 and "flow" in save:
        raise typer.BadParameter("there is flow only for the frames that are predicted", param_hint="--every / --save")
    if "gate" in save and not may_have_gate(model):
        raise typer.BadParameter(f"{model} has no gate", param_hint="--save gate")


def _loaded(model: str, save: tuple[str, ...], **how: Any) -> SaliencyModel:
    """Load a model as `load_model` is told by `how`."""
    from gfsalnet.models import load_model

    with at_work(f"loading {model}; exporting it for a backend, the first time, takes some seconds"):
        loaded = load_model(model, keep_flow="flow" in save, **how)
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


def _run(model: SaliencyModel, sources: list[str], settings: Settings) -> None:
    from gfsalnet.device import settle_memory
    from gfsalnet.predict import predict_sources

    settle_memory()  # here and not in the library: the setting is the whole process's
    failed = 0
    with Progress("frames") as progress:

        def on_frame(source: str, done: int, total: int | None) -> None:
            progress.show(Path(source).name, done, total, stage=source)

        def on_wait(taken: TakenError) -> None:
            tell(f"{taken.where}: {taken.problem}, which is waited for")

        for outcome in predict_sources(model, sources, settings, on_frame, on_wait):
            failed += not outcome.ok
            (tell if outcome.ok else print_error)(outcome.message)
            for note in outcome.notes:
                tell(f"  note: {note}")
            if outcome.folder is not None:
                for drawn in _drawn(outcome.folder):
                    tell(f"  look at {drawn}")
    if len(sources) > 1:
        tell(f"{len(sources) - failed} of {len(sources)} sources done")
    if failed:
        raise typer.Exit(SOME_FAILED)


def _drawn(folder: Path) -> list[Path]:
    """The pictures and videos among the results that are made to be looked at."""
    words = ("overlay", "focus", "contours", "side", "gate", "flow")
    return [path for word in words for path in folder.glob(f"{word}.*")]
