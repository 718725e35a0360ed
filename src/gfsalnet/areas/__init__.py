"""Areas of interest: regions of a video by name, and how they move.

area.py         `Area`: keyframes, where its corners are at a time
reading.py      the file of areas, JSON or CSV (docs/areas.md)
fitting.py      whether areas fit a video: inside its frame, before its end
shapes.py       polygons: which points they hold, how much of each cell of a map they cover
following.py    areas that move with the optical flow; template.py keeps them from drifting
paths.py        where an area is at any time
prediction.py   what a prediction says about areas
gaze.py         samples and fixations of viewers; people.py what they did with areas; over_viewers.py means of that
job.py          one video, frame by frame; run.py all results of it in a folder
tables.py       CSV and Parquet; drawing.py, plots.py
"""

from __future__ import annotations

from gfsalnet.areas.area import Area, Keyframe
from gfsalnet.areas.fitting import check_fit, never_shown
from gfsalnet.areas.following import Follower, Place
from gfsalnet.areas.job import AreaSettings
from gfsalnet.areas.prediction import Level
from gfsalnet.areas.reading import read_areas
from gfsalnet.areas.run import AreaResult, measure_areas
from gfsalnet.areas.shapes import Coverage, coverage, holds

__all__ = [
    "Area",
    "AreaResult",
    "AreaSettings",
    "Coverage",
    "Follower",
    "Keyframe",
    "Level",
    "Place",
    "check_fit",
    "coverage",
    "holds",
    "measure_areas",
    "never_shown",
    "read_areas",
]
