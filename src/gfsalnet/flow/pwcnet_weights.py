"""The weights of PWC-Net: the authors' file made into safetensors, and loaded strictly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from gfsalnet.errors import WeightsError
from gfsalnet.files import write_whole
from gfsalnet.flow.pwcnet_network import PWCNet
from gfsalnet.formats.tensors import read_torch
from gfsalnet.network.weights import compare_keys, read_state

LICENCE = "CC BY-NC-SA 4.0, (c) 2018 NVIDIA Corporation: for research, not for commercial use"
_REMEDY = "Use pwc_net.pth.tar from github.com/NVlabs/PWC-Net, folder PyTorch."


def convert_pwcnet_weights(official: Path, target: Path) -> None:
    """Make safetensors of the authors' PyTorch file; nothing in it is executed.

    Args:
        official: `pwc_net.pth.tar` as github.com/NVlabs/PWC-Net has it: a state dict, bare or under `state_dict`.
        target: the new file, with the licence in its metadata.

    Raises:
        WeightsError: if the file cannot be read, or its names or shapes are not those of PWC-Net.
        OutputError: if the new file cannot be written.
    """
    state = _read_official(official)
    _require_fit(state, official)
    contiguous = {key: value.float().contiguous() for key, value in state.items()}
    write_whole(target, save(contiguous, {"architecture": "PWC-Net", "licence": LICENCE}))


def load_pwcnet(path: Path) -> PWCNet:
    """The network with the weights of a converted file, in evaluation mode on the CPU.

    Raises:
        WeightsError: if the file is missing or damaged, or the weights are not those of PWC-Net or not finite.
    """
    state = read_state(path)
    _require_fit(state, path)
    # Numbers that overflowed would give NaN in every field, which nothing later would trace to the weights.
    if not all(bool(value.isfinite().all()) for value in state.values()):
        raise WeightsError(path, "holds values that are no numbers", "Fetch or convert it again.")
    network = PWCNet()
    network.load_state_dict(state)
    return network.eval()


def _read_official(path: Path) -> dict[str, Tensor]:
    content = read_torch(path, WeightsError, _REMEDY)
    if isinstance(content, Mapping):
        content = content.get("state_dict", content)
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(path, "holds no state dict", _REMEDY)
    return dict(content)


def _require_fit(state: Mapping[str, Tensor], path: Path) -> None:
    with torch.device("meta"):  # shapes without memory
        report = compare_keys(PWCNet().state_dict(), state)
    if not report.fits:
        raise WeightsError(path, f"these weights are not those of PWC-Net ({report})", _REMEDY)
