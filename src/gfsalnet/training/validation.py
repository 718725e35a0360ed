"""How well a network predicts gaze on frames it has not seen, each stream also on its own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gfsalnet.maps import Map
from gfsalnet.metrics import PAPER_METRICS, PROTOCOLS, GroundTruth
from gfsalnet.training.data.examples import Example, Source
from gfsalnet.training.data.prefetch import prefetch_map

ValidationScores = dict[str, dict[str, dict[str, float]]]
"""Map (`saliency`; of two streams also `appearance`, `motion`) → dataset → metric → mean over the frames for which the
metric is defined; the dataset `mean` is the mean of the datasets, so that a large one does not decide alone."""


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


def validate(predict: Callable[[Example], PredictedMaps], sources: Sequence[Source], workers: int) -> Validation:
    """Score the whole frames of all sources.

    The metrics are those of the default protocol. Frames for which a metric is undefined are left out of its mean.

    Args:
        predict: asks a network in evaluation mode.
        sources: what to validate on, one dataset each.
        workers: number of threads that read frames.
    """
    # Map → dataset → a row of metrics for each frame.
    rows: dict[str, dict[str, list[dict[str, float]]]] = {}
    shares: list[float] = []

    def opened(task: tuple[Source, int]) -> tuple[Source, Example, GroundTruth]:
        source, index = task
        return source, *source.eval_example(index)

    frames = ((source, index) for source in sources for index in range(len(source)))
    for source, example, truth in prefetch_map(opened, frames, workers):
        maps = predict(example)
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
