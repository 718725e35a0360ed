"""The figures of the paper for any video, training curves and bars of metrics, for print."""

from gfsalnet.figures.canvas import SUFFIXES, files_for, save_figure
from gfsalnet.figures.chosen import Clip, chosen, chosen_of_dataset, predictions
from gfsalnet.figures.curves import bars_of, figure_metrics, figure_training, read_curves
from gfsalnet.figures.gating import MotionShares, figure_6, figure_8, motion_shares
from gfsalnet.figures.side_by_side import figure_7, figure_strip

__all__ = [
    "SUFFIXES",
    "Clip",
    "MotionShares",
    "bars_of",
    "chosen",
    "chosen_of_dataset",
    "figure_6",
    "figure_7",
    "figure_8",
    "figure_metrics",
    "figure_strip",
    "figure_training",
    "files_for",
    "motion_shares",
    "predictions",
    "read_curves",
    "save_figure",
]
