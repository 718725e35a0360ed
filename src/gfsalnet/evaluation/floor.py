"""What the other videos of the split say about a video: the centre-bias baseline and the pool of negatives.

Both leave the video itself out, so a score above this floor comes from the content of the video.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import GFSalNetError
from gfsalnet.evaluation.settings import EvaluationSettings
from gfsalnet.gaze import FrameGaze, GazeDataset, blurred, fixation_counts
from gfsalnet.gaze.quality import Quality
from gfsalnet.maps import Map
from gfsalnet.types import Fixations

GRID_HW = (96, 128)
"""The centre bias is learned on this grid, laid over every picture whatever its aspect."""
POOL_FRAMES = 10
"""The number of frames per video, evenly spaced, from which others draw negatives."""

FloatArray = NDArray[np.float64]


def with_fixations(gaze: Sequence[FrameGaze]) -> list[FrameGaze]:
    """The frames on which at least one fixation lies inside the picture."""
    return [frame for frame in gaze if frame.fixations.inside.any()]


def mean_density(gaze: Sequence[FrameGaze], sigma_pixels: float) -> FloatArray:
    """(96, 128) mean of the densities of a video's frames, sums to 1; every frame has the same weight.

    Blurring is linear, so the counts are blurred once instead of every frame. All zero without fixations.
    """
    weights = np.zeros(GRID_HW)
    for frame in gaze:
        counts = fixation_counts(frame.fixations, GRID_HW).astype(np.float64)
        # Each frame has the weight 1, however many viewers were recorded on it.
        weights += counts / max(counts.sum(), 1)
    if not weights.any():
        return weights
    width, height = gaze[0].fixations.size_wh
    # Two sigmas: the grid has an aspect of its own, in which a round Gaussian is none.
    sigma_x, sigma_y = sigma_pixels * GRID_HW[1] / width, sigma_pixels * GRID_HW[0] / height
    density = blurred(weights, (sigma_x, sigma_y))
    density /= density.sum()
    return density


@dataclass(frozen=True, eq=False, kw_only=True)
class OtherVideos:
    """A summary of the gaze of a whole split, small enough to send to every worker."""

    total: FloatArray
    """(96, 128) sum of every video's mean density."""
    videos: int
    """The number of videos with gaze."""
    pool_video: NDArray[np.int64]
    """(N,) position in the dataset's list of the video of each pooled fixation."""
    pool_frame: NDArray[np.int64]
    """(N,) number of the pooled frame of each fixation, counted through the split; ascending."""
    pool_xy: NDArray[np.float32]
    """(N, 2) x, y as shares 0…1 of the picture's width and height."""
    qualities: Mapping[str, Quality] = field(default_factory=dict)
    """Video → counts that show whether its gaze can be in the right units."""

    @classmethod
    def learn(
        cls,
        dataset: GazeDataset,
        settings: EvaluationSettings,
        on_video: Callable[[int, int], None] = lambda done, total: None,
    ) -> OtherVideos:
        """Read the gaze of the split once; videos whose gaze is damaged are skipped.

        Args:
            dataset: a split.
            settings: give the sigma of the Gaussian.
            on_video: called with the videos read and the videos to read.
        """
        total, taught, pool, qualities = np.zeros(GRID_HW), 0, _Pool(), dict[str, Quality]()
        for position, video in enumerate(dataset.videos):
            try:
                everything = dataset.gaze(video)
                gaze = with_fixations(everything)
                qualities[video] = dataset.quality(video, everything)
                density = mean_density(gaze, settings.sigma_of(dataset, video)) if gaze else None
            except GFSalNetError:
                continue  # reported with its name when the video is scored
            finally:
                on_video(position + 1, len(dataset.videos))
            if density is not None:
                total, taught = total + density, taught + 1
                pool.add(position, gaze)
        return cls(total=total, videos=taught, qualities=qualities, **pool.arrays())

    def centre_bias(self, own_gaze: Sequence[FrameGaze], sigma_pixels: float) -> FloatArray | None:
        """(96, 128) mean of the other videos' mean densities, sums to 1; None where there is no other video.

        Args:
            own_gaze: the frames with fixations of the video to leave out, which has been learned from.
            sigma_pixels: the sigma of its densities.
        """
        if self.videos < 2:
            return None
        # Subtracting instead of adding up anew: one pass over the split serves all videos. Rounding may leave -1e-17.
        others = np.maximum(self.total - mean_density(own_gaze, sigma_pixels), 0)
        density: FloatArray = others / others.sum()
        return density

    def negatives(self, position: int, size_hw: tuple[int, int], rng: np.random.Generator, limit: int | None) -> Map:
        """(H, W) counts of fixations on frames of other videos, all zero where there is none.

        Args:
            position: the position in the dataset's list of the video to leave out.
            size_hw: the size of the map.
            rng: draws the frames.
            limit: the number of frames; None: the whole pool.
        """
        # Fixations on the video itself are no negatives for it.
        foreign = self.pool_video != position
        # Whole frames are drawn: a frame with many viewers is one draw like the others.
        frames = np.unique(self.pool_frame[foreign])
        if limit is not None and len(frames) > limit:
            foreign &= np.isin(self.pool_frame, rng.choice(frames, limit, replace=False))
        x, y = self.pool_xy[foreign].T * np.array([[size_hw[1]], [size_hw[0]]], np.float32)
        return fixation_counts(Fixations(x=x, y=y, size_wh=size_hw[::-1]), size_hw)

    @cached_property
    def digest(self) -> str:
        """A hash that changes with any fixation of the split that is counted here."""
        parts = (self.total, self.pool_video, self.pool_frame, self.pool_xy)
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()[:16]


class _Pool:
    def __init__(self) -> None:
        self._frames = 0
        self._video: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        self._frame: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        self._xy: list[NDArray[np.float32]] = [np.empty((0, 2), np.float32)]

    def add(self, position: int, gaze: Sequence[FrameGaze]) -> None:
        # Evenly spaced and not drawn, so that the pool does not depend on a seed.
        chosen = np.unique(np.linspace(0, len(gaze) - 1, POOL_FRAMES).round().astype(int))
        for frame in (gaze[index].fixations for index in chosen):
            xy = np.stack([frame.x, frame.y], axis=1)[frame.inside] / np.float32(frame.size_wh)
            self._xy.append(xy.astype(np.float32))
            self._video.append(np.full(len(xy), position))
            self._frame.append(np.full(len(xy), self._frames))
            self._frames += 1

    def arrays(self) -> dict[str, Any]:
        return {
            "pool_video": np.concatenate(self._video),
            "pool_frame": np.concatenate(self._frame),
            "pool_xy": np.concatenate(self._xy),
        }
