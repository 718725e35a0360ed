"""What the field's implementations compute, by name, so that numbers can be compared like with like.

Two departures hold for every protocol: what is undefined is NaN (UNISAL scores NSS 1 without fixations, pysaliency 0
for constant maps), and single-precision rounding is not imitated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from gfsalnet.metrics import variants
from gfsalnet.metrics.auc import auc_borji, auc_judd, auc_shuffled
from gfsalnet.metrics.distribution import cc, kldiv, sim
from gfsalnet.metrics.ground_truth import GroundTruth
from gfsalnet.metrics.location import information_gain, nss
from gfsalnet.metrics.maps import FloatArray, PreparedMap
from gfsalnet.metrics.resize import resize_bicubic, resize_bilinear, resize_linear_corners

PAPER_METRICS = ("auc_judd", "nss", "cc", "sim", "kldiv")
"""The five of the GFSalNet paper's tables."""

Metric: TypeAlias = Callable[[PreparedMap, GroundTruth], float]


@dataclass(frozen=True, eq=False, kw_only=True)
class Protocol:
    """One implementation's variant of each metric, and how it resizes predictions."""

    name: str
    source: str
    """Where the definitions come from."""
    resize: Callable[[FloatArray, tuple[int, int]], FloatArray]
    """(h, w) float64 prediction and the size of the ground truth → the map that is scored."""
    resize_rule: str
    """`resize` in words, for tables."""
    metrics: Mapping[str, Metric]
    """The metrics it has, by the names of `gfsalnet.metrics`."""

    def score(
        self, prediction_hw: ArrayLike, truth: GroundTruth, metrics: Sequence[str] = PAPER_METRICS
    ) -> dict[str, float]:
        """Score one prediction of any size against one frame's ground truth.

        Args:
            prediction_hw: (h, w), any dtype and positive scale.
            truth: holds the maps that the metrics need.
            metrics: names from `self.metrics`.

        Returns:
            Metric → value, in the order asked for; NaN where undefined.

        Raises:
            ValueError: if the protocol has no such metric, the truth lacks a map it needs, or the prediction is
                negative and a metric needs a density.
        """
        return self.score_resized(self.resized(prediction_hw, truth.size_hw), truth, metrics)

    def resized(self, prediction_hw: ArrayLike, size_hw: tuple[int, int], *, reused: bool = False) -> PreparedMap:
        """A prediction brought to the size of ground truths.

        Args:
            prediction_hw: (h, w), any dtype and positive scale.
            size_hw: of the ground truths.
            reused: whether there are many of them.
        """
        given = PreparedMap(prediction_hw, "prediction", reused=reused)
        map_hw = given.values.reshape(given.size_hw)
        with np.errstate(invalid="ignore"):  # a NaN or infinity spreads, and then every score is NaN
            resized = self.resize(map_hw, size_hw)
        # Nothing was resampled: sums and norms that were computed stay in use.
        if resized is map_hw:
            return given
        return PreparedMap(resized, "prediction", resized_from=given, reused=reused)

    def score_resized(self, prediction: PreparedMap, truth: GroundTruth, metrics: Sequence[str]) -> dict[str, float]:
        """Score a prediction that `resized` returned; see `score`."""
        unknown = [name for name in metrics if name not in self.metrics]
        if unknown:
            raise ValueError(f"protocol {self.name} has no {', '.join(unknown)}; it has {', '.join(self.metrics)}")
        return {name: self.metrics[name](prediction, truth) for name in metrics}


DEFAULT = Protocol(
    name="default",
    source="the defaults of gfsalnet.metrics: the MIT definitions, ties moved together, no jitter",
    resize=resize_bicubic,
    resize_rule="bicubic (a=-0.5, antialias), undershoot taken as 0 by KLDiv",
    metrics={
        "auc_judd": lambda s, t: auc_judd(s, t.fixations),
        "auc_borji": lambda s, t: auc_borji(s, t.fixations, rng=t.rng),
        "auc_shuffled": lambda s, t: auc_shuffled(s, t.fixations, t.others, rng=t.rng),
        "nss": lambda s, t: nss(s, t.fixations),
        "information_gain": lambda s, t: information_gain(s, t.fixations, t.baseline),
        "cc": lambda s, t: cc(s, t.density),
        "sim": lambda s, t: sim(s, t.density),
        "kldiv": lambda s, t: kldiv(s, t.density),
        "emd": variants.mit_emd,
    },
)

MIT = Protocol(
    name="mit",
    source="github.com/cvzoya/saliency 5951cdc7, code_forMetrics; jitter relative to the map's peak, seeded",
    resize=resize_bicubic,
    resize_rule=DEFAULT.resize_rule,
    metrics={**DEFAULT.metrics, "auc_judd": variants.mit_auc_judd},
)

PYSALIENCY = Protocol(
    name="pysaliency",
    source="github.com/matthias-k/pysaliency 0.2.22, saliency-map metrics; every fixation counts",
    resize=resize_linear_corners,
    resize_rule="linear, corners aligned (scipy zoom)",
    metrics={
        "auc_judd": variants.pysaliency_auc,
        "auc_shuffled": variants.pysaliency_auc_shuffled,
        "nss": lambda s, t: nss(s, t.fixations, ddof=0, per_fixation=True),
        "information_gain": lambda s, t: information_gain(
            s, t.fixations, t.baseline, min_max=False, per_fixation=True, eps=0.0
        ),
        "cc": lambda s, t: cc(s, t.density),
        "sim": lambda s, t: sim(variants.pysaliency_map(s), t.density, min_max=False),
        "kldiv": variants.pysaliency_kldiv,
    },
)

UNISAL = Protocol(
    name="unisal",
    source="github.com/rdroste/unisal a1d2d2c2, salience_metrics.py and utils.py",
    resize=resize_bilinear,
    resize_rule="bilinear",
    metrics={
        "auc_judd": variants.unisal_auc_judd,
        "auc_shuffled": variants.unisal_auc_shuffled,
        "nss": lambda s, t: nss(s, t.fixations),
        "cc": lambda s, t: cc(s, t.density),
        "sim": lambda s, t: sim(s, t.density, min_max=False),
        "kldiv": variants.unisal_kldiv,
    },
)

AIM24 = Protocol(
    name="aim24",
    source="github.com/msu-video-group/ECCVW24_Saliency_Prediction 9a21d3c3, bench.py; every fixation counts",
    resize=variants.aim24_resize,
    resize_rule="min-max, then bilinear",
    metrics={
        "auc_judd": variants.aim24_auc_judd,
        "nss": variants.aim24_nss,
        "cc": lambda s, t: cc(s, t.density),
        "sim": lambda s, t: sim(s, variants.aim24_density(t), min_max=False),
        "kldiv": lambda s, t: kldiv(s, variants.aim24_density(t)),
    },
)

PROTOCOLS: Mapping[str, Protocol] = {p.name: p for p in (DEFAULT, MIT, PYSALIENCY, UNISAL, AIM24)}
"""Name → protocol."""
