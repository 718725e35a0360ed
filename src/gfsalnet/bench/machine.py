"""The machine: what it is, and how fast it multiplies matrices at best."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable

import numpy as np
import torch

from gfsalnet.device import cores, processor

PACKAGES = ("torch", "numpy", "onnxruntime", "openvino", "opencv-python-headless", "av")
_SIDE = 1536


def describe_machine() -> dict[str, object]:
    """Processor, cores that this process may use, system, and the versions of what computes, as JSON values."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "processor": processor(),
        # Those that this process may use: of a container or a batch job fewer than the machine has.
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def gemms() -> dict[str, Callable[[], object]]:
    """A float32 product of two square matrices in PyTorch and in OpenVINO if it is installed, on one thread.

    The fastest of them is the peak that networks are measured against. NumPy is left out: its threads go on spinning
    after a product, on the account of whoever has the next turn.
    """
    # Large enough that the product is bound by arithmetic, small enough for a round of some hundredths of a second.
    a, b = np.random.default_rng(0).random((2, _SIDE, _SIDE), dtype=np.float32)
    torch_a, torch_b = torch.from_numpy(a), torch.from_numpy(b)
    found: dict[str, Callable[[], object]] = {"gemm torch": lambda: torch_a @ torch_b}
    try:
        import openvino
        from openvino import opset13
    except ImportError:
        return found
    given = opset13.parameter([_SIDE, _SIDE], np.float32)
    model = openvino.Model([opset13.matmul(given, opset13.constant(b), False, False)], [given])
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    return {**found, "gemm openvino": lambda: request.infer([a], share_inputs=True, share_outputs=True)}


def gemm_gflops_per_second(cpu_ms: float) -> float:
    """10⁹ operations per second of one core, from the CPU ms of one product."""
    # A multiplication and an addition for each of side³; 10⁶ is 10⁹ over the 10³ ms of a second.
    return 2 * _SIDE**3 / cpu_ms / 1e6
