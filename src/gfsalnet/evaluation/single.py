"""Scores one map in one call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gfsalnet.evaluation.settings import ON_FIXATIONS
from gfsalnet.gaze import fixation_counts
from gfsalnet.metrics import PAPER_METRICS, PROTOCOLS, GroundTruth
from gfsalnet.types import Fixations


def score(
    saliency: ArrayLike,
    *,
    fixations: Fixations | ArrayLike | None = None,
    density: ArrayLike | None = None,
    protocol: str = "mit",
    metrics: Sequence[str] | None = None,
) -> dict[str, float]:
    """Score one predicted map against where people looked.

    Args:
        saliency: (h, w), any dtype and positive scale; resized to the ground truth by the protocol's rule.
        fixations: `Fixations`, of any picture size; or (N, 2) x, y in pixels of `density`, or of `saliency` where there
            is no density; or a binary fixation map (H, W). Those outside the picture are left out.
        density: (H, W) fixation density, any positive scale.
        protocol: whose definitions to follow, a name of `gfsalnet.metrics.PROTOCOLS`.
        metrics: names that the protocol has; None: those of the paper's five that `fixations` and `density` allow.

    Returns:
        metric → value; NaN where it is undefined.

    Raises:
        ValueError: if there is nothing to compare with, shapes do not fit, or a protocol or metric is unknown or lacks
            what it compares with; if there are fixations, and none lies within the picture.

    >>> saliency = np.array([[0.1, 0.2], [0.3, 0.9]])
    >>> score(saliency, fixations=[(1, 1)], metrics=["auc_judd"])
    {'auc_judd': 1.0}
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"there is no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
    size_hw = np.shape(saliency if density is None else density)
    if len(size_hw) != 2:
        raise ValueError(f"a map must be (H, W), not {size_hw}")
    fixation_map = None if fixations is None else _fixation_map(fixations, (size_hw[0], size_hw[1]))
    truth = GroundTruth(fixation_map_HW=fixation_map, density_HW=density)
    if metrics is None:
        # Those whose truth was given: nothing is made of fixations here, which would need a sigma.
        metrics = [m for m in PAPER_METRICS if (fixations if m in ON_FIXATIONS else density) is not None]
    return PROTOCOLS[protocol].score(saliency, truth, metrics)


def _fixation_map(fixations: Fixations | ArrayLike, size_hw: tuple[int, int]) -> NDArray[np.generic]:
    """(H, W) how many fixations fall on each pixel; those outside are dropped."""
    if isinstance(fixations, Fixations):
        return _counted(fixations, size_hw)
    values = np.asarray(fixations)
    # A map of two columns can only be told from points by its type: points are no booleans.
    if values.shape == size_hw and (values.shape[1] != 2 or values.dtype == np.bool_):
        return values
    if values.ndim != 2 or values.shape[1] != 2:
        problem = f"not an array of shape {values.shape} (the map is {size_hw})"
        raise ValueError(f"fixations must be Fixations, (N, 2) x, y, or a binary map of the map's size, {problem}")
    return _counted(Fixations(x=values[:, 0], y=values[:, 1], size_wh=(size_hw[1], size_hw[0])), size_hw)


def _counted(fixations: Fixations, size_hw: tuple[int, int]) -> NDArray[np.generic]:
    if len(fixations) and not fixations.inside.any():
        width, height = fixations.size_wh
        first = f"the first is x {fixations.x[0]:g}, y {fixations.y[0]:g}"
        raise ValueError(f"none of {len(fixations)} fixations lies within the picture of {width}x{height}: {first}")
    return fixation_counts(fixations, size_hw)
