"""Composed motion: moving scenes rendered from photographs with real gaze, to teach and test the motion stream."""

from gfsalnet.composed.clips import write_clips
from gfsalnet.composed.degradation import Wear, random_wear
from gfsalnet.composed.scene import Scene, SceneFrame, Scenery, Shares
from gfsalnet.composed.stock import Stock

__all__ = ["Scene", "SceneFrame", "Scenery", "Shares", "Stock", "Wear", "random_wear", "write_clips"]
