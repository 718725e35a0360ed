"""Whether an exported file is the network that it was made from, and what it gains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from gfsalnet.backends.base import (
    LEAST_AGREEMENT,
    Backend,
    MapArrays,
    NetworkInputs,
    Precision,
    agreement,
    max_rel_diff,
)
from gfsalnet.backends.timing import interleaved_timings
from gfsalnet.device import threads
from gfsalnet.errors import GFSalNetError
from gfsalnet.network import GFSalNet

TOLERANCE = 1e-3
"""Share of a map's maximum by which a float32 export may differ from PyTorch at any pixel."""
_ROUNDS = 5
"""Rounds of timing; the median of five is not moved by one that something else slowed."""


@dataclass(frozen=True)
class ExportCheck:
    """How a file compares with PyTorch, one thread each."""

    engine: str
    """What ran the file."""
    size_wh: tuple[int, int]
    """The size in pixels of the frame that was timed."""
    max_rel_diff: float
    """The largest difference at any pixel of any map, as a share of the map's maximum."""
    correlation: float
    """The lowest correlation of a map with PyTorch's."""
    cpu_ms: float
    """CPU ms per frame, the median of rounds interleaved with PyTorch."""
    eager_cpu_ms: float
    """The same for the network as it was trained, not folded, in PyTorch."""


def check_export(
    path: Path, engine: str, precision: Precision, network: GFSalNet, pictures: Sequence[NetworkInputs]
) -> ExportCheck:
    """Run the file and the network side by side.

    Args:
        path: what `export_onnx`, `export_openvino` or `export_int8` wrote.
        engine: `onnxruntime` or `openvino`.
        precision: `fp32` or `int8`.
        network: in evaluation mode, on the CPU.
        pictures: to compare them on, one frame each.

    Raises:
        GFSalNetError: if they differ by more than `TOLERANCE`, or an int8 file correlates less than `LEAST_AGREEMENT`.
    """
    backend = _open(path, engine, precision)
    pairs = [(backend(given), run_eagerly(network, given)) for given in pictures]
    largest = max(max_rel_diff(found, expected) for found, expected in pairs)
    lowest = min(agreement(found, expected) for found, expected in pairs)
    if lowest < LEAST_AGREEMENT[precision] or (precision == "fp32" and largest > TOLERANCE):
        problem = f"differs from PyTorch by {largest:.2g} of a map's maximum (correlation {lowest:.4f})"
        remedies = {"int8": "Calibrate it on more, and more varied, videos"}
        raise GFSalNetError(
            path.name, problem, remedies.get(precision, "Report this with the versions of torch and onnx")
        )
    first = pictures[0]
    callables = {"file": partial(backend, first), "eager": partial(run_eagerly, network, first)}
    # One thread, as docs/speed.md has it: figures of several depend on the machine's load.
    with threads(1, opencv=False):
        timings = interleaved_timings(callables, _ROUNDS)
    height, width = first[0].shape[1:3]
    return ExportCheck(engine, (width, height), largest, lowest, timings.median("file"), timings.median("eager"))


def _open(path: Path, engine: str, precision: Precision) -> Backend:
    if engine == "openvino":
        from gfsalnet.backends.open_vino import OpenVINOBackend

        return OpenVINOBackend(path, precision)
    from gfsalnet.backends.onnx_runtime import ONNXRuntimeBackend

    return ONNXRuntimeBackend(path, precision)


@torch.inference_mode()
def run_eagerly(network: GFSalNet, pictures: NetworkInputs) -> MapArrays:
    """The maps (B, 1, H, W) of the network as it is defined, for comparison: nothing folded, channels first."""
    images = [torch.from_numpy(picture).permute(0, 3, 1, 2).contiguous().float() / 255 for picture in pictures]
    maps = network(flow_image_B3HW=images[0]) if network.config.streams == "motion" else network(*images)
    saliency, *others = (None if values is None else values.numpy() for values in maps)
    assert saliency is not None
    return MapArrays(saliency, *others)
