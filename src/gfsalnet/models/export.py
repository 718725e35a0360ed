"""A model's network for other programs: written, compared with PyTorch, and only then put in its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gfsalnet._version import __version__
from gfsalnet.backends import NetworkInputs
from gfsalnet.backends.base import WEIGHTS_KEY, input_names, output_names
from gfsalnet.backends.export_check import ExportCheck, check_export
from gfsalnet.backends.graphs import export_onnx, export_openvino
from gfsalnet.backends.quantise import export_int8
from gfsalnet.backends.shared_graph import write_graph_beside
from gfsalnet.backends.stored import StoredNetwork
from gfsalnet.errors import WeightsError
from gfsalnet.files import output_errors, publish, refuse_folder, written_whole
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.models.registry import MODELS, load_model, stored_network
from gfsalnet.network.folder import GRAPH_FILE
from gfsalnet.packages import require
from gfsalnet.types import Frame
from gfsalnet.video import VideoReader, expand_sources, open_source

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
    allow_playlists: bool = False,
) -> ExportCheck:
    """Write a GFSalNet's network as a file.

    Args:
        name: as for `load_model`.
        format: `onnx`, which ONNX Runtime and OpenVINO read, or `openvino`, whose weights lie beside in a `.bin`.
        path: of the file.
        shown: consecutive frames; file and PyTorch are compared on what the network sees of them.
        calibrate: sources for a file in 8 bits, which is compared on other frames of theirs; None: float32.
        part: seconds of these sources where to begin and end; None: as they do.
        allow_playlists: whether playlists among them are read, with the files and addresses that they name.

    Raises:
        WeightsError: if the model is no GFSalNet.
        SourceError: if a source cannot be read.
        GFSalNetError: if the file does not say what the network says; then what was at `path` stays.
        OutputError: if it cannot be written.
    """
    refuse_folder(path)
    engine = "onnxruntime" if format == "onnx" else "openvino"
    require(engine, what=f"export {format}")
    stored, about = stored_network(name)
    network, model, metadata = stored.network, _loaded(name), graph_metadata(stored, about)
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that what has passed the check is only renamed.
        with TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
            made = Path(folder, path.name)
            if calibrate is None:
                if format == "onnx":
                    export_onnx(network, made, metadata)
                else:
                    export_openvino(network, made)
                check = check_export(made, engine, "fp32", network, [_batch(p) for p in model.pictures(shown)])
            else:
                opened = partial(
                    open_source, allow_playlists=allow_playlists, start_seconds=part[0], end_seconds=part[1]
                )
                # Calibrated on some frames, and checked on others: agreement on the former alone would prove little.
                export_int8(network, _pictures(model, calibrate, 0, opened), made, metadata)
                check = check_export(made, engine, "int8", network, _pictures(model, calibrate, APART // 2, opened))
            for file in Path(folder).iterdir():
                publish(file, path.with_name(file.name))
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
    # Checked before it gets its name: a graph that differs never lies beside the weights.
    with output_errors(path), written_whole(path) as made:
        write_graph_beside(stored.network, stored.folder, made)
        pictures = [_batch(p) for p in _loaded(name).pictures(shown)]
        check = check_export(made, "onnxruntime", "fp32", stored.network, pictures)
    return path, check


def graph_metadata(stored: StoredNetwork, about: Mapping[str, Any]) -> dict[str, str]:
    """What a program has to know that runs the file without this package; docs/onnx.md explains each key.

    Args:
        stored: the network.
        about: what else its `config.json` says.
    """
    config, entry = stored.config, MODELS.get(stored.folder.name)
    height, width = config.input_size_hw
    size = f"about {height * width} pixels in its aspect" if config.keep_aspect else f"height {height}, width {width}"
    image = "uint8, (batch, height, width, 3), RGB, 0 to 255, sides multiples of 32"
    scale = "sums to height x width" if config.final == "softmax" else "of any scale"
    spoken = {
        "rgb": f"{image}; resize the frame to {size}",
        "flow_image": f"{image}, of the same size; optical flow from the frame before, drawn by the colour wheel of "
        f"Baker et al. 2011: {json.dumps(about.get('flow'))}",
        **dict.fromkeys(("saliency", "appearance", "motion"), f"float32, (batch, 1, height, width), >= 0, {scale}"),
        "gate": "float32, (batch, 1, height, width), 0 to 1, the share of appearance",
    }
    return {
        "name": str(about.get("name", stored.folder.name)) + (f":{stored.stream}" if stored.stream else ""),
        "version": __version__,
        WEIGHTS_KEY: stored.weights,
        "licence": entry.licence if entry else str(about.get("licence", "not stated")),
        "input_size_hw": json.dumps([height, width]),
        "keep_aspect": json.dumps(config.keep_aspect),
        **{name: spoken[name] for name in (*input_names(config), *output_names(config))},
        # Without motion: what a program that runs this file alone can do with its map.
        **({"over_time": json.dumps({**over, "gate": None})} if (over := about.get("over_time")) else {}),
    }


def _loaded(name: str) -> GFSalNetModel:
    """The model in PyTorch, which needs no graph."""
    model = load_model(name, device="cpu", backend="torch")
    if not isinstance(model, GFSalNetModel):
        raise WeightsError(name, "is no GFSalNet", "Export a GFSalNet")
    return model


def _pictures(
    model: GFSalNetModel, sources: Sequence[str], first: int, opened: Callable[[str], VideoReader]
) -> list[NetworkInputs]:
    """What the network sees of some frames of each source, from this one on; of a picture, its only one."""
    pictures: list[NetworkInputs] = []
    for source in expand_sources(list(sources)):
        with opened(source) as reader:
            of_source = list(model.pictures(islice(reader, FRAMES_A_SOURCE * APART)))
        pictures += (_batch(of_frame) for of_frame in of_source[min(first, len(of_source) - 1) :: APART])
    return pictures


def _batch(pictures: NetworkInputs) -> NetworkInputs:
    return tuple(picture[None] for picture in pictures)
