"""Whether an exported file is the network that it was made from, and what it gains."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gfsalnet.backends.base import LEAST_AGREEMENT, Backend, MapArrays, Pictures, Precision, agreement
from gfsalnet.errors import GFSalNetError
from gfsalnet.network import GFSalNet

TOLERANCE = 1e-3
"""Share of a map's maximum by which a float32 export may differ from PyTorch at any pixel."""
_ROUNDS = 5


@dataclass(frozen=True)
class ExportCheck:
    """How a file compares with PyTorch, one thread each."""

    engine: str
    """What ran the file."""
    size_wh: tuple[int, int]
    """Of the frame that was timed."""
    largest_difference: float
    """At any pixel of any map, as a share of the map's maximum."""
    correlation: float
    """The lowest of any map."""
    milliseconds: float
    """A frame; the median of turns taken with PyTorch."""
    eager_milliseconds: float
    """The same for the network as it was trained, unfolded."""


def check_export(
    path: Path, engine: str, precision: Precision, network: GFSalNet, pictures: Sequence[Pictures]
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
    differences = [
        float(np.abs(a - b).max() / np.abs(b).max())
        for found, expected in pairs
        for a, b in zip(found, expected, strict=True)
        if a is not None and b is not None
    ]
    lowest = min(agreement(found, expected) for found, expected in pairs)
    if lowest < LEAST_AGREEMENT[precision] or (precision == "fp32" and max(differences) > TOLERANCE):
        problem = f"differs from PyTorch by {max(differences):.2g} of a map's maximum (correlation {lowest:.4f})"
        remedies = {"int8": "Calibrate it on more, and more varied, videos"}
        raise GFSalNetError(
            path.name, problem, remedies.get(precision, "Report this with the versions of torch and onnx")
        )
    times: dict[bool, list[float]] = {True: [], False: []}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for given in (pictures[0],) * _ROUNDS:
        for is_file in (True, False):
            began = time.perf_counter()
            _ = backend(given) if is_file else run_eagerly(network, given)
            times[is_file].append(1000 * (time.perf_counter() - began))
    torch.set_num_threads(threads)
    height, width = pictures[0][0].shape[1:3]
    medians = statistics.median(times[True]), statistics.median(times[False])
    return ExportCheck(engine, (width, height), max(differences), lowest, *medians)


def _open(path: Path, engine: str, precision: Precision) -> Backend:
    if engine == "openvino":
        from gfsalnet.backends.open_vino import OpenVINOBackend

        return OpenVINOBackend(path, precision)
    from gfsalnet.backends.onnx_runtime import ONNXRuntimeBackend

    return ONNXRuntimeBackend(path, precision)


@torch.inference_mode()
def run_eagerly(network: GFSalNet, pictures: Pictures) -> MapArrays:
    """The maps of the network as it is defined: nothing folded, PyTorch's own memory layout. For comparison."""
    images = [torch.from_numpy(picture).permute(0, 3, 1, 2).contiguous().float() / 255 for picture in pictures]
    maps = network(flow_image_B3HW=images[0]) if network.config.streams == "motion" else network(*images)
    saliency, *others = (None if values is None else values.numpy() for values in maps)
    assert saliency is not None
    return MapArrays(saliency, *others)
