"""Where tensors live: the one place that knows of GPUs."""

from __future__ import annotations

import os

import torch

from gfsalnet.errors import GFSalNetError


def resolve_device(name: str) -> torch.device:
    """`auto` is the GPU where there is one, else the CPU.

    Raises:
        GFSalNetError: if the name is no device, or the device is not here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch raises either for a device that is not here
        reason = str(error).splitlines()[0]
        raise GFSalNetError(
            f"device {name}", f"cannot be used ({reason})", "Use cpu, cuda, cuda:N, mps or auto."
        ) from error
    return device


def inference_threads(heavy: bool) -> int:
    """How many threads run a network on the CPU.

    A light one leaves a core for decoding, flow, drawing and encoding, which take about as long: a pool that has to
    wait for a core at every layer gets slower, not faster. A heavy one is what all the others wait for.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if heavy else max(1, cores - 1)
