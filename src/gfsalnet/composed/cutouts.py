"""Objects cut from photographs: what viewers looked at most, with its outline and the gaze on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze import density_map
from gfsalnet.maps import Map
from gfsalnet.types import RGB, Fixations

_WORK_WIDTH = 192
"""Width in pixels at which the outline is found, which is quick; it is made smooth afterwards."""
_SIGMA = 0.04
"""Sigma of the density that tells where the object is, as a share of the width."""
_SURE, _LIKELY = 0.6, 0.25
"""Shares of the peak's density from which on a pixel surely or likely belongs to the object."""
_ROUNDS = 4
"""Iterations of GrabCut; more change little."""
_AREA = (0.01, 0.2)
"""Least and largest share of the photograph that an object covers: less has no form, more is scenery."""
_FEWEST = 5
"""Fixations that an object needs: fewer do not tell where on it people look."""


@dataclass(frozen=True, eq=False)
class CutOut:
    """An object with its outline, and the gaze that moves with it."""

    rgb: RGB
    """(h, w, 3): the object's bounding box."""
    alpha: Map
    """(h, w), 0…1: 1 inside the object, softly 0 outside."""
    points_xy: NDArray[np.float32]
    """(N, 2): fixations on the object, in pixels of the bounding box."""
    gaze_share: float
    """The share of all fixations on its photograph that fell on it, 0…1."""


def cut_out(rgb: RGB, fixations: Fixations) -> CutOut | None:
    """The object at the peak of a photograph's gaze, or None where no outline of a fit size is found.

    Pixels around the peak are taken as the object, pixels far from it as scenery, and GrabCut (Rother, Kolmogorov,
    Blake 2004) finds the outline between them by colour and edges.

    Args:
        rgb: (h, w, 3).
        fixations: on that photograph, in pixels of their own `size_wh`, which may differ from (w, h).
    """
    height, width = rgb.shape[:2]
    work_hw = (max(round(height * _WORK_WIDTH / width), 16), _WORK_WIDTH)
    # Gaze says where the object is, colours say where it ends.
    density = density_map(fixations, work_hw, _SIGMA * work_hw[1])
    if not density.any():
        return None
    mask = _outline(np.asarray(cv2.resize(rgb, work_hw[::-1], interpolation=cv2.INTER_AREA), np.uint8), density)
    if not _AREA[0] <= mask.mean() <= _AREA[1]:
        return None
    alpha = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    # Bilinear steps of the small outline would show: blur, and sharpen back to an edge of about two pixels.
    softness = width / _WORK_WIDTH
    alpha = np.clip((cv2.GaussianBlur(alpha, (0, 0), 1.5 * softness) - 0.5) * 3 + 0.4, 0, 1)
    return _in_its_box(rgb, np.asarray(alpha, np.float32), fixations)


def _outline(rgb: RGB, density: Map) -> NDArray[np.bool_]:
    """(h, w) bool: the part of GrabCut's object that holds the peak of the density."""
    peak = np.unravel_index(int(density.argmax()), density.shape)
    labels = np.full(density.shape, cv2.GC_PR_BGD, np.uint8)
    labels[_component(density > _LIKELY * density.max(), peak)] = cv2.GC_PR_FGD
    labels[_component(density > _SURE * density.max(), peak)] = cv2.GC_FGD
    rows, columns = np.nonzero(labels != cv2.GC_PR_BGD)
    tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    # GrabCut models the scenery by the colours near the object: those far away would only blur that model.
    around = np.zeros(density.shape, np.bool_)
    top, left = max(rows.min() - tall, 0), max(columns.min() - wide, 0)
    around[top : rows.max() + 2 * tall, left : columns.max() + wide] = True
    labels[~around] = cv2.GC_BGD
    if not (labels == cv2.GC_BGD).any():
        return np.ones(density.shape, np.bool_)  # all of it: too large to be an object
    # GrabCut starts its colour models at random. OpenCV keeps one generator per thread, so threads do not disturb it.
    cv2.setRNGSeed(0)
    # GrabCut's working memory: 5 Gaussians of 13 numbers each, of scenery and object.
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(rgb, labels, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]  # the stub knows no None
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    # Close holes before opening: the other way round would cut thin objects apart.
    found = cv2.morphologyEx(cv2.morphologyEx(found, cv2.MORPH_CLOSE, kernel), cv2.MORPH_OPEN, kernel).astype(np.uint8)
    return _component(found > 0, peak)


def _component(mask: NDArray[np.bool_], at: tuple[np.intp, ...]) -> NDArray[np.bool_]:
    """The connected part of a mask that holds a pixel; empty where the pixel is not in the mask."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    part: NDArray[np.bool_] = (labels == labels[at]) & mask
    return part if mask[at] else np.zeros_like(mask)


def _in_its_box(rgb: RGB, alpha: Map, fixations: Fixations) -> CutOut | None:
    """Crop to where alpha is above 0; None where too few fixations are on the object."""
    rows, columns = np.nonzero(alpha > 0)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    scale = rgb.shape[1] / fixations.size_wh[0], rgb.shape[0] / fixations.size_wh[1]
    inside = fixations.inside
    points = np.stack([fixations.x[inside] * scale[0], fixations.y[inside] * scale[1]], 1).astype(np.float32)
    # A fixation on the right or lower border rounds up to the size itself when it is scaled as float32.
    pixels = np.minimum(points.astype(np.intp), [rgb.shape[1] - 1, rgb.shape[0] - 1])
    on_it = alpha[pixels[:, 1], pixels[:, 0]] > 0.5
    if on_it.sum() < _FEWEST:
        return None
    return CutOut(
        rgb=np.ascontiguousarray(rgb[top:bottom, left:right]),
        alpha=np.ascontiguousarray(alpha[top:bottom, left:right]),
        points_xy=points[on_it] - np.array([left, top], np.float32),
        gaze_share=float(on_it.mean()),
    )
