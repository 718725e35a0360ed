"""Gaze data: readers that yield `Sample`s, fixations ↔ maps, and transforms that move pictures and gaze together."""

from __future__ import annotations

from gfsalnet.gaze.check import SplitCheck, check_dataset
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset, Recording, SplitSize
from gfsalnet.gaze.maps import blurred, density_map, fixation_counts, fixation_map, gaze_density, pixels_per_degree
from gfsalnet.gaze.registry import DATASETS, dataset_class, open_dataset
from gfsalnet.gaze.transforms import View

__all__ = [
    "DATASETS",
    "FrameGaze",
    "GazeDataset",
    "Recording",
    "SplitCheck",
    "SplitSize",
    "View",
    "blurred",
    "check_dataset",
    "dataset_class",
    "density_map",
    "fixation_counts",
    "fixation_map",
    "gaze_density",
    "open_dataset",
    "pixels_per_degree",
]
