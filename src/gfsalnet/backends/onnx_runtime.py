"""ONNX Runtime: fast on any CPU, small to install."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from gfsalnet.backends.base import MapArrays, Pictures, Precision


class ONNXRuntimeBackend:
    """A graph that `export_onnx` wrote, on the CPU.

    Args:
        graph: the `.onnx` file.
        precision: `int8` is what a quantised graph computes in.
        threads: of one call.
    """

    batch = 1

    def __init__(self, graph: Path, precision: Precision = "fp32", threads: int = 1) -> None:
        self.name = "onnxruntime" if precision == "fp32" else f"onnxruntime-{precision}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._inputs = [entry.name for entry in self._session.get_inputs()]
        self._outputs = [entry.name for entry in self._session.get_outputs()]

    def __call__(self, pictures: Pictures) -> MapArrays:
        """As `Backend.__call__`."""
        arrays = self._session.run(self._outputs, dict(zip(self._inputs, pictures, strict=True)))
        return MapArrays.named(self._outputs, arrays)
