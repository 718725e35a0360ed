"""A model's network for other programs: written, compared with PyTorch, and only then put in its place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from gfsalnet.backends import NetworkInputs
from gfsalnet.backends.export_check import ExportCheck, check_export
from gfsalnet.backends.graphs import export_onnx, export_openvino
from gfsalnet.backends.quantise import export_int8
from gfsalnet.backends.shared_graph import write_graph_beside
from gfsalnet.errors import WeightsError
from gfsalnet.files import output_errors, written_whole
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.models.registry import load_model, stored_network
from gfsalnet.network.folder import GRAPH_FILE
from gfsalnet.packages import require
from gfsalnet.types import Frame
from gfsalnet.video import expand_sources, open_source

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}
"""Format → what its files are called."""
FRAMES_A_SOURCE, APART = 8, 5
"""How many frames of each video calibrate, and how far apart they are; those half-way between are for the check."""


def export_model(
    name: str,
    format: str,
    path: Path,
    shown: Sequence[Frame],
    calibrate: Sequence[str] | None = None,
    part: tuple[float | None, float | None] = (None, None),
) -> ExportCheck:
    """Write a GFSalNet's network as a file.

    Args:
        name: as for `load_model`.
        format: `onnx`, which ONNX Runtime and OpenVINO read, or `openvino`, whose weights lie beside in a `.bin`.
        path: of the file.
        shown: consecutive frames; file and PyTorch are compared on what the network sees of them.
        calibrate: sources for a file in 8 bits, which is compared on other frames of theirs; None: float32.
        part: seconds of these sources where to begin and end; None: as they do.

    Raises:
        WeightsError: if the model is no GFSalNet.
        SourceError: if a source cannot be read.
        GFSalNetError: if the file does not say what the network says; then what was at `path` stays.
    """
    engine = "onnxruntime" if format == "onnx" else "openvino"
    require(engine, what=f"export {format}")
    stored, _ = stored_network(name)
    network, model = stored.network, _loaded(name)
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
            made = Path(folder, path.name)
            if calibrate is None:
                if format == "onnx":
                    export_onnx(network, made, stored.weights)
                else:
                    export_openvino(network, made)
                check = check_export(made, engine, "fp32", network, [_batch(p) for p in model.pictures(shown)])
            else:
                export_int8(network, _pictures(model, calibrate, 0, part), made, stored.weights)
                check = check_export(made, engine, "int8", network, _pictures(model, calibrate, APART // 2, part))
            for file in Path(folder).iterdir():
                os.replace(file, path.with_name(file.name))
    return check


def export_beside(name: str, shown: Sequence[Frame]) -> tuple[Path, ExportCheck]:
    """Write a GFSalNet's network as a graph into its own folder, where it shares the weights file.

    From then on the model runs without PyTorch.

    Args:
        name: of a model in the package or a folder, both streams of it.
        shown: as for `export_model`.

    Returns:
        the graph's path, and how it compares with PyTorch.

    Raises:
        WeightsError: if the model is no GFSalNet, or one stream of it is named.
        GFSalNetError: if the graph does not say what the network says; then it is not kept.
    """
    stored, _ = stored_network(name)
    if stored.stream is not None:
        raise WeightsError(name, "is one stream of a folder", "Give the folder: its graph serves each stream too")
    path = stored.folder / GRAPH_FILE
    with output_errors(path), written_whole(path) as partial:
        write_graph_beside(stored.network, stored.folder, partial)
        pictures = [_batch(p) for p in _loaded(name).pictures(shown)]
        check = check_export(partial, "onnxruntime", "fp32", stored.network, pictures)
    return path, check


def _loaded(name: str) -> GFSalNetModel:
    """The model in PyTorch, which needs no graph."""
    model = load_model(name, device="cpu", backend="torch")
    if not isinstance(model, GFSalNetModel):
        raise WeightsError(name, "is no GFSalNet", "Export a GFSalNet")
    return model


def _pictures(
    model: GFSalNetModel, sources: Sequence[str], first: int, part: tuple[float | None, float | None]
) -> list[NetworkInputs]:
    """What the network sees of some frames of each source, from this one on; of a picture, its only one."""
    pictures: list[NetworkInputs] = []
    for source in expand_sources(list(sources)):
        with open_source(source, start_seconds=part[0], end_seconds=part[1]) as reader:
            of_source = list(model.pictures(islice(reader, FRAMES_A_SOURCE * APART)))
        pictures += (_batch(of_frame) for of_frame in of_source[min(first, len(of_source) - 1) :: APART])
    return pictures


def _batch(pictures: NetworkInputs) -> NetworkInputs:
    return tuple(picture[None] for picture in pictures)
