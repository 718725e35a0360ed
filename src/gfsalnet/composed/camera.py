"""A virtual camera over a photograph: where each of its pixels appears on the screen, frame by frame.

Everything in the picture moves together, however the camera moves: this motion as such should draw no looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gfsalnet.composed.trajectories import shake, slow_or_fast, steady

Matrices = NDArray[np.float64]
"""(T, 3, 3): homographies."""

_KINDS = {"still": 0.35, "pan": 0.2, "zoom": 0.1, "hand": 0.15, "pan by hand": 0.1, "drive": 0.1}
_SLOWEST, _FASTEST = 0.0008, 0.02
"""Speeds of a pan, in screen widths per frame."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera over T frames: the rectangle of the scenery that it shows moves, grows, turns and tilts."""

    centre_xy: NDArray[np.float64]
    """(T, 2): the centre of the view, as shares of the scenery's width and height."""
    size: NDArray[np.float64]
    """(T,): the view's share of the scenery's sides."""
    roll: NDArray[np.float64]
    """(T,): rotation about the optical axis, in radians."""
    tilt: NDArray[np.float64]
    """(T,): how much larger the lower edge of the view appears than its middle, as a share; 0 is a frontal plane."""

    def screen_from_scenery(self, scenery_hw: tuple[int, int], screen_hw: tuple[int, int]) -> Matrices:
        """(T, 3, 3) homographies from pixels of the scenery to pixels of the screen, both sizes (height, width)."""
        height, width = screen_hw
        frames = len(self.size)
        move = _identities(frames)
        move[:, :2, 2] = -self.centre_xy * scenery_hw[::-1]
        turn = _identities(frames)
        turn[:, 0, 0] = turn[:, 1, 1] = np.cos(self.roll)
        turn[:, 1, 0] = np.sin(self.roll)
        turn[:, 0, 1] = -turn[:, 1, 0]
        grow = _identities(frames)
        grow[:, 0, 0] = width / (scenery_hw[1] * self.size)
        grow[:, 1, 1] = height / (scenery_hw[0] * self.size)
        lean = _identities(frames)
        lean[:, 2, 1] = -self.tilt / height  # the plane comes nearer downwards, like the ground
        place = _identities(frames)
        place[:, :2, 2] = width / 2, height / 2
        # Read from right to left: the centre of the view goes to the origin, is turned, scaled to screen pixels and
        # tilted there, and the origin goes to the middle of the screen.
        return np.asarray(place @ lean @ grow @ turn @ move)


def _identities(count: int) -> Matrices:
    return np.tile(np.eye(3), (count, 1, 1))


def random_camera(frames: int, rng: np.random.Generator) -> Camera:
    """A camera that stands still, pans, zooms, is held by hand, or drives over a plane; it stays inside the scenery
    as far as its motion allows."""
    kind = rng.choice(list(_KINDS), p=list(_KINDS.values()))
    size = np.full(frames, rng.uniform(0.7, 0.95))
    offset_xy = np.zeros((frames, 2))
    roll, tilt = np.zeros(frames), np.zeros(frames)
    if "pan" in kind:
        angle = rng.uniform(0, 2 * np.pi)
        speed = slow_or_fast(_SLOWEST, _FASTEST, rng)
        # Speeds are in screen widths, offsets in shares of the scenery: a close view moves less of it.
        offset_xy += steady(frames, speed, rng)[:, None] * [np.cos(angle), np.sin(angle)] * size[:, None]
    if "hand" in kind:
        offset_xy += shake(frames, rng.uniform(0.001, 0.01), rng, 2)
        roll = shake(frames, rng.uniform(0, 0.01), rng, 1)[:, 0]
    if kind in ("zoom", "drive"):
        growth = slow_or_fast(0.001, 0.012, rng) * rng.choice((-1, 1))
        # Around the middle frame, so that zooming in and out are alike; exponential, which looks steady.
        size = size * np.exp(growth * (np.arange(frames) - frames / 2))
        size = np.clip(size, 0.45, 0.98)
    if kind == "drive":
        tilt = np.full(frames, rng.uniform(0.2, 0.7))
        offset_xy += shake(frames, 0.002, rng, 2)
    # The view may move by `room` to every side of the middle before it would leave the scenery.
    room = np.maximum(1 - size, 0)[:, None] / 2
    # The least room of all frames: a zoom would otherwise begin outside.
    start = 0.5 + rng.uniform(-1, 1, 2) * room.min()
    middle = offset_xy - offset_xy.mean(0)
    return Camera(np.clip(start + middle, 0.5 - room, 0.5 + room), size, roll, tilt)
