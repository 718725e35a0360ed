"""Videos and pictures in another aspect: a crop that follows the looks.

aspect.py        aspects, and the largest crop of one
shots.py         the first reading: looks along one axis, shot by shot
path.py          the cheapest path, and the curve through it
plan.py          what is shown of a shot: still, moving or whole
views.py         the pictures
ffmpeg_files.py  the same for FFmpeg
job.py           one source
"""

from __future__ import annotations

from gfsalnet.apply.reframe.aspect import Aspect, Crop, largest_crop
from gfsalnet.apply.reframe.job import Reframed, ReframeSettings, reframe
from gfsalnet.apply.reframe.path import PathSettings
from gfsalnet.apply.reframe.plan import PlanSettings, ShotView, plan_shot
from gfsalnet.apply.reframe.shots import Shot, read_shots

__all__ = [
    "Aspect",
    "Crop",
    "PathSettings",
    "PlanSettings",
    "ReframeSettings",
    "Reframed",
    "Shot",
    "ShotView",
    "largest_crop",
    "plan_shot",
    "read_shots",
    "reframe",
]
