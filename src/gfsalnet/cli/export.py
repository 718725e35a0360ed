"""`gfsalnet export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gfsalnet.cli.console import at_work, errors_to_status, say

if TYPE_CHECKING:
    from gfsalnet.backends import Pictures
    from gfsalnet.models.gfsalnet import GFSalNetModel

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}
ENGINES = {"onnx": "onnxruntime", "openvino": "openvino"}
FRAMES_A_SOURCE, APART = 8, 5
"""How many frames of each video calibrate, and how far apart they are."""


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
    calibrate: Annotated[
        list[str] | None,
        typer.Option(help="A video or image like those it will be used on, for --int8; give the option several times."),
    ] = None,
) -> None:
    """Write the network as a file for other programs, check it against PyTorch, and say what it gains.

    It takes `rgb` and `flow_image`, (batch, height, width, 3) bytes, of any batch and of sides that are multiples of
    32, and gives `saliency`, `appearance`, `motion` and `gate`, (batch, 1, height, width) floats.
    """
    if format not in SUFFIXES:
        raise typer.BadParameter(f"{format} is none of {', '.join(SUFFIXES)}", param_hint="FORMAT")
    if int8 and (format != "onnx" or not calibrate):
        raise typer.BadParameter("needs FORMAT onnx, which OpenVINO reads too, and --calibrate", param_hint="--int8")
    with errors_to_status():
        from gfsalnet.backends.export import export_onnx, export_openvino, require
        from gfsalnet.backends.exported import check_export
        from gfsalnet.backends.quantise import export_int8
        from gfsalnet.demo import draw_frame
        from gfsalnet.models import load_model
        from gfsalnet.models.gfsalnet import GFSalNetModel
        from gfsalnet.models.registry import read_network
        from gfsalnet.types import Frame

        require(ENGINES[format], extra="onnx" if format == "onnx" else "openvino")
        network, _, _ = read_network(model)
        whole = load_model(model, device="cpu")
        assert isinstance(whole, GFSalNetModel)
        path = output or Path(f"{whole.name.replace(':', '-')}{'-int8' if int8 else ''}{SUFFIXES[format]}")
        with at_work(f"writing {path}"):
            if int8:
                export_int8(network, _pictures(whole, calibrate or []), path)
            else:
                (export_onnx if format == "onnx" else export_openvino)(network, path)
        drawn = [Frame(draw_frame(second), index=index) for index, second in enumerate((1.0, 1.04))]
        pictures = [_batch_of_one(of_frame) for of_frame in whole.pictures(drawn)]
        with at_work("comparing it with PyTorch"):
            check = check_export(path, ENGINES[format], "int8" if int8 else "fp32", network, pictures)
    size_wh = "x".join(map(str, pictures[0][0].shape[2:0:-1]))
    say(f"{path}: differs from PyTorch by {check.largest_difference:.2g} of a map's maximum at most")
    gain = check.eager_milliseconds / check.milliseconds
    say(
        f"{check.milliseconds:.1f} ms a frame of {size_wh} in {check.engine}, {check.eager_milliseconds:.1f} in eager "
        f"PyTorch, one thread each: {gain:.1f} times as fast"
    )


def _pictures(model: GFSalNetModel, sources: list[str]) -> list[Pictures]:
    """What the network sees of some frames of each source."""
    from itertools import islice

    from gfsalnet.video import expand_sources, open_source

    pictures: list[Pictures] = []
    for source in expand_sources(sources):
        with open_source(source) as reader:
            frames = islice(reader, FRAMES_A_SOURCE * APART)
            pictures += (_batch_of_one(of_frame) for of_frame in islice(model.pictures(frames), 0, None, APART))
    return pictures


def _batch_of_one(pictures: Pictures) -> Pictures:
    return tuple(picture[None] for picture in pictures)
