"""The camera's share of the motion, and what is left of it: things that move against the scene.

A camera that pans, zooms or turns moves every pixel by one affine map, up to depth. Fitted robustly, the map follows
the scenery even where a third of the picture moves otherwise (random sample consensus, Fischler and Bolles 1981).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.maps import Map
from gfsalnet.types import FlowField

REFERENCE_WIDTH = 320
"""Pixels: speeds are lengths in a picture of this width."""
_STEP = 8
"""Grid step in pixels of the field: the camera is fitted to every such vector."""
_TOLERANCE = 0.5
"""Pixels of the field: how far a vector of the scenery may differ from the camera's motion."""


@dataclass(frozen=True, eq=False)
class CameraMotion:
    """What the camera did between two frames."""

    affine_23: NDArray[np.float64]
    """(2, 3): where a pixel (x, y, 1) of the field goes."""
    inlier_share: float
    """0…1: how much of the picture moves with it."""

    def flow(self, size_hw: tuple[int, int]) -> FlowField:
        """The field that the camera alone would give."""
        return FlowField(self._vectors(size_hw, step=1))

    def speed(self, size_hw: tuple[int, int]) -> float:
        """Mean length of the camera's vectors in pixels of `REFERENCE_WIDTH`, per interval of the field."""
        vectors = self._vectors(size_hw, step=_STEP)
        return float(np.hypot(vectors[..., 0], vectors[..., 1]).mean()) * REFERENCE_WIDTH / size_hw[1]

    def _vectors(self, size_hw: tuple[int, int], step: int) -> NDArray[np.float32]:
        """(h, w, 2) at every `step`-th pixel, the first of them in the middle of its square."""
        return np.asarray(cv2.transform(_places(size_hw, step), self.affine_23 - np.eye(2, 3)), np.float32)


@lru_cache(maxsize=4)
def _places(size_hw: tuple[int, int], step: int) -> NDArray[np.float32]:
    """(h, w, 2): x, y of every `step`-th pixel, the first of them in the middle of its square."""
    height, width = size_hw
    y, x = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    return np.stack((x, y), 2).astype(np.float32)


def camera_motion(field: FlowField) -> CameraMotion:
    """The affine motion that most of the picture shares; stillness where no motion is shared.

    The same field always gives the same result.
    """
    places = _places(field.size_hw, _STEP).reshape(-1, 2)
    moved = places + field.flow_pixels[_STEP // 2 :: _STEP, _STEP // 2 :: _STEP].reshape(-1, 2)
    affine: NDArray[np.float64] | None = None
    # An affine map has six numbers: three places with two coordinates each.
    if len(places) >= 3:
        # OpenCV's RANSAC draws from a generator with a fixed seed: equal fields give equal motion.
        found, agrees = cv2.estimateAffine2D(
            places,
            moved,
            method=cv2.RANSAC,
            ransacReprojThreshold=_TOLERANCE,
            maxIters=300,
            confidence=0.99,
            refineIters=0,
        )
        if found is not None:
            affine = _least_squares(places, moved, agrees.ravel() != 0)
    # Too small a field, or no consensus: the camera is taken to stand still.
    affine = np.eye(2, 3) if affine is None else affine
    # Counted anew: RANSAC's own mask is that of its best sample, before the fit to all inliers.
    near = np.hypot(*(places @ affine[:, :2].T + affine[:, 2] - moved).T) <= _TOLERANCE
    return CameraMotion(affine, float(near.mean()) if len(near) else 1.0)


def _least_squares(
    places: NDArray[np.float32], moved: NDArray[np.float32], chosen: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """The affine map that moves the chosen places best; None if they lie on a line."""
    # OpenCV's own refinement comes to the same map by iteration, in ten times the time.
    # In float64: sums of squared coordinates would lose the fractions of a pixel in float32.
    before = np.column_stack((places[chosen], np.ones(chosen.sum()))).astype(np.float64)
    try:
        affine = np.linalg.solve(before.T @ before, before.T @ moved[chosen].astype(np.float64)).T
    except np.linalg.LinAlgError:
        return None
    return affine if np.isfinite(affine).all() else None


def against_scene(field: FlowField, camera: CameraMotion) -> FlowField:
    """The field with the camera's motion taken out: what moves against the scene, in the same pixels."""
    return FlowField(field.flow_pixels - camera.flow(field.size_hw).flow_pixels)


def speed(field: FlowField) -> Map:
    """(H, W): lengths of the vectors, in pixels of `REFERENCE_WIDTH` per interval of the field."""
    # Not cv2.magnitude: its last bit depends on where in memory its arguments lie, and so on the thread.
    squares = np.square(field.flow_pixels)
    lengths = np.sqrt(squares[..., 0] + squares[..., 1])
    return np.asarray(lengths * np.float32(REFERENCE_WIDTH / field.size_hw[1]), np.float32)
