"""One viewer's gaze on the video, and what is odd about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONG_GAP_SECONDS = 1.0
"""A gap between samples that is worth a note: a clock that jumps, or a recording that was interrupted."""
MOST_LOST = 0.5
"""Share of the samples that may be without gaze before it is mentioned."""
MOST_OUTSIDE = 0.2
"""Share of the gaze that may lie outside the video before it is mentioned, as `dataset check` does."""


@dataclass(kw_only=True)
class Viewing:
    """N samples and F fixations of one viewer, in pixels and seconds of the video."""

    path: Path
    viewer: str
    recording: str
    alignment: str
    placement: str
    time_seconds: NDArray[np.float64]
    """(N,) of every sample while the video was shown."""
    xy: NDArray[np.float64]
    """(N, 2); NaN where the eye was lost. Points may lie outside the video."""
    rows: NDArray[np.int64]
    """(N,) in the export."""
    size_wh: tuple[int, int]
    outside_time: int
    """Samples before the first frame and after the last."""
    fixation_seconds: NDArray[np.float64] | None = None
    """(F,) when each begins."""
    fixation_lengths: NDArray[np.float64] | None = None
    """(F,) seconds."""
    fixation_xy: NDArray[np.float64] | None = None
    fixations_cut: int = 0
    """Number of fixations that began before the first frame; they count from there."""
    notes: list[str] = field(default_factory=list)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """(N,) whether a sample has gaze."""
        return np.asarray(np.isfinite(self.xy).all(axis=1))

    def outside(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(K,) which points lie outside the video."""
        return np.asarray(((xy < 0) | (xy >= self.size_wh)).any(axis=1))

    def check(self) -> None:
        """Note what is odd, each with how much of it there is and, where it has one, its row."""
        gaps = np.diff(self.time_seconds)
        if len(gaps) and gaps.max() > LONG_GAP_SECONDS:
            place = int(gaps.argmax())
            count = int((gaps > LONG_GAP_SECONDS).sum())
            where = f"the longest, {gaps[place]:.2f} s, ends at row {self.rows[place + 1]}"
            self.notes.append(f"{count} gaps of more than {LONG_GAP_SECONDS:g} s between samples; {where}")
        valid = self.valid
        if len(valid) and valid.mean() < 1 - MOST_LOST:
            self.notes.append(f"the eyes were lost in {1 - valid.mean():.0%} of its {len(valid)} samples")
        points = self.xy[valid] if valid.any() or self.fixation_xy is None else self.fixation_xy
        outside = self.outside(points)
        if len(points) and outside.mean() > MOST_OUTSIDE:
            self.notes.append(f"{outside.mean():.0%} of the gaze lies outside the video{self._swapped(points)}")

    def _swapped(self, points: NDArray[np.float64]) -> str:
        """What would bring the gaze inside."""
        if self.outside(points[:, ::-1]).mean() < self.outside(points).mean() / 4:
            return ": are the columns of x and y swapped?"
        return ": is the size of the display right, and the video's place on it?"

    def counts(self) -> dict[str, Any]:
        """What became of the samples, as JSON values."""
        valid = self.valid
        steps = np.diff(self.time_seconds)
        # The mean, since rounded times have steps of 3, 3, 4 ms; without gaps.
        step = float(steps[steps <= 1.5 * np.median(steps)].mean()) if len(steps) else 0.0
        return {
            "file": self.path.name,
            "alignment": self.alignment,
            "placement": self.placement,
            "samples_before_or_after_the_video": self.outside_time,
            "samples": len(valid),
            "samples_lost": int((~valid).sum()),
            "samples_outside_the_video": int(self.outside(self.xy[valid]).sum()),
            "samples_per_second": round(1 / step, 2) if step else None,
            "fixations": 0 if self.fixation_xy is None else len(self.fixation_xy),
            "fixations_cut_at_the_first_frame": self.fixations_cut,
            "notes": self.notes,
        }
