"""The result of an evaluation: what was scored, and the means."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.evaluation.means import Mean, pooled_mean, video_mean
from gfsalnet.evaluation.scoring import PREDICTION, PREDICTORS, VideoScores
from gfsalnet.evaluation.settings import EvaluationSettings
from gfsalnet.words import counted

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One predictor's means."""

    predictor: str
    """A name of `PREDICTORS`."""
    videos: int
    """The number of videos in which it was scored."""
    frames: int
    """The number of frames on which it was scored."""
    per_video: dict[str, Mean]
    """Metric → mean over videos of the mean over frames."""
    pooled: dict[str, Mean]
    """Metric → mean over all frames."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Report:
    """An evaluation: means over videos and frames in the units of `gfsalnet.metrics`, and the scores they come from."""

    request: dict[str, Any]
    """Everything that changes a number: dataset, source, settings, version."""
    name: str
    """The name of what was evaluated."""
    metrics: tuple[str, ...]
    rows: list[Row]
    """One per predictor, from the floor to the ceiling; predictors that could not be tried are left out."""
    videos: list[VideoScores]
    """The videos with scored frames, in the dataset's order."""
    without_frames: list[str]
    """Videos in which no frame could be scored."""
    failed: dict[str, str]
    """Video → what was wrong."""
    dropped: dict[str, int]
    """Reason → number of frames left out, over all videos."""
    remarks: list[str]
    """Remarks on the dataset and on the source of the maps."""
    config: Mapping[str, Any] | None = None
    """The configuration file that decided some of the request, and what it decided: JSON values."""

    @property
    def frames(self) -> int:
        """The number of scored frames."""
        return sum(len(scores.frame_index) for scores in self.videos)

    def __repr__(self) -> str:
        size = f"{counted(len(self.videos), 'video')}, {counted(self.frames, 'frame')}"
        return f"Report({self.name!r}: {size}, {', '.join(self.metrics)})"

    @property
    def prediction(self) -> Row | None:
        """What was evaluated; None if no frame was scored."""
        return next((row for row in self.rows if row.predictor == PREDICTION), None)

    def label(self, predictor: str) -> str:
        """The name of a predictor in tables."""
        return self.name if predictor == PREDICTION else predictor

    def sizes_hw(self, which: str) -> list[tuple[int, int]]:
        """The sizes (height, width) of `picture`, `scored` or `map` that occur."""
        return sorted({(size[0], size[1]) for scores in self.videos for size in scores.sizes_hw[which]})

    @property
    def sigmas_pixels(self) -> tuple[float, float]:
        """Smallest and largest sigma of the ground truth's densities, in pixels of the picture."""
        sigmas = [scores.sigma_pixels for scores in self.videos] or [math.nan]
        return min(sigmas), max(sigmas)

    def as_json(self) -> dict[str, Any]:
        """Everything except the scores of single frames; NaN becomes null, infinity a string."""
        rows = [{**asdict(row), "label": self.label(row.predictor)} for row in self.rows]
        values: dict[str, Any] = {
            "name": self.name,
            **self.request,
            **({"config": self.config} if self.config else {}),
            "videos": len(self.videos),
            "frames": self.frames,
            "frames_dropped": self.dropped,
            "videos_without_frames": self.without_frames,
            "videos_failed": self.failed,
            "sigma_pixels": self.sigmas_pixels,
            "sizes_hw": {which: self.sizes_hw(which) for which in ("picture", "scored", "map")},
            "remarks": self.remarks,
            "rows": rows,
        }
        return dict(json_values(values))


def json_values(value: Any) -> Any:
    """The value with NaN as None and infinities as strings, since JSON has neither."""
    if isinstance(value, Mapping):
        return {key: json_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_values(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def make_report(
    request: Mapping[str, Any],
    name: str,
    settings: EvaluationSettings,
    scored: Sequence[VideoScores],
    failed: Mapping[str, str],
    remarks: Sequence[str],
) -> Report:
    """Average the scores of videos.

    Args:
        request: everything that changes a number.
        name: the name of what was evaluated.
        settings: the settings it was scored with.
        scored: the scores of the videos in the dataset's order.
        failed: video → what was wrong.
        remarks: remarks on the dataset.
    """
    # Those without a frame are named, but have no part in any mean or interval.
    videos = [scores for scores in scored if len(scores.frame_index)]
    dropped: Counter[str] = Counter()
    for scores in scored:
        dropped.update(scores.dropped)
    return Report(
        request=dict(request),
        name=name,
        metrics=settings.metrics,
        rows=_rows(videos, settings),
        videos=videos,
        without_frames=[scores.video for scores in scored if not len(scores.frame_index)],
        failed=dict(failed),
        dropped=dict(dropped),
        remarks=list(dict.fromkeys([*remarks, *(f"{v.video}: {note}" for v in scored for note in v.notes)])),
    )


def _rows(videos: Sequence[VideoScores], settings: EvaluationSettings) -> list[Row]:
    if not videos:
        return []
    defined = [~np.isnan(scores.scores) for scores in videos]
    counts = np.array(
        [has.sum(axis=0) for has in defined], np.float64
    )  # (V, P, M): videos, predictors, metrics, as all below
    # NaN counts in neither sums nor counts: undefined frames leave the mean alone.
    sums = np.array([np.where(has, v.scores, 0).sum(axis=0) for has, v in zip(defined, videos, strict=True)])
    tried = np.array([scores.tried.sum(axis=0) for scores in videos])
    rows = []
    for place, predictor in enumerate(PREDICTORS):
        # Of the metrics: leaving one viewer out is only tried for those on fixations.
        frames = tried[:, place].max(axis=1)
        # A predictor that was never tried, such as humans without known viewers, has no row.
        if not frames.any():
            continue
        columns = {
            metric: (sums[:, place, m], counts[:, place, m], int(tried[:, place, m].sum()))
            for m, metric in enumerate(settings.metrics)
            if tried[:, place, m].any()
        }
        rows.append(_row(predictor, frames, columns, settings.seed))
    return rows


def _row(
    predictor: str, frames: NDArray[np.int64], columns: Mapping[str, tuple[FloatArray, FloatArray, int]], seed: int
) -> Row:
    per_video, pooled = dict[str, Mean](), dict[str, Mean]()
    for metric, (sums, counts, tried) in columns.items():
        count = int(counts.sum())
        # Both ways of averaging, each with what it was averaged over: videos with a value, or frames.
        for means, mean, averaged in (
            (per_video, video_mean, int((counts > 0).sum())),
            (pooled, pooled_mean, count),
        ):
            value, low, high = mean(sums, counts, seed)
            means[metric] = Mean(value=value, low=low, high=high, count=averaged, undefined=tried - count)
    return Row(
        predictor=predictor,
        videos=int((frames > 0).sum()),
        frames=int(frames.sum()),
        per_video=per_video,
        pooled=pooled,
    )
