"""Random scenes: which objects appear, how large, on which trajectories, before which camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.composed.camera import random_camera
from gfsalnet.composed.cutouts import CutOut
from gfsalnet.composed.scene import MovingObject, Scene, Scenery, Shares
from gfsalnet.composed.trajectories import shake, slow_or_fast, starts_and_stops, steady

_SLOWEST, _FASTEST = 0.0015, 0.03
"""Speeds of an object against the scenery, in screen widths per frame: 0.5 to 10 pixels on a screen of 320."""
_COUNTS = {0: 0.2, 1: 0.5, 2: 0.22, 3: 0.08}
"""Number of objects → its probability."""
_RESTS = 0.25
"""Share of objects that never move, so that being pasted in is no sign of moving."""
_DEFOCUSED = 0.25
"""Share of scenes with objects whose scenery is out of focus: where a picture is smooth and coded, flow estimators
invent motion."""
_BLUR = 0.006, 0.04
"""Sigma of the defocus, as a share of the scenery's width."""
_SHALLOW = Shares(at_rest=1.0, in_motion=0.9)
"""A photographer who blurs the scenery shows what is before it."""
_SIDES = 0.12, 0.45
"""Range of an object's longer side, as a share of the screen's shorter side."""


def random_scene(
    scenery: Scenery,
    pick_object: Callable[[np.random.Generator], CutOut | None],
    size_hw: tuple[int, int],
    frames: int,
    rng: np.random.Generator,
) -> Scene:
    """A scene of T frames: a fifth without objects, the others with up to three, of which a quarter rest.

    Args:
        scenery: the photograph behind.
        pick_object: gives a random object, or None where it found none.
        size_hw: size of the screen in pixels.
        frames: T, the number of frames.
        rng: decides everything.
    """
    camera = random_camera(frames, rng)
    count = rng.choice(list(_COUNTS), p=list(_COUNTS.values()))
    cutouts = [cutout for cutout in (pick_object(rng) for _ in range(count)) if cutout is not None]
    scenery_hw = (scenery.rgb.shape[0], scenery.rgb.shape[1])
    follows = bool(cutouts) and rng.random() < 0.1
    objects = tuple(_random_object(cutout, camera.centre_xy, camera.size, scenery_hw, rng) for cutout in cutouts)
    if follows:  # the camera keeps the first object where it was: then it is the scenery that moves on the screen
        course = (objects[0].centre_xy - objects[0].centre_xy.mean(0)) / scenery_hw[::-1]
        room = np.maximum(1 - camera.size, 0)[:, None] / 2
        camera = replace(camera, centre_xy=np.clip(camera.centre_xy + course, 0.5 - room, 0.5 + room))
    if objects and rng.random() < _DEFOCUSED:
        return Scene(_defocused(scenery, rng), camera, objects, size_hw, _SHALLOW)
    return Scene(scenery, camera, objects, size_hw)


def _defocused(scenery: Scenery, rng: np.random.Generator) -> Scenery:
    """Blurred, and less than half of its gaze left."""
    sigma_pixels = slow_or_fast(*_BLUR, rng) * scenery.rgb.shape[1]
    rgb = np.asarray(cv2.GaussianBlur(scenery.rgb, (0, 0), sigma_pixels), np.uint8)
    return Scenery(rgb, scenery.points_xy[rng.random(len(scenery.points_xy)) < 0.4])


def _random_object(
    cutout: CutOut,
    view_xy: NDArray[np.float64],
    view_size: NDArray[np.float64],
    scenery_hw: tuple[int, int],
    rng: np.random.Generator,
) -> MovingObject:
    """An object somewhere in the average view, on a straight or winding trajectory, or at rest.

    Args:
        cutout: the object.
        view_xy: (T, 2) centre of the camera's view, as shares of the scenery's sides.
        view_size: (T,) the view's share of the scenery's sides.
        scenery_hw: size of the scenery in pixels.
        rng: decides.
    """
    frames = len(view_size)
    width = scenery_hw[1] * view_size.mean()
    # The view is `view_size` of the scenery and fills the screen: from shares of the screen to scenery pixels.
    shown = rng.uniform(*_SIDES) * min(scenery_hw) * view_size.mean() / max(cutout.alpha.shape)
    place = (view_xy.mean(0) + rng.uniform(-0.42, 0.42, 2) * view_size.mean()) * scenery_hw[::-1]
    centre = np.tile(place, (frames, 1))
    scale, angle = np.full(frames, shown), np.zeros(frames)
    if rng.random() > _RESTS:
        # (T,) the part of its speed that it has; all that changes is multiplied by it, or it would drift at rest.
        on = starts_and_stops(frames, rng)
        speed = slow_or_fast(_SLOWEST, _FASTEST, rng)
        heading = rng.normal(0, 0.6) + rng.choice((0, np.pi))  # mostly sideways, as things on the ground go
        heading = heading + shake(frames, rng.uniform(0, 0.8), rng, 1)[:, 0]
        step = np.diff(steady(frames, speed * width, rng), prepend=0)[:, None] * on[:, None]
        course = np.cumsum(step * np.stack([np.cos(heading), np.sin(heading)], 1), axis=0)
        centre = centre + course - course[frames // 2]  # in the middle of the scene it is where it was placed
        # Sums of normal numbers: an object nears or recedes, and turns, at a random constant rate while it moves.
        scale = scale * np.exp(np.cumsum(on * rng.normal(0, 0.003)))
        angle = np.cumsum(on * rng.normal(0, 0.01)) + on * shake(frames, rng.uniform(0, 0.08), rng, 1)[:, 0]
    return MovingObject(cutout, centre, scale, angle, mirrored=bool(rng.random() < 0.5))
