"""Pictures of predictions, statistics of them, and the sinks that write both."""

from gfsalnet.render.gate import gate_view
from gfsalnet.render.outputs import SINKS, open_sinks, output_names, parse_save
from gfsalnet.render.overlay import focus, overlay
from gfsalnet.render.save import save_prediction
from gfsalnet.render.sinks import Sink
from gfsalnet.render.statistics import FrameStatistics, area_holding, entropy_bits, motion_share, peak_xy

__all__ = [
    "SINKS",
    "FrameStatistics",
    "Sink",
    "area_holding",
    "entropy_bits",
    "focus",
    "gate_view",
    "motion_share",
    "open_sinks",
    "output_names",
    "overlay",
    "parse_save",
    "peak_xy",
    "save_prediction",
]
