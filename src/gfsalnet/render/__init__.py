"""Pictures of predictions, statistics of them, and the sinks that write both."""

from gfsalnet.render.colours import COLORMAPS, colour_table
from gfsalnet.render.drawn import Rendering
from gfsalnet.render.gate import gate_view
from gfsalnet.render.look import Look, MapForm, display_levels, stored_values
from gfsalnet.render.outputs import SINKS, open_sinks, output_names, parse_save
from gfsalnet.render.overlay import contours, focus, overlay, side_by_side
from gfsalnet.render.save import save_prediction
from gfsalnet.render.sinks import Sink
from gfsalnet.render.statistics import (
    FrameStatistics,
    area_holding,
    centroid_xy,
    entropy_bits,
    motion_change,
    motion_kldiv,
    motion_share,
    peak_xy,
)

__all__ = [
    "COLORMAPS",
    "SINKS",
    "FrameStatistics",
    "Look",
    "MapForm",
    "Rendering",
    "Sink",
    "area_holding",
    "centroid_xy",
    "colour_table",
    "contours",
    "display_levels",
    "entropy_bits",
    "focus",
    "gate_view",
    "motion_change",
    "motion_kldiv",
    "motion_share",
    "open_sinks",
    "output_names",
    "overlay",
    "parse_save",
    "peak_xy",
    "save_prediction",
    "side_by_side",
    "stored_values",
]
