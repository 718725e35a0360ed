"""What runs the network: PyTorch, ONNX Runtime or OpenVINO, behind one call; the rest does not know which."""

from __future__ import annotations

from gfsalnet.backends.base import Backend, MapArrays, NetworkInputs
from gfsalnet.backends.choice import AUTO, BACKENDS, REFERENCE, make_backend
from gfsalnet.backends.stored import StoredNetwork

__all__ = ["AUTO", "BACKENDS", "REFERENCE", "Backend", "MapArrays", "NetworkInputs", "StoredNetwork", "make_backend"]
