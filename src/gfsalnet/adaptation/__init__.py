"""A model fitted to a setup by a little gaze: a few numbers, judged on recordings that they were not fitted to.

adapted = adapt("gfsalnet-mobile", gaze.open_dataset("folder", Path("mine")), Path("models/mine"))
"""

from __future__ import annotations

from gfsalnet.adaptation.adapt import adapt
from gfsalnet.adaptation.folder import Adapted

__all__ = ["Adapted", "adapt"]
