"""What a frame teaches and what it is scored against: density and fixations, seen through one view."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze import FrameGaze, GazeDataset, View, density_map, fixation_map
from gfsalnet.metrics import GroundTruth
from gfsalnet.types import Map

WIDTH_PIXELS = 400
"""Scores are taken on maps of this width, at the picture's aspect."""


class Target(NamedTuple):
    """The gaze on one frame as maps."""

    density: Map
    """(h, w), sums to 1; all zero where nobody looked."""
    fixations: NDArray[np.bool_]
    """(h, w): where somebody looked."""


def target(
    dataset: GazeDataset, video: str, gaze: FrameGaze, sigma: float | None, view: View, size_hw: tuple[int, int]
) -> Target:
    """The gaze seen through a view, at `size_hw`.

    Args:
        dataset: gives the density where `sigma` is None.
        video: of the dataset.
        gaze: on one frame of it.
        sigma: of the density as a share of the view's width. The blur stands for the fovea, which does not grow when
            the picture is seen closer.
        view: of the frame.
        size_hw: of the maps.
    """
    fixations = view.of_fixations(gaze.fixations)
    if sigma is not None:
        density = density_map(fixations, size_hw, sigma * size_hw[1])
    else:
        # At the size at which the view covers size_hw pixels, so that it is cut out and not resampled.
        whole_hw = (round(size_hw[0] / view.height), round(size_hw[1] / view.width))
        density = view.of_density(dataset.density(video, gaze, whole_hw), size_hw)
    return Target(density, fixation_map(fixations, size_hw))


def truth(dataset: GazeDataset, video: str, gaze: FrameGaze, sigma: float | None) -> GroundTruth:
    """What a prediction for this frame is scored against."""
    width, height = gaze.fixations.size_wh
    size_hw = (max(round(WIDTH_PIXELS * height / width), 1), WIDTH_PIXELS)
    whole = target(dataset, video, gaze, sigma, View(), size_hw)
    return GroundTruth(fixation_map_HW=whole.fixations, density_HW=whole.density)
