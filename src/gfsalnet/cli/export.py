"""`gfsalnet export`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from gfsalnet.choices import ExportFormat
from gfsalnet.cli.console import say
from gfsalnet.cli.options import AllowPlaylistsOption, EndOption, NetworkOption, StartOption, examples, time_range
from gfsalnet.cli.progress import at_work
from gfsalnet.files import file_name
from gfsalnet.packages import needed_by

EXPORT_EXAMPLES = examples(
    "gfsalnet export onnx --output saliency.onnx",
    "gfsalnet export onnx --model runs/mine/best --int8 --calibrate street.mp4 --calibrate park.mp4",
)


def export(
    format: Annotated[ExportFormat, typer.Argument(metavar="FORMAT", help="Format to write: onnx or openvino.")],
    model: NetworkOption = "gfsalnet-mobile",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write. Default: named after the model.")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantise to 8 bits; a model folder keeps such a file as int8.onnx.")
    ] = False,
    beside: Annotated[
        bool,
        typer.Option(
            "--beside",
            help="Write the file as model.onnx into the model's folder, where it shares the weights: the model then "
            "runs without PyTorch.",
        ),
    ] = False,
    calibrate: Annotated[
        list[str] | None,
        typer.Option(
            help="Video or image to calibrate --int8 with, like those that the network will see; may be repeated."
        ),
    ] = None,
    start: StartOption = None,
    end: EndOption = None,
    allow_playlists: AllowPlaylistsOption = False,
) -> None:
    """Write the network as a file for other programs, check it against PyTorch, and say what it gains.

    It takes `rgb` and `flow_image`, (batch, height, width, 3) bytes, of any batch and of sides that are multiples of
    32, and gives `saliency`, `appearance`, `motion` and `gate`, (batch, 1, height, width) floats.
    """
    for_videos = bool(start or end or allow_playlists)
    _require_int8_with_videos(format, int8, bool(calibrate), for_videos)
    if beside and (format != "onnx" or int8 or output is not None):
        raise typer.BadParameter("needs FORMAT onnx, without --int8 and --output", param_hint="--beside")
    with needed_by("export"):
        from gfsalnet.models.export import SUFFIXES, export_beside, export_model
    from gfsalnet.demo import draw_frame
    from gfsalnet.types import Frame

    name = file_name(Path(model).name) + ("-int8" if int8 else "")
    path = output or Path(name + SUFFIXES[format])
    # Two frames in which something moves, so that the motion stream is compared as well.
    drawn = [Frame(draw_frame(second), index=index) for index, second in enumerate((1.0, 1.04))]
    with at_work("writing the file and comparing it with PyTorch"):
        if beside:
            path, check = export_beside(model, drawn)
        else:
            check = export_model(
                model, format, path, drawn, calibrate if int8 else None, time_range(start, end), allow_playlists
            )
    width, height = check.size_wh
    say(f"{path}: differs from PyTorch by {check.max_rel_diff:.2g} of a map's maximum at most")
    gain = check.eager_cpu_ms / check.cpu_ms
    say(
        f"{check.cpu_ms:.1f} CPU ms per frame of {width}x{height} in {check.engine}, {check.eager_cpu_ms:.1f} in "
        f"eager PyTorch, one thread each: {gain:.1f} times as fast"
    )
    say(f"SHA-256 of {path.name}: {hashlib.sha256(path.read_bytes()).hexdigest()}")


def _require_int8_with_videos(format: ExportFormat, int8: bool, has_videos: bool, for_videos: bool) -> None:
    if int8 and (format != "onnx" or not has_videos):
        raise typer.BadParameter("needs FORMAT onnx, which OpenVINO reads too, and --calibrate", param_hint="--int8")
    if not int8 and for_videos:
        raise typer.BadParameter("are for the videos of --calibrate", param_hint="--start / --end / --allow-playlists")
