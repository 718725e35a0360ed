"""The ground truth that the maps of each frame are scored against."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gfsalnet.evaluation.floor import OtherVideos
from gfsalnet.evaluation.settings import ON_FIXATIONS, EvaluationSettings
from gfsalnet.gaze import FrameGaze, GazeDataset, density_map, fixation_counts
from gfsalnet.maps import Map
from gfsalnet.metrics import GroundTruth, PreparedFixations, PreparedMap
from gfsalnet.types import Fixations

NEGATIVE_FRAMES: Mapping[str, int | None] = {"pysaliency": None}
"""Protocol → the number of frames of other videos that s-AUC takes negatives from; None: all pooled frames."""
NEGATIVE_FRAMES_DEFAULT = 10
"""The number that the MIT benchmark, DHF1K and UNISAL use."""

MetricValues = dict[str, float]
"""Metric → its value on one frame; NaN where it is undefined."""


class VideoTruth:
    """One video's ground truth, and what the other videos say about it.

    Args:
        dataset: the dataset of the video.
        video: its name.
        gaze: the frames of the video with fixations.
        others: what was learned from the gaze of the whole split.
        settings: give the protocol, metrics, size and seed.
    """

    def __init__(
        self,
        dataset: GazeDataset,
        video: str,
        gaze: Sequence[FrameGaze],
        others: OtherVideos,
        settings: EvaluationSettings,
    ) -> None:
        self.dataset, self.video, self.settings = dataset, video, settings
        self.sigma_pixels = settings.sigma_of(dataset, video)
        self._gaze, self._others = gaze, others
        # What the split was learned by, and what leaves this video out of its negatives.
        self._position = dataset.videos.index(video)
        self._floors: dict[tuple[str, tuple[int, int]], PreparedMap] = {}

    @cached_property
    def centre_bias(self) -> NDArray[np.float64] | None:
        """(96, 128), of the other videos; None where there are none."""
        return self._others.centre_bias(self._gaze, self.sigma_pixels)

    def baseline(self, size_hw: tuple[int, int]) -> PreparedMap:
        """The centre bias (H, W) for information gain; without other videos a map of zeros, whose gain is NaN."""
        grid = self.centre_bias if self.centre_bias is not None else np.zeros((1, 1))
        return self.resized_once("centre bias", grid, size_hw)

    def resized_once(self, what: str, map_hw: NDArray[np.float64], size_hw: tuple[int, int]) -> PreparedMap:
        """A map (h, w) that is the same for all frames, at the size (H, W) it is scored at; cached by name and size."""
        if (what, size_hw) not in self._floors:
            self._floors[what, size_hw] = self.settings.definition.resized(map_hw, size_hw, reused=True)
        return self._floors[what, size_hw]

    def negatives(self, index: int, size_hw: tuple[int, int]) -> PreparedFixations:
        """Fixations (H, W) on other videos, for shuffled AUC."""
        limit = NEGATIVE_FRAMES.get(self.settings.protocol, NEGATIVE_FRAMES_DEFAULT)
        rng = np.random.default_rng(self.seed(index, "negatives"))
        return PreparedFixations(self._others.negatives(self._position, size_hw, rng, limit), "other_map")

    def seed(self, index: int, purpose: str) -> int:
        """A seed that depends on the frame and purpose only, not on when or in which process it is scored."""
        text = f"{self.settings.seed}/{self.video}/{index}/{purpose}"
        # Not `hash()`, which Python salts anew in every process.
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


class FrameTruth:
    """The ground truth of one frame: the fixations and density of all viewers, or of some.

    Args:
        video: the frame's video.
        gaze: of the frame.
    """

    def __init__(self, video: VideoTruth, gaze: FrameGaze) -> None:
        self.fixations = gaze.fixations
        self.size_hw = video.settings.truth_size_hw(gaze.fixations.size_wh)
        self._video, self._index = video, gaze.index
        # The sigma is given in pixels of the picture, and the maps may be scored at another width.
        self._sigma_pixels = video.sigma_pixels * self.size_hw[1] / gaze.fixations.size_wh[0]
        self._seed = video.seed(gaze.index, "metrics")
        needs = video.settings.metrics
        # Drawn only if a metric needs them.
        self._negatives = video.negatives(gaze.index, self.size_hw) if "auc_shuffled" in needs else None
        self._baseline = video.baseline(self.size_hw) if "information_gain" in needs else None
        # A sigma of the user's own overrides the official maps, which have another.
        own_sigma = video.settings.sigma_pixels is not None
        official = None if own_sigma else video.dataset.density(video.video, gaze, self.size_hw)
        self._everyone = self._truth(self.fixations, self._density(self.fixations) if official is None else official)

    def rng(self, purpose: str) -> np.random.Generator:
        """A random generator for this frame and purpose."""
        return np.random.default_rng(self._video.seed(self._index, purpose))

    def score(self, saliency_hw: ArrayLike) -> MetricValues:
        """The scores of a map (h, w) of any size and positive scale against all viewers."""
        settings = self._video.settings
        return settings.definition.score(saliency_hw, self._everyone, settings.metrics)

    def score_floor(self, what: str, map_hw: NDArray[np.float64]) -> MetricValues:
        """The scores of a map `what` of any size that is the same for all frames of the video."""
        settings = self._video.settings
        resized = self._video.resized_once(what, map_hw, self.size_hw)
        return settings.definition.score_resized(resized, self._everyone, settings.metrics)

    def score_viewers(self, pairs: Iterable[tuple[Fixations, Fixations]], *, densities: bool) -> MetricValues:
        """The mean over (who predicts, who is predicted) of each metric; empty without pairs.

        Args:
            pairs: fixations of viewers on this frame.
            densities: whether the predicted viewers are enough for a density to compare with.
        """
        metrics = [name for name in self._video.settings.metrics if densities or name in ON_FIXATIONS]
        definition, rows = self._video.settings.definition, []
        for predicting, predicted in pairs:
            truth = self._truth(predicted, self._density(predicted) if densities else None)
            rows.append([*definition.score(self._density(predicting), truth, metrics).values()])
        return dict(zip(metrics, map(_mean_of_defined, zip(*rows, strict=True)), strict=True)) if rows else {}

    def _density(self, fixations: Fixations) -> Map:
        return density_map(fixations, self.size_hw, self._sigma_pixels)

    def _truth(self, fixations: Fixations, density: Map | None) -> GroundTruth:
        return GroundTruth(
            # Counts and not a binary map: two protocols count repeated fixations.
            fixation_map_HW=fixation_counts(fixations, self.size_hw),
            density_HW=density,
            other_map_HW=self._negatives,
            baseline_HW=self._baseline,
            seed=self._seed,
        )


def _mean_of_defined(values: Sequence[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
