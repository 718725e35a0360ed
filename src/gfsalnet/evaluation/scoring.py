"""One video: its maps, the floor and the humans, scored frame by frame against its viewers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import SourceError
from gfsalnet.evaluation.floor import OtherVideos, with_fixations
from gfsalnet.evaluation.humans import leave_one_out, split_halves
from gfsalnet.evaluation.settings import EvaluationSettings
from gfsalnet.evaluation.sources import AnyMap, MapSource
from gfsalnet.evaluation.truth import FrameTruth, MetricValues, VideoTruth
from gfsalnet.gaze import FrameGaze, GazeDataset
from gfsalnet.gaze.quality import Quality

PREDICTION, UNIFORM, CENTRE_BIAS = "prediction", "uniform", "centre bias"
SPLIT_HALF, LEAVE_ONE_OUT = "humans, split half", "humans, leave one viewer out"
PREDICTORS = (UNIFORM, CENTRE_BIAS, PREDICTION, SPLIT_HALF, LEAVE_ONE_OUT)
"""The rows of every table, from the floor to the ceiling."""

NO_FIXATION, NO_MAP = "no fixation on the frame", "no map for the frame"
NEAR = 0.1
"""Aspects that differ by less than this share count as equal: networks round sizes to multiples of 32."""
NOT_FINITE = "the map holds NaN or infinite values"


@dataclass(frozen=True, eq=False, kw_only=True)
class VideoScores:
    """The scores of one video.

    Letters: `F` scored frames, `P` predictors in the order of `PREDICTORS`, `M` metrics in the order of the settings.
    """

    video: str
    frame_index: NDArray[np.int64]
    """(F,) 0-based, ascending."""
    scores: NDArray[np.float64]
    """(F, P, M); NaN where undefined or not tried."""
    tried: NDArray[np.bool_]
    """(F, P, M) whether the predictor was scored; humans are not scored on every frame and metric."""
    dropped: dict[str, int]
    """Reason → frames left out, for every predictor alike."""
    notes: list[str]
    """Notes on the gaze and on the maps of this video."""
    sigma_pixels: float
    sizes_hw: dict[str, list[list[int]]]
    """`picture`, `scored` and `map` → the sizes (height, width) that occur."""
    constant_maps: int = 0
    """The number of scored maps that hold one value everywhere."""
    black_maps: int = 0
    """The number of `constant_maps` that are all 0."""


def score_video(
    dataset: GazeDataset, source: MapSource, others: OtherVideos, settings: EvaluationSettings, video: str
) -> VideoScores:
    """Score one video; a video without fixations has no frames.

    Raises:
        GFSalNetError: if its gaze or its maps cannot be used.
    """
    gaze = dataset.gaze(video)
    # No metric is defined on a frame without fixations inside the picture.
    usable = {frame.index: frame for frame in with_fixations(gaze)}
    truth = VideoTruth(dataset, video, list(usable.values()), others, settings)
    scores: dict[int, dict[str, MetricValues]] = {}
    quality = others.qualities.get(video, Quality())
    notes = [*quality.doubts().values(), *quality.remarks()]
    not_finite, constant, black, map_sizes = 0, 0, 0, set[tuple[int, int]]()
    if usable:
        supplied = source.maps(dataset, video, usable.keys())
        notes += supplied.notes
        # One map at a time: they come from a generator, and a video's maps need not fit into memory.
        for index, saliency in supplied.maps:
            if np.isfinite(saliency).all():
                scores[index] = _frame_scores(truth, usable[index], saliency)
                map_sizes.add((saliency.shape[0], saliency.shape[1]))
                lowest, highest = saliency.min(), saliency.max()
                constant, black = constant + bool(lowest == highest), black + bool(lowest == highest == 0)
            else:
                not_finite += 1
    missing = len(usable) - len(scores) - not_finite
    dropped = {NO_FIXATION: len(gaze) - len(usable), NO_MAP: missing, NOT_FINITE: not_finite}
    picture_sizes = {usable[index].fixations.size_wh for index in scores}
    sizes_hw = {
        "picture": [[height, width] for width, height in sorted(picture_sizes)],
        "scored": [list(settings.truth_size_hw(size_wh)) for size_wh in sorted(picture_sizes)],
        "map": [list(size_hw) for size_hw in sorted(map_sizes)],
    }
    metrics, frames = settings.metrics, list(scores.values())
    values = [[[frame.get(who, {}).get(m, np.nan) for m in metrics] for who in PREDICTORS] for frame in frames]
    tried = [[[m in frame.get(who, {}) for m in metrics] for who in PREDICTORS] for frame in frames]
    shape = (-1, len(PREDICTORS), len(metrics))  # of no frames too, of which NumPy could not tell it
    return VideoScores(
        video=video,
        frame_index=np.array(list(scores), np.int64),
        scores=np.array(values, np.float64).reshape(shape),
        tried=np.array(tried, np.bool_).reshape(shape),
        dropped={reason: count for reason, count in dropped.items() if count},
        notes=notes + _turned(map_sizes, picture_sizes),
        sigma_pixels=truth.sigma_pixels,
        sizes_hw=sizes_hw,
        constant_maps=constant,
        black_maps=black,
    )


def _turned(map_sizes_hw: Collection[tuple[int, int]], picture_sizes_wh: Collection[tuple[int, int]]) -> list[str]:
    """A note where maps are as high as the pictures are wide: transposed arrays are resized like any others."""
    for width, height in picture_sizes_wh:
        for rows, columns in map_sizes_hw:
            turned, upright = rows * height / (columns * width), rows * width / (columns * height)
            if abs(turned - 1) < NEAR < abs(upright - 1):
                what = f"maps of {columns} × {rows} for pictures of {width} × {height} (width × height)"
                return [f"{what}: rows and columns may be exchanged"]
    return []


def _frame_scores(video: VideoTruth, gaze: FrameGaze, saliency: AnyMap) -> dict[str, MetricValues]:
    """Predictor → metric → value, without predictors that cannot be tried on this frame."""
    frame = FrameTruth(video, gaze)
    # Of one pixel: the protocol's own resizing makes the map of it.
    scores = {UNIFORM: frame.score_floor(UNIFORM, np.ones((1, 1)))}
    if video.centre_bias is not None:
        scores[CENTRE_BIAS] = frame.score_floor(CENTRE_BIAS, video.centre_bias)
    try:
        scores[PREDICTION] = frame.score(saliency)
    except ValueError as error:  # negative values
        problem, _, remedy = str(error).partition("; ")
        raise SourceError(
            f"{video.video}, frame {gaze.index}", problem, remedy or "Write values of 0 or more"
        ) from error
    every = video.settings.humans_every
    if every and gaze.index % every == 0:
        # The generator depends on the frame alone, so workers and order change nothing.
        halves = split_halves(gaze.fixations, frame.rng("halves"))
        scores[SPLIT_HALF] = frame.score_viewers(halves, densities=True)
        # One viewer's few fixations make no density worth comparing with.
        scores[LEAVE_ONE_OUT] = frame.score_viewers(leave_one_out(gaze.fixations), densities=False)
    return scores
