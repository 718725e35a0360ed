"""Moving scenes made of photographs: scenery under a virtual camera, objects that move over it, and where people look.

Gaze is real where it can be: every fixation stays on the thing it fell on, and things move. What is assumed, not
measured, is how looks are shared between the things (see `Shares`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.composed.camera import Camera, Matrices
from gfsalnet.composed.cutouts import CutOut
from gfsalnet.gaze import blurred, gaze_density
from gfsalnet.maps import Map
from gfsalnet.types import RGB, Fixations

_MOVES = 0.05
"""An object counts as moving from this share of motion-drawn looks."""
_HIDES = 0.5
"""An object hides the fixations behind it from this alpha."""


@dataclass(frozen=True, eq=False)
class Scenery:
    """A photograph and its fixations."""

    rgb: RGB
    """(H, W, 3)."""
    points_xy: NDArray[np.float32]
    """(N, 2) fixations in pixels of `rgb`."""


@dataclass(frozen=True, eq=False)
class MovingObject:
    """An object on a trajectory over the scenery; it may also rest."""

    cutout: CutOut
    centre_xy: NDArray[np.float64]
    """(T, 2): its centre, in pixels of the scenery."""
    scale: NDArray[np.float64]
    """(T,): side of a pixel of the cut-out, in pixels of the scenery."""
    angle: NDArray[np.float64]
    """(T,): its rotation, in radians."""
    mirrored: bool = False

    def scenery_from_cutout(self) -> Matrices:
        """(T, 3, 3) homographies from pixels of the cut-out to pixels of the scenery."""
        height, width = self.cutout.alpha.shape
        cos, sin = self.scale * np.cos(self.angle), self.scale * np.sin(self.angle)
        matrices = np.zeros((len(self.scale), 3, 3))
        flip = -1 if self.mirrored else 1
        matrices[:, 0, 0], matrices[:, 0, 1] = cos * flip, -sin
        matrices[:, 1, 0], matrices[:, 1, 1] = sin * flip, cos
        # The middle of the cut-out comes to `centre_xy`, however it is turned.
        matrices[:, :2, 2] = self.centre_xy - matrices[:, :2, :2] @ [width / 2, height / 2]
        matrices[:, 2, 2] = 1
        return matrices


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How looks are shared between the things in a scene: the assumption in this data.

    An object at rest draws the share of looks that it drew in its own photograph, times `at_rest`. Moving against the
    scenery at v screen widths per frame adds a share of `in_motion` (1 - exp(-v / half_speed · ln 2)) of all looks: the
    faster, the more, and no more beyond some speed, the form of the speed prior of Stocker and Simoncelli (2006) as
    saliency models use it (Wang and Li 2007). How the camera moves changes nothing.
    """

    at_rest: float = 0.5
    in_motion: float = 0.8
    half_speed: float = 0.004

    def of_motion(self, speed: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of looks that motion draws, 0…`in_motion`, for speeds in screen widths per frame; same shape."""
        return np.asarray(self.in_motion * -np.expm1(-np.log(2) * speed / self.half_speed))


@dataclass(frozen=True, eq=False)
class SceneFrame:
    """One frame of a scene, before it is degraded."""

    rgb: RGB
    """(h, w, 3)."""
    points_xy: NDArray[np.float32]
    """(N, 2): the fixations in view and not hidden, x and y in pixels of the screen."""
    weights: NDArray[np.float64]
    """(N,): share of the looks at each fixation; sums to 1 unless N is 0."""
    still_weights: NDArray[np.float64]
    """(N,): what `weights` would be if nothing moved."""
    masks: NDArray[np.bool_]
    """(M, h, w): where each object is seen."""
    speeds: NDArray[np.float64]
    """(M,) of the objects against the scenery, screen widths per frame."""
    drawn_by_motion: NDArray[np.float64]
    """(M,) 0…1: of the looks at an object, the share that its motion draws."""

    def motion_share(self) -> Map:
        """(h, w), 0…1: how far looks at a place are drawn by its motion, what a gate should say; NaN where unknown.

        It is known on objects, and everywhere in a frame in which no object moves. How much less the scenery is looked
        at while something moves before it is a matter of the whole frame, and is left to the gate.
        """
        moves = self.drawn_by_motion.max(initial=0) > _MOVES
        share = np.full(self.rgb.shape[:2], np.nan if moves else 0, np.float32)
        for mask, drawn in zip(self.masks, self.drawn_by_motion, strict=True):
            share[mask] = drawn
        return share

    def density(self, sigma_pixels: float, *, still: bool = False) -> Map:
        """(h, w) where viewers look, sums to 1; all zero where nothing with gaze is in view.

        Args:
            sigma_pixels: of the Gaussian, in pixels of the screen.
            still: as if nothing moved.
        """
        mass = np.zeros(self.rgb.shape[:2], np.float32)
        column, row = np.floor(self.points_xy).astype(np.int64).T
        np.add.at(mass, (row, column), (self.still_weights if still else self.weights).astype(np.float32))
        return gaze_density(blurred(mass, (sigma_pixels, sigma_pixels)))

    def viewers(self, count: int, rng: np.random.Generator, *, still: bool = False) -> Fixations:
        """One fixation per viewer, drawn from the real ones by their share of looks; none where none is in view."""
        weights = self.still_weights if still else self.weights
        chosen = rng.choice(len(weights), count, p=weights / weights.sum()) if weights.any() else np.zeros(0, np.intp)
        x, y = self.points_xy[chosen].T
        size_wh = (self.rgb.shape[1], self.rgb.shape[0])
        return Fixations(x=x, y=y, size_wh=size_wh, subject=np.arange(len(chosen), dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Scene:
    """Scenery, a camera and objects over T frames."""

    scenery: Scenery
    camera: Camera
    objects: tuple[MovingObject, ...]
    size_hw: tuple[int, int]
    """Size of the screen in pixels."""
    shares: Shares = Shares()

    def __len__(self) -> int:
        return len(self.camera.size)

    @cached_property
    def _screen_from_scenery(self) -> Matrices:
        scenery_hw = (self.scenery.rgb.shape[0], self.scenery.rgb.shape[1])
        return self.camera.screen_from_scenery(scenery_hw, self.size_hw)

    @cached_property
    def speeds(self) -> NDArray[np.float64]:
        """(M, T) of the objects against the scenery, in screen widths per frame; the first frame's is the second's."""
        # (T,) of the screen in scenery pixels. The camera is not in the speeds: it moves everything alike.
        widths = self.scenery.rgb.shape[1] * self.camera.size
        steps = [np.linalg.norm(np.diff(obj.centre_xy, axis=0), axis=1) for obj in self.objects]
        return np.array([np.concatenate([step[:1], step]) / widths for step in steps]).reshape(-1, len(self))

    def render(self, time: int) -> SceneFrame:
        """The frame with the number `time`, 0 … T - 1."""
        height, width = self.size_hw
        to_screen = self._screen_from_scenery[time]
        # The camera may see a little beyond the photograph; mirrored it has texture there, and no edge that moves.
        border = cv2.BORDER_REFLECT_101
        rgb = cv2.warpPerspective(self.scenery.rgb, to_screen, (width, height), borderMode=border).astype(np.float32)
        things = [_seen(self.scenery.points_xy, to_screen)]
        masks: list[NDArray[np.bool_]] = []
        for obj in self.objects:
            matrix = to_screen @ obj.scenery_from_cutout()[time]
            alpha = cv2.warpPerspective(obj.cutout.alpha, matrix, (width, height))
            colour = cv2.warpPerspective(obj.cutout.rgb, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
            # Painted in float32 and rounded once: up to three soft edges lie over each other.
            rgb += (colour - rgb) * alpha[..., None]
            hidden = alpha > _HIDES
            # The newest object lies on top: it hides the fixations and the masks of everything drawn before it.
            things = [points[~_on(points, hidden)] for points in things]
            masks = [mask & ~hidden for mask in masks]
            things.append(_in_view(_seen(obj.cutout.points_xy, matrix), self.size_hw))
            masks.append(hidden)
        things[0] = _in_view(things[0], self.size_hw)
        still, kept, gained = self._shares_of(things, time)
        return SceneFrame(
            rgb=np.asarray(np.rint(rgb), np.uint8),
            points_xy=np.concatenate(things),
            weights=_spread(things, kept + gained),
            still_weights=_spread(things, still),
            masks=np.array(masks).reshape(-1, height, width),
            speeds=self.speeds[:, time],
            drawn_by_motion=gained[1:] / np.maximum(kept + gained, 1e-9)[1:],
        )

    def _shares_of(self, things: list[NDArray[np.float32]], time: int) -> tuple[NDArray[np.float64], ...]:
        """(1 + M,) each, for scenery and objects: shares of looks at rest, what is left of them, what motion adds."""
        seen = np.array([len(points) > 0 for points in things])
        at_rest = self.shares.at_rest * np.array([obj.cutout.gaze_share for obj in self.objects])
        still = _completed(np.where(seen[1:], at_rest, 0), seen[0])
        drawn = np.where(seen[1:], self.shares.of_motion(self.speeds[:, time]), 0)
        # Several objects share the looks that motion draws; the fastest alone decides how many there are.
        gained = drawn / max(drawn.sum(), 1e-9) * drawn.max(initial=0)
        return still, still * (1 - gained.sum()), np.concatenate([[0], gained])


def _seen(points_xy: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """(N, 2): the points after a homography (3, 3)."""
    if not len(points_xy):
        return points_xy  # OpenCV refuses none
    return np.asarray(cv2.perspectiveTransform(points_xy[None].astype(np.float64), matrix)[0], np.float32)


def _in_view(points_xy: NDArray[np.float32], size_hw: tuple[int, int]) -> NDArray[np.float32]:
    """(K, 2): those of the N points that are on the screen."""
    inside = ((points_xy >= 0) & (points_xy < [size_hw[1], size_hw[0]])).all(1)
    return points_xy[inside]


def _on(points_xy: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) whether a point lies on the mask; points out of view do not."""
    height, width = mask.shape
    column, row = np.floor(points_xy).astype(np.int64).T
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return np.asarray(mask[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)] & inside)


def _completed(objects: NDArray[np.float64], scenery_is_seen: np.bool_) -> NDArray[np.float64]:
    """(1 + M,) shares that sum to 1: the scenery gets what the M objects leave, if it has gaze in view."""
    # Shares come from photographs of their own, and may add up to more than all; the scenery keeps some.
    left = max(1 - objects.sum(), 0.2) if scenery_is_seen else 0.0
    shares = np.concatenate([[left], objects])
    return np.asarray(shares / max(shares.sum(), 1e-9))


def _spread(things: list[NDArray[np.float32]], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,): the share of each thing, spread evenly over its fixations."""
    return np.concatenate([np.full(len(p), share / max(len(p), 1)) for p, share in zip(things, shares, strict=True)])
