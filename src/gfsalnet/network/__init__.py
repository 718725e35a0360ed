"""The paper's network, block by block. Tensors only: no files but weights, no printing, no NumPy."""

from gfsalnet.network.config import Deconv, NetworkConfig, mobile, paper
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
