"""Where viewers look in a video: gated fusion of appearance and motion.

import gfsalnet
model = gfsalnet.load_model("gfsalnet-mobile")
for p in model.predict("clip.mp4"):
    p.frame_index, p.time_seconds, p.density
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gfsalnet import gaze, metrics, network
    from gfsalnet.models import SaliencyModel, load_model
    from gfsalnet.types import Fixations, FlowField, Frame, Prediction, Sample

__version__ = "0.1.0"

__all__ = [
    "Fixations",
    "FlowField",
    "Frame",
    "Prediction",
    "SaliencyModel",
    "Sample",
    "__version__",
    "gaze",
    "load_model",
    "metrics",
    "network",
]

_ROOM_OF = {
    "load_model": "models",
    "SaliencyModel": "models",
    **dict.fromkeys(("Fixations", "FlowField", "Frame", "Prediction", "Sample"), "types"),
}


def __getattr__(name: str) -> Any:
    """Import on first use: `import gfsalnet` and `gfsalnet --help` need not wait for torch."""
    if name in _ROOM_OF:
        return getattr(importlib.import_module(f"gfsalnet.{_ROOM_OF[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"gfsalnet.{name}")
    raise AttributeError(f"module 'gfsalnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
