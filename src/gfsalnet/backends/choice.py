"""Backends by name, and the one that `auto` means."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from gfsalnet.backends.base import LEAST_AGREEMENT, Backend, Pictures, Precision, agreement
from gfsalnet.backends.deployed import input_names
from gfsalnet.backends.export import cached_onnx, require
from gfsalnet.backends.pytorch import TorchBackend
from gfsalnet.device import inference_threads
from gfsalnet.errors import GFSalNetError
from gfsalnet.network import GFSalNet

AUTO = "auto"
BACKENDS: dict[str, tuple[str, Precision]] = {
    "torch": ("torch", "fp32"),
    "torch-bf16": ("torch", "bf16"),
    "torch-fp16": ("torch", "fp16"),
    "onnxruntime": ("onnxruntime", "fp32"),
    "onnxruntime-int8": ("onnxruntime", "int8"),
    "openvino": ("openvino", "fp32"),
    "openvino-bf16": ("openvino", "bf16"),
    "openvino-int8": ("openvino", "int8"),
}
"""Name → what runs the network, and the type it computes in."""


def make_backend(
    name: str,
    network: GFSalNet,
    device: torch.device | str = "cpu",
    *,
    int8_graph: Path | None = None,
    threads: int | None = None,
    check: bool = True,
) -> Backend:
    """What runs this network.

    Args:
        name: one of `BACKENDS`, or `auto`: on a GPU PyTorch in 16-bit floats; on a CPU the fastest that is installed
            and agrees with PyTorch on a test picture (`LEAST_AGREEMENT`), by the order of docs/speed.md.
        network: with its weights; copied.
        device: where it runs. All but PyTorch run on the CPU.
        int8_graph: what `export_int8` wrote of it; there may be none.
        threads: of the network on the CPU; None: what suits its weight and this machine (`inference_threads`).
        check: whether to compare its maps with those of PyTorch on a test picture; `auto` always does.

    Raises:
        GFSalNetError: if the name is unknown, the backend is not installed, not for this device or fails its check, or
            there is no int8 graph for one that needs it.
    """
    device = torch.device(device)
    if threads is None:
        threads = inference_threads(heavy=network.config.backbone == "resnet50")
    if name == AUTO:
        return _fastest(network, device, threads)
    if name not in BACKENDS:
        raise GFSalNetError(f"backend {name}", "is unknown", f"Use one of: {AUTO}, {', '.join(BACKENDS)}")
    make = _maker(name, network, device, int8_graph, threads)
    if check and name != "torch":
        # On one that is not kept, nor what it compiles for the size of the test picture.
        found = _agreement(make(), network)
        if found < LEAST_AGREEMENT[BACKENDS[name][1]]:
            problem = f"its maps are not those of PyTorch (correlation {found:.4f})"
            raise GFSalNetError(f"backend {name}", problem, "Use another backend")
    return make()


def _maker(
    name: str, network: GFSalNet, device: torch.device, int8_graph: Path | None, threads: int
) -> Callable[[], Backend]:
    engine, precision = BACKENDS[name]
    if engine == "torch":
        return partial(TorchBackend, network, device, precision, threads)
    if device.type != "cpu":
        raise GFSalNetError(f"backend {name}", f"does not run on {device.type}", "Add --device cpu, or use torch")
    require(engine, "onnx", "onnxscript", extra="onnx" if engine == "onnxruntime" else engine)
    graph = _int8_graph(name, int8_graph) if precision == "int8" else cached_onnx(network)
    if engine == "onnxruntime":
        from gfsalnet.backends.onnx_runtime import ONNXRuntimeBackend

        return partial(ONNXRuntimeBackend, graph, precision, threads)
    from gfsalnet.backends.open_vino import OpenVINOBackend

    return partial(OpenVINOBackend, graph, precision, threads)


def _int8_graph(name: str, graph: Path | None) -> Path:
    if graph is None or not graph.is_file():
        remedy = "Make it with `gfsalnet export onnx --int8 --calibrate VIDEO... --output FOLDER/int8.onnx`"
        raise GFSalNetError(f"backend {name}", "this model has no int8.onnx in its folder", remedy)
    return graph


def _fastest(network: GFSalNet, device: torch.device, threads: int) -> Backend:
    if device.type != "cpu":
        return TorchBackend(network, device, "fp16" if device.type == "cuda" else "fp32")
    for name in _installed_by_speed():
        try:
            return make_backend(name, network, device, threads=threads)
        except Exception as error:  # an exporter or engine of another version may fail in any way
            warnings.warn(f"{name} is installed but does not serve, going on without it: {error}", stacklevel=3)
    return TorchBackend(network, device, threads=threads)


def _installed_by_speed() -> Iterator[str]:
    """What may run on this CPU besides PyTorch, the fastest first."""
    if not all(importlib.util.find_spec(package) for package in ("onnx", "onnxscript")):
        return
    if importlib.util.find_spec("openvino"):
        from gfsalnet.backends.open_vino import computes_bf16

        yield "openvino-bf16" if computes_bf16() else "openvino"
    if importlib.util.find_spec("onnxruntime"):
        yield "onnxruntime"


def _agreement(backend: Backend, network: GFSalNet) -> float:
    """With PyTorch in float32 on the CPU, on a coarse noise."""
    blocks = np.random.default_rng(0).integers(0, 256, (2, 1, 12, 16, 3), dtype=np.uint8)
    noise = blocks.repeat(8, axis=2).repeat(8, axis=3)
    pictures: Pictures = tuple(noise[: len(input_names(network.config))])
    return agreement(backend(pictures), TorchBackend(network)(pictures))
