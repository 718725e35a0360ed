"""Weights files of PyTorch: a state dict, bare or in a checkpoint, as `torch.save` or safetensors wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from gfsalnet.errors import WeightsError
from gfsalnet.formats.tensors import read_torch
from gfsalnet.network.weights import read_state

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_REMEDY = "Where the file was made, save model.state_dict() alone, and convert that."


def read_pytorch(path: Path) -> dict[str, NDArray[Any]]:
    """The state dict of a file of `torch.save`, of any of its formats; optimisers and counters beside it are left out.

    Raises:
        WeightsError: if the file is damaged, holds no state dict, or holds Python objects; those are never made.
    """
    content = read_torch(path, WeightsError, _REMEDY)
    # In turn, since a wrapper may hold another.
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(path, "holds no state dict", _REMEDY)
    return _arrays(content)


def read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a `.safetensors` file.

    Raises:
        WeightsError: if it is damaged.
    """
    return _arrays(read_state(path))


def _arrays(state: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Arrays without the `module.` that data-parallel training puts before every name; NumPy has no bfloat16."""
    return {
        str(key).removeprefix("module."): (value.float() if value.dtype == torch.bfloat16 else value).detach().numpy()
        for key, value in state.items()
    }
