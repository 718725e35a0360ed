"""Composed motion: moving scenes rendered from photographs with real gaze, to teach and test the motion stream."""

from gfsalnet.composed.clips import write_clips
from gfsalnet.composed.degradation import Degradation, random_degradation
from gfsalnet.composed.scene import Scene, SceneFrame, Scenery, Shares
from gfsalnet.composed.stock import Stock

__all__ = ["Degradation", "Scene", "SceneFrame", "Scenery", "Shares", "Stock", "random_degradation", "write_clips"]
