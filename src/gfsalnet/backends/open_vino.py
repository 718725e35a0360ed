"""OpenVINO: the fastest on x86 and ARM CPUs; also in bfloat16 where the CPU computes in it."""

from __future__ import annotations

import threading
from pathlib import Path

import openvino

from gfsalnet.backends.base import WEIGHTS_KEY, MapArrays, NetworkInputs, Precision, StreamName, only_stream

# A quantised graph computes in 8 bits where it says so; the hint is for the layers that stayed in float.
_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
_MOST_SIZES = 4
"""How many picture sizes the compiled network is kept for: each takes as much memory as the network."""


def computes_bf16() -> bool:
    """Whether this CPU has instructions for bfloat16; without them it would only be slower."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVINOBackend:
    """A graph that `export_onnx` or `export_openvino` wrote, on the CPU, compiled anew for each size of pictures.

    Args:
        graph: the `.onnx` or `.xml` file.
        precision: `bf16` computes most layers in that type; `int8` wants a graph that is quantised.
        threads: of one call.
        stream: of a graph of both, this alone: it takes one picture.
    """

    batch = 1

    def __init__(
        self, graph: Path, precision: Precision = "fp32", threads: int = 1, stream: StreamName | None = None
    ) -> None:
        self.name = "openvino" if precision == "fp32" else f"openvino-{precision}"
        self._core = openvino.Core()
        # Resolved, because the weights that a graph shares are looked for beside the file and not beside a link to it.
        self._model = self._core.read_model(graph.resolve())
        self._stream = stream = stream or only_stream([output.any_name for output in self._model.outputs])
        said = ["framework", WEIGHTS_KEY]
        self.weights = self._model.get_rt_info(said).astype(str) if self._model.has_rt_info(said) else ""
        """The `weights_hash` that the graph was made from; empty if it does not say."""
        if stream is not None:
            self._model = openvino.Model([self._model.output(stream)], self._model.get_parameters())
        self._outputs = [output.any_name for output in self._model.outputs]
        # Frames come one after the other, so all threads work on one of them and none waits for a second.
        self._config = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
        }
        self._requests: dict[tuple[int, ...], openvino.InferRequest] = {}
        self._lock = threading.Lock()  # a request serves one call at a time

    def __call__(self, pictures: NetworkInputs) -> MapArrays:
        """The maps of a batch, (B, 1, H, W) float32 each, of pictures (B, H, W, 3) uint8."""
        if self._stream is not None:
            pictures = (pictures[0],) * len(self._model.inputs)  # of the other stream's only the size is looked at
        with self._lock:
            # Inputs are not copied, since they outlive the call; outputs are, or the next call would write over them.
            results = self._request(pictures[0].shape).infer(list(pictures), share_inputs=True)
            if self._stream is not None:
                return MapArrays.of_stream(self._stream, next(iter(results.values())))
            return MapArrays.named(self._outputs, list(results.values()))

    def _request(self, shape: tuple[int, ...]) -> openvino.InferRequest:
        if shape not in self._requests:
            if len(self._requests) == _MOST_SIZES:
                del self._requests[next(iter(self._requests))]  # the size that was met first
            model = self._model.clone()  # reshaping changes a model in place, and others will be made of it
            model.reshape({entry.any_name: list(shape) for entry in model.inputs})
            self._requests[shape] = self._core.compile_model(model, "CPU", self._config).create_infer_request()
        return self._requests[shape]
