"""How well a network predicts gaze on frames it has not seen, each stream also on its own."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from gfsalnet.maps import Map
from gfsalnet.metrics import PAPER_METRICS, PROTOCOLS, GroundTruth
from gfsalnet.network import GFSalNet, Maps
from gfsalnet.training.data.batches import collate, prefetch_map
from gfsalnet.training.data.examples import Example, Source
from gfsalnet.training.recipe import Recipe

ValidationScores = dict[str, dict[str, dict[str, float]]]
"""Map (`saliency`; of two streams also `appearance`, `motion`) → dataset → metric → mean over the frames for which the
metric is defined; the dataset `mean` is the mean of the datasets, so that a large one does not decide alone."""

LOWER_IS_BETTER = frozenset({"kldiv"})


class PredictedMaps(NamedTuple):
    """The network's maps of one frame, each (h, w) float32."""

    saliency: Map
    appearance: Map | None
    motion: Map | None
    """None, as `appearance`, for a network of one stream."""
    gate: Map | None


@dataclass(frozen=True)
class Validation:
    """What one pass over the validation data says."""

    scores: ValidationScores
    motion_share: float | None
    """1 - gate, 0…1, weighted by the saliency and averaged over all frames; None without a gate."""


def validate(network: GFSalNet, sources: Sequence[Source], recipe: Recipe, device: torch.device) -> Validation:
    """Score the whole frames of all sources; the network is left in evaluation mode.

    The metrics are those of the default protocol. Frames for which a metric is undefined are left out of its mean.

    Args:
        network: on `device`.
        sources: what to validate on, one dataset each.
        recipe: gives precision and threads.
        device: where the network computes.
    """
    network.eval()
    rows: dict[str, dict[str, list[dict[str, float]]]] = {}
    shares: list[float] = []

    def opened(task: tuple[Source, int]) -> tuple[Source, Example, GroundTruth]:
        source, index = task
        return source, *source.eval_example(index)

    frames = ((source, index) for source in sources for index in range(len(source)))
    for source, example, truth in prefetch_map(opened, frames, recipe.workers):
        maps = predict(network, example, recipe, device)
        for name in ("saliency", "appearance", "motion"):
            if (values := getattr(maps, name)) is not None:
                row = PROTOCOLS["default"].score(values, truth, PAPER_METRICS)
                rows.setdefault(name, {}).setdefault(source.name, []).append(row)
        if maps.gate is not None:
            # The small number: a map that is all zero has no weights to average with.
            shares.append(float(np.average(1 - maps.gate, weights=maps.saliency + 1e-12)))
    return Validation(
        {name: _means(of_dataset) for name, of_dataset in rows.items()}, _mean(shares) if shares else None
    )


@torch.inference_mode()
def predict(network: GFSalNet, example: Example, recipe: Recipe, device: torch.device) -> PredictedMaps:
    """The maps of one example, by a network on `device` in its present mode (training or evaluation)."""
    batch = collate([example]).to(device)
    with recipe.autocast(device):
        maps: Maps = network(batch.rgb.float() / 255, batch.flow_image.float() / 255)
    saliency, appearance, motion, gate = (
        None if values is None else np.asarray(values[0, 0].float().cpu().numpy()) for values in maps
    )
    assert saliency is not None
    is_one = appearance is None or motion is None  # the map of a single stream is the saliency itself
    return PredictedMaps(saliency, None if is_one else appearance, None if is_one else motion, gate)


def is_better(score: float, best: float | None, metric: str) -> bool:
    """Whether an epoch's score of a metric beats the best so far; one that is undefined beats none."""
    if best is None:
        return True
    return score < best if metric in LOWER_IS_BETTER else score > best


def _means(rows: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    means = {
        dataset: {metric: _mean([row[metric] for row in group]) for metric in PAPER_METRICS}
        for dataset, group in rows.items()
    }
    overall = {metric: _mean([mean[metric] for mean in means.values()]) for metric in PAPER_METRICS}
    return means | {"mean": overall}


def _mean(values: Sequence[float]) -> float:
    """The mean of those values that are numbers; NaN where none is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's, about a mean of nothing
        return float(np.nanmean(values))
