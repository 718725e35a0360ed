"""The material of scenes: photographs with gaze, and the objects in them."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np

from gfsalnet.composed.cutouts import CutOut, cut_out
from gfsalnet.composed.sampling import random_scene
from gfsalnet.composed.scene import Scene, Scenery
from gfsalnet.types import RGB, Fixations

_TRIES = 4
"""Not every photograph holds an object that can be cut out."""


class Stock:
    """Photographs as scenery; objects are cut from them when first asked for. Safe to use from several threads.

    Args:
        photographs: (H, W, 3) uint8 each, best a little larger than the screen, with the fixations on it.
    """

    def __init__(self, photographs: Iterable[tuple[RGB, Fixations]]) -> None:
        self._photographs = list(photographs)
        self._objects: dict[int, CutOut | None] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._photographs)

    def size_hw(self, index: int) -> tuple[int, int]:
        """(height, width) of a photograph in pixels."""
        height, width = self._photographs[index][0].shape[:2]
        return height, width

    def scene(self, index: int, size_hw: tuple[int, int], frames: int, rng: np.random.Generator) -> Scene:
        """A random scene over a photograph.

        Args:
            index: number of the photograph.
            size_hw: of the screen, in pixels.
            frames: number of frames.
            rng: decides everything else.
        """
        rgb, fixations = self._photographs[index]
        scale_xy = rgb.shape[1] / fixations.size_wh[0], rgb.shape[0] / fixations.size_wh[1]
        points = np.stack([fixations.x * scale_xy[0], fixations.y * scale_xy[1]], 1)[fixations.inside]
        return random_scene(Scenery(rgb, points.astype(np.float32)), self._object, size_hw, frames, rng)

    def _object(self, rng: np.random.Generator) -> CutOut | None:
        # As many draws whatever is found, so that the numbers after it do not depend on what was cut before.
        for index in rng.integers(len(self), size=_TRIES):
            # One lock for all cuts: GrabCut takes tens of milliseconds once per photograph, and without the lock two
            # threads would do the same one twice. Afterwards the dictionary only grows, and is read without it.
            with self._lock:
                if index not in self._objects:
                    self._objects[int(index)] = cut_out(*self._photographs[index])
            if (found := self._objects[int(index)]) is not None:
                return found
        return None
