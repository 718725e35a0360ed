"""How well a network predicts gaze on photographs it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from gfsalnet.gaze import View, density_map, fixation_map
from gfsalnet.metrics import PAPER_METRICS, PROTOCOLS, GroundTruth
from gfsalnet.network import GFSalNet
from gfsalnet.training.photographs import Photograph
from gfsalnet.types import Fixations, Map

WIDTH_PIXELS, SIGMA_PIXELS = 400, 12
"""Scores are taken on maps of this width; 12 of 400 pixels is one degree of visual angle in OSIE."""

Scores = dict[str, dict[str, float]]
"""Dataset → metric → mean over its photographs; `mean` is the mean of the datasets."""


def score(saliency: Map, fixations: Fixations) -> dict[str, float]:
    """The five metrics of one (h, w) map against the fixations on its picture."""
    width, height = fixations.size_wh
    size_hw = (max(round(WIDTH_PIXELS * height / width), 1), WIDTH_PIXELS)
    truth = GroundTruth(
        fixation_map_HW=fixation_map(fixations, size_hw), density_HW=density_map(fixations, size_hw, SIGMA_PIXELS)
    )
    return PROTOCOLS["default"].score(saliency, truth, PAPER_METRICS)


def score_all(photographs: Sequence[Photograph], predict: Callable[[Photograph], Map]) -> Scores:
    """Mean scores of a predictor, dataset by dataset, and the mean of the datasets.

    Pictures for which a metric is undefined are left out of that metric's mean.
    """
    rows: dict[str, list[dict[str, float]]] = {}
    for photograph in photographs:
        rows.setdefault(photograph.dataset, []).append(score(predict(photograph), photograph.fixations))
    scores = {name: _mean(group, np.nanmean) for name, group in rows.items()}
    return scores | {"mean": _mean(list(scores.values()), np.mean)}


def _mean(rows: list[dict[str, float]], mean: Callable[[list[float]], np.floating[Any]]) -> dict[str, float]:
    return {metric: float(mean([row[metric] for row in rows])) for metric in PAPER_METRICS}


def predictor(network: GFSalNet, *, bfloat16: bool = False) -> Callable[[Photograph], Map]:
    """A single-stream network as a predictor of photographs.

    Args:
        network: left where it is, and in its mode.
        bfloat16: autocast, as in training.
    """

    @torch.inference_mode()
    def predict(photograph: Photograph) -> Map:
        rgb = View().of_image(photograph.rgb, photograph.input_hw)
        image = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            maps = network(image, image)  # a single stream takes whichever input is its own
        return np.asarray(maps.saliency[0, 0].float().numpy())

    return predict
