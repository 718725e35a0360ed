"""Gaze data: readers that yield `Sample`s, fixations ↔ maps, and transforms that move pictures and gaze together.

    datasets/       one reader per dataset, and the registry of their names
    dataset.py      what every reader offers: `GazeDataset`, `Recording`, `FrameGaze`
    maps.py         fixations → counts → fixation map → density
    transforms.py   crops and mirrors that move pictures, fixations, densities and flow together
    check.py        what `dataset check` says; quality.py counts what makes the units of gaze doubtful

What the readers share:

    video_files.py  frames of videos and pictures, and when each is shown
    disk.py         stored maps as fixations or densities, rows of a table by frame
    names.py        names that mean one file although they are written differently
    numbers.py      frame numbers in file names
    mat.py          MATLAB files
    table.py        one table of fixations, CSV and Parquet through columns.py, or NPZ
    exports.py      files of eye trackers, told by what their programs write first
"""

from __future__ import annotations

from gfsalnet.gaze.check import SplitCheck, check_dataset
from gfsalnet.gaze.dataset import FrameGaze, GazeDataset, Recording, SplitSize
from gfsalnet.gaze.datasets.registry import DATASETS, dataset_class, open_dataset
from gfsalnet.gaze.maps import blurred, density_map, fixation_counts, fixation_map, gaze_density, pixels_per_degree
from gfsalnet.gaze.sharding import write_shards
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
    "write_shards",
]
