"""A graph for a model's folder, which shares the weights file there: half a byte more a weight, not four.

Weights are stored as 16-bit floats. Where a kernel of the graph is one of them as it stands, the graph names its place
in `model.safetensors` (ONNX calls that external data); where it is the same numbers in another order, it holds them as
16-bit floats; else, as where a batch-norm was folded into it, as they are. The engines make float32 of all when they
open the graph, so that it computes what the float32 graph computes, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from gfsalnet.backends.base import WEIGHTS_KEY
from gfsalnet.backends.graphs import export_onnx
from gfsalnet.errors import WeightsError
from gfsalnet.files import write_whole
from gfsalnet.formats.texts import parse_json
from gfsalnet.network import GFSalNet
from gfsalnet.network.folder import WEIGHTS_FILE, weights_hash

_LEAST_SIZE = 1024
"""Numbers; what is smaller is kept as it is."""


class _Place(NamedTuple):
    """Bytes of the weights file."""

    offset: int
    length: int


def write_graph_beside(network: GFSalNet, folder: Path, path: Path) -> None:
    """Write the network as ONNX, of the weights file in `folder`.

    Args:
        network: of the weights in `folder`.
        folder: with `model.safetensors`.
        path: of the graph, in the same folder.

    Raises:
        MissingPackageError: if the packages for it are not installed.
        OutputError: if the file cannot be written.
    """
    with TemporaryDirectory() as temporary:
        whole = Path(temporary) / "whole.onnx"
        export_onnx(network, whole, {WEIGHTS_KEY: weights_hash(folder)})
        import onnx

        model = onnx.load(whole)
    places = _places(folder / WEIGHTS_FILE)
    initializers = list(model.graph.initializer)
    nodes = list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:], model.graph.value_info[:]
    # Casts come first: in a graph of ONNX a node stands behind those whose values it takes.
    for tensor in initializers:
        model.graph.initializer.append(_halved(tensor, places, model.graph))
    for node in nodes:
        del node.metadata_props[:]  # where each came from, longer than all the rest
        model.graph.node.append(node)
    write_whole(path, model.SerializeToString())


def _halved(tensor: Any, places: Mapping[bytes, _Place], graph: Any) -> Any:
    """What to store of an initializer; a node that casts it to float32 comes into the graph where it needs one."""
    from onnx import TensorProto, helper, numpy_helper

    values = numpy_helper.to_array(tensor)
    # A cast for each of many small ones would cost more than it saves.
    if values.dtype != np.float32 or values.size < _LEAST_SIZE:
        return tensor
    with np.errstate(over="ignore"):  # too large for 16 bits becomes infinite, and so differs in the next line
        half = values.astype(np.float16)
    # To the bit, or not at all: the graph must compute what the float32 graph computes.
    if not np.array_equal(half.astype(np.float32), values):
        return tensor
    stored = numpy_helper.from_array(half, f"{tensor.name}.half")
    place = places.get(half.tobytes())
    if place is not None:
        stored.ClearField("raw_data")
        stored.data_location = TensorProto.EXTERNAL
        for key, value in (("location", WEIGHTS_FILE), ("offset", place.offset), ("length", place.length)):
            stored.external_data.add(key=key, value=str(value))
    graph.node.append(helper.make_node("Cast", [stored.name], [tensor.name], to=TensorProto.FLOAT))
    return stored


def _places(weights: Path) -> dict[bytes, _Place]:
    """The 16-bit tensors of a safetensors file by their bytes, and where they are: after a header and its length."""
    data = weights.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    found = {}
    for name, entry in parse_json(data[8:start].decode("utf-8"), weights, WeightsError).items():
        if name != "__metadata__" and entry["dtype"] == "F16":
            first, last = (start + offset for offset in entry["data_offsets"])
            found[data[first:last]] = _Place(first, last - first)
    return found
