"""Whether fitted numbers help: recordings that they were not fitted to, scored with them and without."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gfsalnet import metrics
from gfsalnet.adaptation.fit import FloatArray, fitted, folds, log_likelihood
from gfsalnet.adaptation.looks import Look, LookedAt
from gfsalnet.evaluation.floor import mean_density
from gfsalnet.gaze import FrameGaze, GazeDataset
from gfsalnet.maps import resize_density
from gfsalnet.models.adjustable import Number, adjusted
from gfsalnet.models.over_time import Kind, OverTime

METRICS = ("information gain", "NSS", "CC", "SIM", "KL")
"""Bits per fixation over what the centre says; the others as `gfsalnet.metrics` has them, on small maps, in whose cells
several fixations may lie: each counts."""
EVEN_SHARE = 0.1
"""Share of the baseline that is spread evenly; the rest is the mean density of the other recordings."""
LEAST_GAIN = 0.01
"""Bits per fixation: less is not worth a model of its own."""
_DRAWS = 1000
_NATS_PER_BIT = np.log(2)


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores of every recording by numbers that were fitted without it, and by the model's own."""

    free: list[Number]
    """What was fitted."""
    before: FloatArray
    """(recordings, 5): means over the frames of each."""
    after: FloatArray
    gained: list[list[FloatArray]]
    """For each recording and each of its seconds the bits per fixation by which its frames gained."""
    interval: tuple[float, float]
    """90 % interval of the mean gain."""

    @property
    def gain(self) -> float:
        """Mean over recordings, bits per fixation."""
        return float(np.mean(self.after[:, 0] - self.before[:, 0]))

    @property
    def helps(self) -> bool:
        """Whether the gain is more than chance, and enough to be worth a model."""
        return self.interval[0] > 0 and self.gain >= LEAST_GAIN

    def means(self) -> dict[str, tuple[float, float]]:
        """Metric → before and after."""
        pairs = np.nanmean(self.before, 0), np.nanmean(self.after, 0)
        return {name: (float(pairs[0][i]), float(pairs[1][i])) for i, name in enumerate(METRICS)}


def judged(
    recordings: Sequence[LookedAt],
    dataset: GazeDataset,
    how: OverTime,
    kind: Kind,
    free: Sequence[Number],
    seed: int,
    on_fold: Callable[[], None],
) -> Judged:
    """Leave some recordings out, fit to the rest, score those; in turn."""
    centres = _centres(recordings, dataset)
    by_name: dict[str, OverTime] = {}
    for left_out in folds(len(recordings), np.random.default_rng(seed)):
        rest = [recording for place, recording in enumerate(recordings) if place not in left_out]
        # Always from the model's own numbers, never from those of the fold before.
        now = adjusted(how, kind, fitted(rest, how, kind, free))
        by_name |= {recordings[place].name: now for place in left_out}
        on_fold()
    before = [_scores(recording, dataset, how, kind, centres[recording.name]) for recording in recordings]
    after = [_scores(r, dataset, by_name[r.name], kind, centres[r.name]) for r in recordings]
    gained = [_by_second(r, a[:, 0] - b[:, 0]) for r, a, b in zip(recordings, after, before, strict=True)]
    return Judged(
        list(free),
        np.array([np.nanmean(scores, 0) for scores in before]),
        np.array([np.nanmean(scores, 0) for scores in after]),
        gained,
        _interval(gained, np.random.default_rng(seed)),
    )


def _centres(recordings: Sequence[LookedAt], dataset: GazeDataset) -> Mapping[str, FloatArray]:
    """For each recording what the others say of where people look."""
    own = {r.name: mean_density(r.gaze, dataset.sigma_pixels(r.name)) for r in recordings}
    total = np.sum(list(own.values()), 0)
    # Differences of sums may be a rounding below 0.
    others = {name: np.maximum(total - density, 0) for name, density in own.items()}
    even = 1 / total.size
    return {name: (1 - EVEN_SHARE) * density / density.sum() + EVEN_SHARE * even for name, density in others.items()}


def _scores(recording: LookedAt, dataset: GazeDataset, how: OverTime, kind: Kind, centre_HW: FloatArray) -> FloatArray:
    """(looks, 5): the metrics of each."""
    return np.array([_score(look, recording.name, dataset, how, kind, centre_HW) for look in recording.looks])


def _score(
    look: Look, name: str, dataset: GazeDataset, how: OverTime, kind: Kind, centre_HW: FloatArray
) -> list[float]:
    density = look.map(how, kind)
    size_hw = density.shape[0], density.shape[1]
    centre = resize_density(centre_HW.astype(np.float32), size_hw)
    truth = dataset.density(name, FrameGaze(index=look.seen[-1].index, fixations=look.fixations), size_hw)
    return [
        (log_likelihood(density, look.counts) - log_likelihood(centre, look.counts)) / _NATS_PER_BIT,
        metrics.nss(density, look.counts, per_fixation=True),
        metrics.cc(density, truth),
        metrics.sim(density, truth),
        metrics.kldiv(density, truth),
    ]


def _by_second(recording: LookedAt, values: FloatArray) -> list[FloatArray]:
    seconds = np.array([look.second for look in recording.looks])
    return [values[seconds == second] for second in np.unique(seconds)]


def _interval(gained: Sequence[Sequence[FloatArray]], rng: np.random.Generator) -> tuple[float, float]:
    """90 % of the mean: recordings, then seconds of each, are drawn again."""
    draws = []
    for _ in range(_DRAWS):
        # In two stages: frames of a second, and seconds of a recording, are not independent of each other.
        chosen = [gained[place] for place in rng.integers(0, len(gained), len(gained))]
        means = [np.concatenate([of[i] for i in rng.integers(0, len(of), len(of))]).mean() for of in chosen]
        draws.append(np.mean(means))
    low, high = np.percentile(draws, (5, 95))
    return float(low), float(high)
