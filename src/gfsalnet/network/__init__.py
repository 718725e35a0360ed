"""The paper's network, block by block. Tensors only: no files but weights, no printing, no NumPy.

The description and the folder of a model are read without PyTorch; all else needs it, and is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gfsalnet.network.config import Deconv, NetworkConfig, mobile, paper
from gfsalnet.packages import needed_by

if TYPE_CHECKING:
    from gfsalnet.network.gfsalnet import GFSalNet, Maps
    from gfsalnet.network.loss import Loss, kl_loss, nss_loss, saliency_loss

__all__ = [
    "Deconv",
    "GFSalNet",
    "Loss",
    "Maps",
    "NetworkConfig",
    "kl_loss",
    "mobile",
    "nss_loss",
    "paper",
    "saliency_loss",
]

_MODULE_OF = {
    **dict.fromkeys(("GFSalNet", "Maps"), "gfsalnet.network.gfsalnet"),
    **dict.fromkeys(("Loss", "kl_loss", "nss_loss", "saliency_loss"), "gfsalnet.network.loss"),
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'gfsalnet.network' has no attribute {name!r}")
    with needed_by(f"gfsalnet.network.{name}"):
        return getattr(importlib.import_module(_MODULE_OF[name]), name)
