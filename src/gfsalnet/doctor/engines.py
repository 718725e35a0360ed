"""What can run a network on this machine, each with a short check."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gfsalnet.backends import BACKENDS, REFERENCE, Backend, make_backend
from gfsalnet.backends.base import LEAST_AGREEMENT, agreement
from gfsalnet.doctor.finding import Finding, reason
from gfsalnet.models import DEFAULT_MODEL
from gfsalnet.models.registry import stored_network
from gfsalnet.packages import EXTRA_OF, is_installed, needed_by


def backends() -> Iterator[Finding]:
    """Everything that can run the shipped model: its agreement with the reference and the time of a frame."""
    network, _ = stored_network(DEFAULT_MODEL)
    # (1, H, W, 3); what it depicts does not matter, since answers are compared with the reference's.
    noise = np.random.default_rng(0).integers(0, 256, (1, 256, 320, 3), dtype=np.uint8)
    reference = make_backend(REFERENCE, network)
    expected = reference((noise,))
    for name, (package, precision) in BACKENDS.items():
        if not is_installed(package):
            yield Finding("backends", name, f'not installed: pip install "gfsalnet[{EXTRA_OF[package]}]"')
        elif name == reference.name:
            yield Finding("backends", name, f"the reference, {_milliseconds(reference, noise):.0f} ms per frame")
        elif precision not in ("int8", "fp16"):  # which need a graph of one's own, or a GPU
            try:
                # Unchecked: that it disagrees is what is to be found, not a reason to stop.
                backend = make_backend(name, network, check=False)
                correlation = agreement(backend((noise,)), expected)
                agrees = correlation >= LEAST_AGREEMENT[precision]
                took = f"{_milliseconds(backend, noise):.0f} ms per frame"
                text = f"correlation with the reference {correlation:.5f}, {took}"
                yield Finding("backends", name, text, "fine" if agrees else "note")
            except Exception as error:  # an engine of another version may fail in any way
                yield Finding("backends", name, reason(error), "note")


def _milliseconds(backend: Backend, picture_1HW3: NDArray[np.uint8]) -> float:
    """The shortest of three times."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        backend((picture_1HW3,))
        times.append(time.perf_counter() - began)
    return 1e3 * min(times)


def devices() -> Iterator[Finding]:
    """The CPU, and what PyTorch sees besides, with a small sum on each."""
    yield Finding("devices", "cpu", "there")
    if not is_installed("torch"):
        yield Finding("devices", "GPUs", "not looked for, as PyTorch is not installed")
        return
    with needed_by("looking for GPUs"):
        import torch

    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    names += ["mps"] if torch.backends.mps.is_available() else []
    for name in names:
        what = torch.cuda.get_device_name(name) if name.startswith("cuda") else "Apple's GPU"
        try:
            # A device may be listed and still fail at the first kernel, as a GPU for which this PyTorch has no kernels.
            right = float(torch.ones(1000, device=name).sum()) == 1000
            yield Finding("devices", name, what if right else f"{what}, which cannot add", "fine" if right else "wrong")
        except RuntimeError as error:
            yield Finding("devices", name, f"{what}: {reason(error)}", "wrong")
    if not names:
        yield Finding("devices", "GPUs", f"none that PyTorch {torch.__version__} can use")
