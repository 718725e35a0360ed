"""Frames that show a video at its best, and crops of photographs.

choice.py  what is measured of frames, and which are taken
job.py     one source
"""

from __future__ import annotations

from gfsalnet.apply.thumbnail.choice import Quality, Thumbnail, best_crop, choose, measure
from gfsalnet.apply.thumbnail.job import Thumbnails, thumbnails

__all__ = ["Quality", "Thumbnail", "Thumbnails", "best_crop", "choose", "measure", "thumbnails"]
