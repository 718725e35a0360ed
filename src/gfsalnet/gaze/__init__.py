"""Gaze data: readers that yield `Sample`s, fixations ↔ maps, and transforms that move pictures and gaze together."""

from gfsalnet.gaze.folder import GazeFolder
from gfsalnet.gaze.maps import density_map, fixation_counts, fixation_map
from gfsalnet.gaze.transforms import View

__all__ = ["GazeFolder", "View", "density_map", "fixation_counts", "fixation_map"]
