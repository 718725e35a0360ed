"""PyTorch: the reference, always there, and what runs on a GPU."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor

from gfsalnet.backends.base import MapArrays, NetworkInputs, Precision
from gfsalnet.backends.inference_module import InferenceModule
from gfsalnet.device import threads as limited_threads
from gfsalnet.network import GFSalNet

GPU_BATCH = 8
"""Frames: enough to fill a GPU, few enough for a network of the paper's size at 640x480."""


class TorchBackend:
    """The folded network in PyTorch, channels last.

    Args:
        network: with its weights; copied.
        device: where it runs; on a GPU of NVIDIA's in batches, from pinned memory.
        precision: `fp16` and `bf16` run convolutions in that type (autocast); maps are float32 all the same.
        threads: of a call on the CPU; None leaves torch as it is set.
    """

    def __init__(
        self,
        network: GFSalNet,
        device: torch.device | str = "cpu",
        precision: Precision = "fp32",
        threads: int | None = None,
    ) -> None:
        self._device, self._precision, self._threads = torch.device(device), precision, threads
        self.name = "torch" if precision == "fp32" else f"torch-{precision}"
        self.batch = GPU_BATCH if self._device.type == "cuda" else 1
        self._module = InferenceModule(network).to(device=self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # documented, not in the stub

    @torch.inference_mode()
    def __call__(self, pictures: NetworkInputs) -> MapArrays:
        """The maps of a batch, (B, 1, H, W) float32 each, of pictures (B, H, W, 3) uint8."""
        dtype = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(self._precision)
        # The setting is the process's: it is lent for the call and given back, whoever else computes in between.
        lent = nullcontext() if self._threads is None else limited_threads(self._threads, opencv=False)
        with lent, torch.autocast(self._device.type, dtype, enabled=dtype is not None):
            maps = self._module(*(self._on_device(torch.from_numpy(np.ascontiguousarray(p))) for p in pictures))
        # `cpu` waits for the GPU: until then the calls above have only been queued.
        return MapArrays.named(self._module.outputs, [m.float().cpu().numpy() for m in maps])

    def _on_device(self, picture: Tensor) -> Tensor:
        if self._device.type != "cuda":
            return picture.to(self._device)
        # From pinned memory the copy need not wait for the work that the GPU still has in hand.
        return picture.pin_memory().to(self._device, non_blocking=True)
