"""The fit: a log-likelihood of the fixations with a prior around the model's own numbers, and its cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gfsalnet.adaptation.looks import LookedAt
from gfsalnet.maps import Map
from gfsalnet.models.adjustable import Number, adjusted, from_steps
from gfsalnet.models.over_time import Kind, OverTime
from gfsalnet.packages import needed_by

FOLDS = 5
"""Parts of the cross-validation over many recordings; up to twice as many recordings are left out one by one."""
PRIOR_PICTURES = 0.2
"""How many pictures the prior counts as: a number that lies one step away costs half a nat per fixation of so many.
Twice and half of it gain as much on twenty pictures left out; ten times as much holds the numbers back."""
SECONDS_PER_PICTURE = 3.0
"""Seconds of a video that count as one picture: what is looked at changes about as fast."""
_MOST_ROUNDS, _TOLERANCE, _DIFFERENCE = 30, 1e-5, 1e-3
"""The optimiser's rounds, nats and steps. Maps are of float32: smaller differences would be noise."""

FloatArray = NDArray[np.float64]


def log_likelihood(density: Map, counts: Map) -> float:
    """Mean over fixations of the logarithm of a density against an even one, in nats.

    Args:
        density: (h, w), sums to 1.
        counts: (h, w), how many fixations each cell has.
    """
    rows, columns = np.nonzero(counts)
    even = 1 / density.size
    # A cell without any density would cost infinitely much; so it costs 20.7 nats.
    logs = np.log(density[rows, columns].astype(np.float64) / even + 1e-9)
    return float(np.average(logs, weights=counts[rows, columns]))


def of_recording(recording: LookedAt, how: OverTime, kind: Kind) -> FloatArray:
    """(looks,): log-likelihood of each frame's fixations, in nats."""
    return np.array([log_likelihood(look.map(how, kind), look.counts) for look in recording.looks])


def fitted(recordings: Sequence[LookedAt], how: OverTime, kind: Kind, free: Sequence[Number]) -> dict[str, float]:
    """The most likely values of these numbers.

    Every recording counts alike. The prior is a Gaussian of one step around what each number is.
    """
    with needed_by("adapt"):
        from scipy.optimize import minimize

    # How much evidence there is: frames of one second are nearly the same picture.
    pictures = sum(max(len({look.second for look in r.looks}) / SECONDS_PER_PICTURE, 1.0) for r in recordings)

    # In steps of each number's own size, so that one prior and one difference fit them all.
    def loss(steps: FloatArray) -> float:
        values = {number.name: from_steps(number, step) for number, step in zip(free, steps, strict=True)}
        now = adjusted(how, kind, values)
        gain = np.mean([of_recording(recording, now, kind).mean() for recording in recordings])
        return float(PRIOR_PICTURES * (steps**2).sum() / 2 / pictures - gain)

    options = {"maxiter": _MOST_ROUNDS, "ftol": _TOLERANCE, "eps": _DIFFERENCE}
    # From the model's own numbers; derivatives by differences, since maps are read with NumPy.
    best = minimize(loss, np.zeros(len(free)), method="L-BFGS-B", options=options)
    return {number.name: from_steps(number, float(step)) for number, step in zip(free, best.x, strict=True)}


def folds(count: int, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """Which recordings are left out together."""
    parts = count if count <= 2 * FOLDS else FOLDS
    return [np.sort(part) for part in np.array_split(rng.permutation(count), parts)]
