"""Where viewers look in a video: gated fusion of appearance and motion.

import gfsalnet
model = gfsalnet.load_model()
for p in model.predict("clip.mp4"):
    p.frame_index, p.time_seconds, p.density

Rooms (`gfsalnet.video`, `.flow`, `.render`, …) are imported when they are first used.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from gfsalnet._version import __version__
from gfsalnet.packages import needed_by

if TYPE_CHECKING:
    from gfsalnet import (
        areas,
        backends,
        composed,
        errors,
        evaluation,
        figures,
        flow,
        gaze,
        metrics,
        models,
        network,
        predict,
        render,
        report,
        training,
        video,
    )
    from gfsalnet.evaluation import evaluate, score
    from gfsalnet.gaze import open_dataset
    from gfsalnet.models import SaliencyModel, list_models, load_model
    from gfsalnet.types import Fixations, FlowField, Frame, Prediction, Sample

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent, unless a program asks for it

__all__ = [
    "Fixations",
    "FlowField",
    "Frame",
    "Prediction",
    "SaliencyModel",
    "Sample",
    "__version__",
    "areas",
    "backends",
    "composed",
    "errors",
    "evaluate",
    "evaluation",
    "figures",
    "flow",
    "gaze",
    "list_models",
    "load_model",
    "metrics",
    "models",
    "network",
    "open_dataset",
    "predict",
    "render",
    "report",
    "score",
    "training",
    "video",
]

_ROOM_OF = {
    **dict.fromkeys(("list_models", "load_model", "SaliencyModel"), "models"),
    **dict.fromkeys(("evaluate", "score"), "evaluation"),
    "open_dataset": "gaze",
    **dict.fromkeys(("Fixations", "FlowField", "Frame", "Prediction", "Sample"), "types"),
}


def __getattr__(name: str) -> Any:
    """Import on first use: `import gfsalnet` and `gfsalnet --help` need not wait for torch."""
    if name not in __all__:
        raise AttributeError(f"module 'gfsalnet' has no attribute {name!r}")
    with needed_by(f"gfsalnet.{name}"):
        if name in _ROOM_OF:
            return getattr(importlib.import_module(f"gfsalnet.{_ROOM_OF[name]}"), name)
        return importlib.import_module(f"gfsalnet.{name}")


def __dir__() -> list[str]:
    return __all__
