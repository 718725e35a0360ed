"""What is scored and how: everything that changes a number, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gfsalnet.gaze import GazeDataset
from gfsalnet.metrics import PAPER_METRICS, PROTOCOLS, Protocol

METRIC_LABELS: Mapping[str, str] = {
    "auc_judd": "AUC-J ↑",
    "auc_borji": "AUC-B ↑",
    "auc_shuffled": "s-AUC ↑",
    "nss": "NSS ↑",
    "information_gain": "IG ↑",
    "cc": "CC ↑",
    "sim": "SIM ↑",
    "kldiv": "KLDiv ↓",
    "emd": "EMD ↓",
}
"""Metric → heading; an arrow up means that more is better."""

ON_FIXATIONS = frozenset({"auc_judd", "auc_borji", "auc_shuffled", "nss", "information_gain"})
"""The metrics that compare with discrete fixations; the others compare with a density."""


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How maps are scored.

    Raises:
        ValueError: if a protocol or metric is unknown, or a number is out of range.
    """

    protocol: str = "mit"
    """A name of `metrics.PROTOCOLS`."""
    metrics: tuple[str, ...] = PAPER_METRICS
    """Metrics of the protocol."""
    width_pixels: int | None = None
    """Score on maps of this width; None: at the size the fixations refer to."""
    sigma_pixels: float | None = None
    """Gaussian of all densities, in pixels of the picture; None: the dataset's official one, or its own maps."""
    humans_every: int = 1
    """Score the humans on every n-th frame; 0 leaves them out."""
    seed: int = 0
    """The seed of all draws: jitter, negatives, halves of the viewers, bootstrap."""

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"there is no protocol {self.protocol}; there are {', '.join(PROTOCOLS)}")
        # Checked here and not when the first frame is scored, minutes later.
        unknown = [name for name in self.metrics if name not in self.definition.metrics]
        if unknown or not self.metrics:
            has = ", ".join(self.definition.metrics)
            raise ValueError(
                f"protocol {self.protocol} has no metric {', '.join(unknown) or '(none given)'}; it has {has}"
            )
        if len(set(self.metrics)) < len(self.metrics):
            raise ValueError("a metric is named twice")
        if self.width_pixels is not None and not 8 <= self.width_pixels <= 8192:
            raise ValueError(f"width_pixels must be 8 to 8192, not {self.width_pixels}")
        if self.sigma_pixels is not None and not 0 < self.sigma_pixels <= 1000:
            raise ValueError(f"sigma_pixels must be above 0 and at most 1000, not {self.sigma_pixels}")
        if self.humans_every < 0:
            raise ValueError(f"humans_every must be 0 or more, not {self.humans_every}")

    @property
    def definition(self) -> Protocol:
        """The protocol itself."""
        return PROTOCOLS[self.protocol]

    def sigma_of(self, dataset: GazeDataset, video: str) -> float:
        """The Gaussian of a video's densities, in pixels of its pictures."""
        return dataset.sigma_pixels(video) if self.sigma_pixels is None else self.sigma_pixels

    def truth_size_hw(self, size_wh: tuple[int, int]) -> tuple[int, int]:
        """(height, width) in pixels at which a picture of `size_wh` is scored."""
        width, height = size_wh
        if self.width_pixels is None:
            return height, width
        return max(round(self.width_pixels * height / width), 1), self.width_pixels
