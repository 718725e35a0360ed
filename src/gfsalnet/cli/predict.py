"""`gfsalnet predict` and `gfsalnet demo`."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gfsalnet.cli.console import SOME_FAILED, at_work, fail, progress_bar, say
from gfsalnet.cli.options import BackendOption, DeviceOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

    from gfsalnet.models import SaliencyModel
    from gfsalnet.predict import Settings
    from gfsalnet.video.folders import FolderAs

T = TypeVar("T")

OutputOption = Annotated[Path, typer.Option("--output", "-o", help="Folder of the results, one folder a source in it.")]
FlowOption = Annotated[
    str | None,
    typer.Option(
        help="Optical flow: dis, dis-fast, dis-ultrafast, dis-evident, farneback, pwcnet:WEIGHTS, or folder:DIR with "
        ".flo files of one video; the model's, if not given."
    ),
]
FlowSizeOption = Annotated[
    str | None, typer.Option(help="Size at which flow is estimated, WxH or native; the model's, if not given.")
]
MapSizeOption = Annotated[
    str | None, typer.Option(help="Size of the maps in maps.npz, WxH; the model's own if not given.")
]
RateOption = Annotated[
    str | None, typer.Option(help="Frames a second of a folder of frames, such as 25 or 30000/1001.")
]
FolderAsOption = Annotated[
    str | None,
    typer.Option(
        metavar="frames|pictures|videos",
        help="Take a folder for the frames of one video, for single pictures or for videos, whatever it looks like.",
    ),
]
EveryOption = Annotated[
    int, typer.Option(min=1, max=30, help="Predict every so manieth frame, and interpolate the maps between.")
]


def predict(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Videos, images, folders or quoted globs of frames, camera numbers, URLs, or - for standard input.",
        ),
    ],
    output: OutputOption = Path("gfsalnet-out"),
    model: Annotated[
        str, typer.Option(help="A name that `gfsalnet models` lists, or a model folder.")
    ] = "gfsalnet-mobile",
    save: Annotated[
        str, typer.Option(help="Any of overlay, maps (png and npz), png, npz, gate, flow, csv; separated by commas.")
    ] = "overlay,maps,csv",
    flow: FlowOption = None,
    flow_size: FlowSizeOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = "auto",
    every: EveryOption = 1,
    map_size: MapSizeOption = None,
    rate: RateOption = None,
    folder_as: FolderAsOption = None,
    max_frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames of each source.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Redo what is already there.")] = False,
) -> None:
    """Predict where viewers look: an overlay video, maps and numbers for every frame.

    Exit status: 0 all done, 1 some source failed (each is named, the rest is done), 2 the command was wrong.
    """
    from gfsalnet.models import load_model
    from gfsalnet.predict import Settings
    from gfsalnet.render import parse_save

    settings = Settings(
        output=output,
        save=_parsed("--save", parse_save, save),
        map_size_hw=None if map_size is None else _parsed("--map-size", _size_hw, map_size),
        rate=None if rate is None else _parsed("--rate", _rate, rate),
        folder_as=None if folder_as is None else _parsed("--folder-as", _folder_as, folder_as),
        max_frames=max_frames,
        overwrite=overwrite,
    )
    if every > 1 and "flow" in settings.save:
        raise typer.BadParameter("flow is only there where the network looks", param_hint="--every / --save flow")
    expanded = _expanded(sources, settings, flow)
    with at_work(f"loading {model}; exporting it for a backend, the first time, takes some seconds"):
        loaded = load_model(
            model,
            device=device,
            flow=flow,
            flow_settings={} if flow_size is None else {"size_wh": _flow_size_wh(flow_size)},
            keep_flow="flow" in settings.save,
            backend=backend,
            every=every,
        )
    if "gate" in settings.save and not loaded.has_gate:
        raise typer.BadParameter(f"{loaded.name} has no gate", param_hint="--save gate")
    _run(loaded, expanded, settings)


def demo(output: OutputOption = Path("gfsalnet-out"), device: DeviceOption = "auto") -> None:
    """Draw a small video and predict it: a first look that needs no file."""
    from gfsalnet.demo import draw_clip
    from gfsalnet.models import load_model
    from gfsalnet.predict import Settings

    clip = draw_clip(output / "demo.mp4")
    say(f"drew {clip}")
    with at_work("loading gfsalnet-mobile"):
        model = load_model("gfsalnet-mobile", device=device, backend="auto")
    save = ("overlay", "gate", "maps", "csv")
    _run(model, [str(clip)], Settings(output=output, save=save, overwrite=True))


def _expanded(sources: list[str], settings: Settings, flow: str | None) -> list[str]:
    from gfsalnet.video import expand_sources

    left_out: list[str] = []
    expanded = expand_sources(sources, settings.folder_as, left_out)
    for note in left_out:
        say(note)
    if flow is not None and flow.startswith("folder:") and len(expanded) > 1:
        raise typer.BadParameter(f"{flow} holds the flow of one source, not of {len(expanded)}", param_hint="--flow")
    return expanded


def _flow_size_wh(text: str) -> tuple[int, int] | None:
    """None is the frame's own."""
    return None if text == "native" else _parsed("--flow-size", _size_hw, text)[::-1]


def _run(model: SaliencyModel, sources: list[str], settings: Settings) -> None:
    from gfsalnet.device import settle_memory
    from gfsalnet.predict import predict_sources

    settle_memory()
    failed = 0
    with progress_bar("frames") as bar:
        for outcome in predict_sources(model, sources, settings, _follow(bar)):
            failed += not outcome.ok
            (say if outcome.ok else fail)(outcome.message)
            for note in outcome.notes:
                say(f"  note: {note}")
            if outcome.folder is not None:
                for film in (*outcome.folder.glob("overlay.*"), *outcome.folder.glob("gate.*")):
                    say(f"  look at {film}")
    if len(sources) > 1:
        say(f"{len(sources) - failed} of {len(sources)} sources done")
    if failed:
        raise typer.Exit(SOME_FAILED)


def _follow(bar: Progress) -> Callable[[str, int, int | None], None]:
    """Show frames as they are done, one bar a source."""
    task = bar.add_task("", total=None, rate="–", visible=False)
    began = 0.0

    def on_frame(source: str, done: int, total: int | None) -> None:
        nonlocal began
        if done == 1:
            bar.reset(task, total=total, description=Path(source).name, visible=True)
            began = time.monotonic()
        rate = f"{(done - 1) / (time.monotonic() - began):.1f}" if done > 1 else "–"
        bar.update(task, completed=done, rate=rate)

    return on_frame


def _parsed(option: str, parse: Callable[[str], T], text: str) -> T:
    """What the text means, or exit status 2."""
    try:
        return parse(text)
    except (ValueError, ZeroDivisionError) as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _folder_as(text: str) -> FolderAs:
    known: dict[str, FolderAs] = {"frames": "frames", "pictures": "pictures", "videos": "videos"}
    if text not in known:
        raise ValueError(f"{text!r} is none of {', '.join(known)}")
    return known[text]


def _size_hw(text: str) -> tuple[int, int]:
    width, x, height = text.partition("x")
    if not (x and width.isdecimal() and height.isdecimal() and 0 < int(width) <= 8192 and 0 < int(height) <= 8192):
        raise ValueError(f"{text} is not WIDTHxHEIGHT with sides of 1 to 8192, such as 320x240")
    return int(height), int(width)


def _rate(text: str) -> Fraction:
    rate = Fraction(text)
    if not 0 < rate <= 1000:
        raise ValueError(f"{text} is not between 0 and 1000 frames a second")
    return rate
