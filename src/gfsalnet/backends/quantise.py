"""int8 by static quantisation: ranges of activations are measured on real pictures, weights go by channel."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gfsalnet.backends.base import NetworkInputs, input_names
from gfsalnet.backends.graphs import cached_onnx, described, quiet
from gfsalnet.files import write_whole
from gfsalnet.network import GFSalNet
from gfsalnet.packages import require

KEPT_IN_FLOAT = {"mobilenet_v2": r"\.features\.([0-4]|14|16)\b", "resnet50": r"(?!)"}
"""Backbone → modules that stay as they are. These blocks of MobileNetV2 cost most of the accuracy and little of the
time: the kernels of the first differ most between channels, and the last two lead straight into the decoder."""
_QUANTISED = ("Conv", "ConvTranspose", "Gemm", "Add", "Concat", "MaxPool")
_SCOPES = "pkg.torch.onnx.name_scopes"
"""The metadata key under which torch.onnx notes the modules that a node comes from."""


def export_int8(
    network: GFSalNet, pictures: Iterable[NetworkInputs], path: Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write the network as ONNX with 8-bit weights and activations, which ONNX Runtime and OpenVINO both run.

    Args:
        network: with its weights.
        pictures: what its streams see of the videos that it will be used on, some dozens; of any sizes.
        path: of the `.onnx` file.
        metadata: as for `export_onnx`.

    Raises:
        GFSalNetError: if the packages for it are not installed.
        OutputError: if the file cannot be written.
        ValueError: if there are no pictures.
    """
    require("onnx", "onnxscript", what="8 bits")
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    graph = cached_onnx(network)
    kept = re.compile(KEPT_IN_FLOAT[network.config.backbone])
    with tempfile.TemporaryDirectory() as folder, quiet():
        shaped, quantised = Path(folder, "shaped.onnx"), Path(folder, "int8.onnx")
        # Shapes alone: what stays in float is found by what the exporter noted at its own nodes.
        quant_pre_process(graph, shaped, skip_optimization=True, skip_symbolic_shape=True)
        quantization.quantize_static(
            shaped,
            quantised,
            _reader(input_names(network.config), pictures),
            # Nodes that quantise and dequantise around each operation, which OpenVINO reads as well.
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=list(_QUANTISED),
            nodes_to_exclude=[node.name for node in onnx.load(shaped).graph.node if _stays(_scopes(node), kept)],
        )
        write_whole(path, described(onnx.load(quantised), metadata or {}).SerializeToString())


def _stays(scopes: str, kept: re.Pattern[str]) -> bool:
    """Whether a node of these modules stays in float: what fuses the streams does, or faint places would become 0."""
    return ("network.appearance" not in scopes and "network.motion" not in scopes) or kept.search(scopes) is not None


def _scopes(node: Any) -> str:
    return next((entry.value for entry in node.metadata_props if entry.key == _SCOPES), "")


def _reader(inputs: list[str], pictures: Iterable[NetworkInputs]) -> Any:
    """What ONNX Runtime asks for pictures."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # its package has no types
        def __init__(self) -> None:
            self._batches = iter(pictures)

        def get_next(self) -> dict[str, Any] | None:
            batch = next(self._batches, None)
            return None if batch is None else dict(zip(inputs, batch, strict=True))

    return Reader()
