"""`gfsalnet export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gfsalnet.cli.console import at_work, say
from gfsalnet.files import file_name
from gfsalnet.packages import needed_by


def export(
    format: Annotated[str, typer.Argument(metavar="FORMAT", help="onnx or openvino.")],
    model: Annotated[
        str, typer.Option(help="gfsalnet-mobile, a model folder, or one stream of either: gfsalnet-mobile:appearance.")
    ] = "gfsalnet-mobile",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; named after the model, if not given.")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantise to 8 bits; a model folder keeps it as int8.onnx.")
    ] = False,
    beside: Annotated[
        bool,
        typer.Option(
            "--beside",
            help="Write it as model.onnx into the model's folder, where it shares the weights: the model then runs "
            "without PyTorch.",
        ),
    ] = False,
    calibrate: Annotated[
        list[str] | None,
        typer.Option(help="A video or image like those it will be used on, for --int8; give the option several times."),
    ] = None,
) -> None:
    """Write the network as a file for other programs, check it against PyTorch, and say what it gains.

    It takes `rgb` and `flow_image`, (batch, height, width, 3) bytes, of any batch and of sides that are multiples of
    32, and gives `saliency`, `appearance`, `motion` and `gate`, (batch, 1, height, width) floats.
    """
    if format not in ("onnx", "openvino"):
        raise typer.BadParameter(f"{format} is none of onnx, openvino", param_hint="FORMAT")
    if int8 and (format != "onnx" or not calibrate):
        raise typer.BadParameter("needs FORMAT onnx, which OpenVINO reads too, and --calibrate", param_hint="--int8")
    if beside and (format != "onnx" or int8 or output is not None):
        raise typer.BadParameter("needs FORMAT onnx, without --int8 and --output", param_hint="--beside")
    with needed_by("export"):
        from gfsalnet.models.export import SUFFIXES, export_beside, export_model
    from gfsalnet.demo import draw_frame
    from gfsalnet.types import Frame

    name = file_name(Path(model).name) + ("-int8" if int8 else "")
    path = output or Path(name + SUFFIXES[format])
    drawn = [Frame(draw_frame(second), index=index) for index, second in enumerate((1.0, 1.04))]
    with at_work("writing the file and comparing it with PyTorch"):
        if beside:
            path, check = export_beside(model, drawn)
        else:
            check = export_model(model, format, path, drawn, calibrate if int8 else None)
    width, height = check.size_wh
    say(f"{path}: differs from PyTorch by {check.max_rel_diff:.2g} of a map's maximum at most")
    gain = check.eager_cpu_ms / check.cpu_ms
    say(
        f"{check.cpu_ms:.1f} CPU ms per frame of {width}x{height} in {check.engine}, {check.eager_cpu_ms:.1f} in "
        f"eager PyTorch, one thread each: {gain:.1f} times as fast"
    )
