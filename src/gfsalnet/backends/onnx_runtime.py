"""ONNX Runtime: fast on any CPU, small to install."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from gfsalnet.backends.base import WEIGHTS_KEY, MapArrays, NetworkInputs, Precision, StreamName, only_stream


class ONNXRuntimeBackend:
    """A graph that `export_onnx` wrote, on the CPU.

    Args:
        graph: the `.onnx` file.
        precision: `int8` is what a quantised graph computes in.
        threads: of one call.
        stream: of a graph of both, this alone: it takes one picture, and no less time.
    """

    batch = 1

    def __init__(
        self, graph: Path, precision: Precision = "fp32", threads: int = 1, stream: StreamName | None = None
    ) -> None:
        self.name = "onnxruntime" if precision == "fp32" else f"onnxruntime-{precision}"
        options = onnxruntime.SessionOptions()
        # Within an operation; operations run one after the other, which is ONNX Runtime's default.
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors alone: what the optimiser of graphs warns of is nothing for the user
        # Resolved, because the weights that a graph shares are looked for beside the file and not beside a link to it.
        self._session = onnxruntime.InferenceSession(graph.resolve(), options, providers=["CPUExecutionProvider"])
        self._inputs = [entry.name for entry in self._session.get_inputs()]
        self._outputs = [entry.name for entry in self._session.get_outputs()]
        self._stream = stream or only_stream(self._outputs)
        self.weights = self._session.get_modelmeta().custom_metadata_map.get(WEIGHTS_KEY, "")
        """The `weights_hash` that the graph was made from; empty if it does not say."""

    def __call__(self, pictures: NetworkInputs) -> MapArrays:
        """The maps of a batch, (B, 1, H, W) float32 each, of pictures (B, H, W, 3) uint8."""
        if self._stream is not None:
            given = dict.fromkeys(self._inputs, pictures[0])  # the other stream's map is not asked for
            return MapArrays.of_stream(self._stream, self._session.run([self._stream], given)[0])
        # A session may run in several threads at once, so that there is no lock.
        arrays = self._session.run(self._outputs, dict(zip(self._inputs, pictures, strict=True)))
        return MapArrays.named(self._outputs, arrays)
