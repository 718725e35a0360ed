"""Areas of interest: regions of a video by name, and how they move.

area.py         `Area`: keyframes, where its corners are at a time
reading.py      the file of areas, JSON or CSV (docs/areas.md)
fitting.py      whether areas fit a video: inside its frame, before its end
shapes.py       polygons: which points they hold, how much of each cell of a map they cover
"""

from __future__ import annotations

from gfsalnet.areas.area import Area, Keyframe
from gfsalnet.areas.fitting import check_fit
from gfsalnet.areas.reading import read_areas
from gfsalnet.areas.shapes import Coverage, coverage, holds

__all__ = ["Area", "Coverage", "Keyframe", "check_fit", "coverage", "holds", "read_areas"]
