"""Backends by name, and those that `auto` and `reference` mean."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gfsalnet.backends.base import (
    LEAST_AGREEMENT,
    Backend,
    NetworkInputs,
    Precision,
    agreement,
    input_names,
)
from gfsalnet.backends.stored import StoredNetwork
from gfsalnet.device import inference_threads
from gfsalnet.errors import GFSalNetError, RequestError, WeightsError
from gfsalnet.packages import is_installed, needed_by, require

if TYPE_CHECKING:
    from gfsalnet.backends.onnx_runtime import ONNXRuntimeBackend
    from gfsalnet.backends.open_vino import OpenVINOBackend
    from gfsalnet.network import GFSalNet

log = logging.getLogger(__name__)

AnyNetwork: TypeAlias = "GFSalNet | StoredNetwork"

AUTO, REFERENCE = "auto", "reference"
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
    network: AnyNetwork,
    device: object = "cpu",
    *,
    int8_graph: Path | None = None,
    threads: int | None = None,
    check: bool = True,
) -> Backend:
    """What runs this network.

    Args:
        name: one of `BACKENDS`; or `reference`: float32, in ONNX Runtime where there is a graph beside the weights and
            in PyTorch where there is none, whatever else is installed; or `auto`: on a GPU PyTorch in 16-bit floats, on
            a CPU the fastest that is installed and agrees with the reference on a test picture (`LEAST_AGREEMENT`), by
            the order of docs/speed.md.
        network: with its weights; copied. On disk it is run by its graph, in memory a graph is made of it.
        device: where it runs, as PyTorch names it. All but PyTorch run on the CPU.
        int8_graph: what `export_int8` wrote of it; None: the one in its folder, if there is one.
        threads: of the network on the CPU; None: what suits its weight and this machine (`inference_threads`).
        check: whether to compare its maps with those of the reference on a test picture; `auto` always does.

    Raises:
        GFSalNetError: if the name is unknown, the backend is not installed, not for this device or fails its check, or
            there is no int8 graph for one that needs it.
        WeightsError: if the graph was made from other weights.
    """
    device = str(device)
    if threads is None:
        threads = inference_threads(heavy=network.config.backbone == "resnet50")
    if name == AUTO:
        return _fastest(network, device, threads)
    if name == REFERENCE:
        name = _reference_name(network, device)
    if name not in BACKENDS:
        known = ", ".join((AUTO, REFERENCE, *BACKENDS))
        raise RequestError(f"backend {name}", "is unknown", f"Use one of: {known}")
    make = _maker(name, network, device, int8_graph, threads)
    # PyTorch in float32 and the graph in ONNX Runtime are what is compared with.
    if check and name not in ("torch", _reference_name(network, "cpu")):
        # On one that is not kept, nor what it compiles for the size of the test picture.
        found = _agreement(make(), network)
        log.info("%s: correlation with the reference %.6f", name, found)
        if found < LEAST_AGREEMENT[BACKENDS[name][1]]:
            problem = f"its maps are not those of the reference (correlation {found:.4f})"
            raise GFSalNetError(f"backend {name}", problem, "Use another backend")
    return make()


def _reference_name(network: AnyNetwork, device: str) -> str:
    return "onnxruntime" if device == "cpu" and _own_graph(network) is not None else "torch"


def _own_graph(network: AnyNetwork) -> Path | None:
    return network.graph if isinstance(network, StoredNetwork) else None


def _maker(name: str, network: AnyNetwork, device: str, int8_graph: Path | None, threads: int) -> Callable[[], Backend]:
    engine, precision = BACKENDS[name]
    if engine == "torch":
        return partial(_torch_backend, network, device, precision, threads)
    if device != "cpu":
        raise RequestError(f"backend {name}", f"does not run on {device}", "Add --device cpu, or use torch")
    require(engine, what=f"backend {name}")
    graph = _int8_graph(name, network, int8_graph) if precision == "int8" else _float_graph(name, network)
    # A graph from the cache has the hash of its weights in its name; one of the folder must say whose it is.
    stored = network if isinstance(network, StoredNetwork) and graph in (network.graph, network.int8_graph) else None
    return partial(_graph_backend, engine, precision, graph, threads, stored)


def _int8_graph(name: str, network: AnyNetwork, given: Path | None) -> Path:
    graph = given or (network.int8_graph if isinstance(network, StoredNetwork) else None)
    if graph is None or not graph.is_file():
        remedy = "Make it with `gfsalnet export onnx --int8 --calibrate VIDEO... --output FOLDER/int8.onnx`"
        raise GFSalNetError(f"backend {name}", "this model has no int8.onnx in its folder", remedy)
    return graph


def _float_graph(name: str, network: AnyNetwork) -> Path:
    own = _own_graph(network)
    if own is not None:
        return own
    require("torch", "onnx", "onnxscript", what=f"backend {name} without a graph in the model's folder")
    from gfsalnet.backends.graphs import cached_onnx

    return cached_onnx(_in_torch(network))


def _graph_backend(
    engine: str, precision: Precision, graph: Path, threads: int, stored: StoredNetwork | None
) -> Backend:
    """What runs a graph; `stored`: whose folder it lies in, None if it was made of the network just now."""
    stream = stored.picked_stream if stored is not None else None
    opened: ONNXRuntimeBackend | OpenVINOBackend
    if engine == "onnxruntime":
        from gfsalnet.backends.onnx_runtime import ONNXRuntimeBackend

        opened = ONNXRuntimeBackend(graph, precision, threads, stream)
    else:
        from gfsalnet.backends.open_vino import OpenVINOBackend

        opened = OpenVINOBackend(graph, precision, threads, stream)
    if stored is not None:
        stored.require_own(graph, opened.weights)
    return opened


def _torch_backend(network: AnyNetwork, device: str, precision: Precision, threads: int | None) -> Backend:
    with needed_by("backend torch"):
        from gfsalnet.backends.pytorch import TorchBackend

    return TorchBackend(_in_torch(network), device, precision, threads)


def _in_torch(network: AnyNetwork) -> GFSalNet:
    return network.network if isinstance(network, StoredNetwork) else network


def _fastest(network: AnyNetwork, device: str, threads: int) -> Backend:
    if device != "cpu":
        # The other engines run on the CPU alone.
        return _torch_backend(network, device, "fp16" if device.startswith("cuda") else "fp32", None)
    for name in _installed_by_speed(network):
        try:
            return make_backend(name, network, device, threads=threads)
        except WeightsError:  # a graph of other weights is a fault of the folder; another engine would only hide it
            raise
        except Exception as error:  # an exporter or engine of another version may fail in any way
            log.info("%s does not serve", name, exc_info=True)
            warnings.warn(f"{name} is installed but does not serve, going on without it: {error}", stacklevel=3)
    return make_backend(REFERENCE, network, device, threads=threads)


def _installed_by_speed(network: AnyNetwork) -> Iterator[str]:
    """What may run on this CPU besides the reference, the fastest first."""
    # Without a graph in the folder one has to be made, for which PyTorch and its exporter must be there.
    if _own_graph(network) is None and not all(map(is_installed, ("torch", "onnx", "onnxscript"))):
        return
    if is_installed("openvino"):
        from gfsalnet.backends.open_vino import computes_bf16

        yield "openvino-bf16" if computes_bf16() else "openvino"
    if is_installed("onnxruntime"):
        yield "onnxruntime"


def _agreement(backend: Backend, network: AnyNetwork) -> float:
    """The lowest correlation of a map with the same map of the reference on the CPU, for a picture of coarse noise."""
    # Noise in blocks of 8 pixels has edges and flat places, as pictures have.
    blocks = np.random.default_rng(0).integers(0, 256, (2, 1, 12, 16, 3), dtype=np.uint8)
    noise = blocks.repeat(8, axis=2).repeat(8, axis=3)
    pictures: NetworkInputs = tuple(noise[: len(input_names(network.config))])
    return agreement(backend(pictures), make_backend(REFERENCE, network)(pictures))
