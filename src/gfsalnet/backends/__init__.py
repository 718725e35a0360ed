"""What runs the network: PyTorch, ONNX Runtime or OpenVINO, behind one call; the rest does not know which."""

from __future__ import annotations

from gfsalnet.backends.base import Backend, MapArrays, Pictures
from gfsalnet.backends.choice import AUTO, BACKENDS, make_backend
from gfsalnet.backends.pytorch import TorchBackend

__all__ = ["AUTO", "BACKENDS", "Backend", "MapArrays", "Pictures", "TorchBackend", "make_backend"]
