"""What a prediction says about areas, frame by frame and summarised: share of attention, lift, peak, share of motion.

No fixations are predicted, so nothing here bears the name of a fixation measure. All of it can be computed again by
hand from the maps (`maps.npz`) and the areas (docs/areas.md gives the formulas).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gfsalnet.areas.area import Corners
from gfsalnet.areas.shapes import Coverage, coverage, holds
from gfsalnet.choices import OverlapRule
from gfsalnet.maps import Map


@dataclass(frozen=True, kw_only=True)
class Level:
    """A limit above which an area has attention: a share of it, or a multiple of the area's even share."""

    value: float
    is_lift: bool

    @classmethod
    def parse(cls, text: str) -> Level:
        """`0.2` and `20%` are shares of attention, `2x` is a lift.

        Raises:
            ValueError: if it is none of these, or not positive.
        """
        number = float(text.rstrip("x%"))
        number = number / 100 if text.endswith("%") else number
        if not 0 < number < math.inf or (number > 1 and not text.endswith("x")):
            raise ValueError(f"{text} is neither a share, such as 0.2 or 20%, nor a lift, such as 2x")
        return cls(value=number, is_lift=text.endswith("x"))

    def __str__(self) -> str:
        return f"lift {self.value:g}" if self.is_lift else f"share {self.value:g}"


@dataclass(frozen=True, kw_only=True)
class Attention:
    """The attention that one area gets in one frame."""

    area_share: float
    """Part of the frame that the area covers, 0…1."""
    attention_share: float
    """Part of the frame's predicted attention in the area, 0…1."""
    holds_peak: bool
    """Whether the densest cell of the map has its centre in the area."""
    peak_lift: float
    """Density of the area's densest cell relative to an even spread."""
    motion_share: float | None
    """Mean of 1 − gate over the area, weighted by the density; None for a model of one stream."""

    @property
    def lift(self) -> float | None:
        """Share of attention over share of area; None outside the frame."""
        return self.attention_share / self.area_share if self.area_share else None


def attention_in(
    corners: list[Corners | None], frame_wh: tuple[int, int], density: Map, gate: Map | None, overlap: OverlapRule
) -> list[Attention | None]:
    """What each area gets of one frame's attention; None for those that are not there.

    Args:
        corners: of each area (K, 2) in pixels of the frame, or None.
        frame_wh: width and height of the frame in pixels.
        density: (h, w) ≥ 0; it is divided by its sum.
        gate: (h, w) 0…1, the share of appearance; None for a model of one stream.
        overlap: whom attention in several areas belongs to.
    """
    height, width = density.shape
    # In float64, since the shares of many areas are to add up; a map of zeros gives shares of 0.
    total = float(density.sum(dtype=np.float64)) or 1.0
    row, column = divmod(int(density.argmax()), width)
    peak = np.array([(column + 0.5) * frame_wh[0] / width]), np.array([(row + 0.5) * frame_wh[1] / height])
    # (h, w) 0…1 of each cell that no area has yet; areas take from it in their order.
    left = np.ones(density.shape) if overlap == "first" else None
    peak_is_taken = False
    found: list[Attention | None] = []
    for polygon in corners:
        if polygon is None:
            found.append(None)
            continue
        covered = coverage(polygon, frame_wh, (height, width))
        if left is not None:
            covered = _what_is_left(covered, left)
        cells = covered.of(density) / total
        share = float(cells.sum())
        # By the polygon, not by the covered cells: of two areas side by side that share a cell, one holds its centre.
        holds_peak = bool(holds(polygon, *peak)[0]) and not peak_is_taken
        peak_is_taken = peak_is_taken or (holds_peak and overlap == "first")
        # Back from attention to density: a cell that the area only touches is as dense as if it held it all.
        inside = covered.shares > 0
        densest = float((cells[inside] / covered.shares[inside]).max()) if inside.any() else 0.0
        found.append(
            Attention(
                area_share=covered.area_share,
                attention_share=share,
                holds_peak=holds_peak,
                # Of an even spread each cell holds 1 / (h · w).
                peak_lift=densest * density.size,
                motion_share=_motion_share(covered, cells, gate),
            )
        )
    return found


def _what_is_left(covered: Coverage, left: NDArray[np.float64]) -> Coverage:
    """The part of a coverage that no earlier area has; it is taken off `left` (h, w)."""
    rows, columns = covered.shares.shape
    there = left[covered.top : covered.top + rows, covered.left : covered.left + columns]
    shares = np.minimum(covered.shares, there)
    there -= shares
    return replace(covered, shares=shares)


def _motion_share(covered: Coverage, cells: NDArray[np.float64], gate: Map | None) -> float | None:
    if gate is None or not cells.sum():
        return None
    rows, columns = cells.shape
    gates = gate[covered.top : covered.top + rows, covered.left : covered.left + columns]
    return float((cells * (1 - gates.astype(np.float64))).sum() / cells.sum())


@dataclass(kw_only=True)
class Summary:
    """The frames of one area, added one by one; times are from the area's onset unless their names say otherwise."""

    level: Level
    frames: int = 0
    lost_frames: int = 0
    shown_seconds: float = 0.0
    onset_seconds: float | None = None
    """When the area was first there, from the start of the video."""
    peak_share: float = 0.0
    """The highest share of attention in a frame."""
    peak_share_at_seconds: float | None = None
    first_peak_at_seconds: float | None = None
    """When the area first held the densest cell of the map."""
    peak_seconds: float = 0.0
    """How long it did."""
    seconds_above_level: float = 0.0
    _sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("area", "share", "motion", "weight"), 0.0))

    def add(self, attention: Attention | None, time_seconds: float, duration_seconds: float) -> None:
        """Add a frame in which the area is shown; None: it is lost there."""
        if attention is None:
            self.lost_frames += 1
            return
        self.frames += 1
        self.shown_seconds += duration_seconds
        if self.onset_seconds is None:
            self.onset_seconds = time_seconds
        share, lift = attention.attention_share, attention.lift or 0.0
        if share > self.peak_share:
            self.peak_share, self.peak_share_at_seconds = share, time_seconds
        if attention.holds_peak:
            self.peak_seconds += duration_seconds
            if self.first_peak_at_seconds is None:
                self.first_peak_at_seconds = time_seconds
        if (lift if self.level.is_lift else share) > self.level.value:
            self.seconds_above_level += duration_seconds
        # Weighted by time: at a variable rate frames are not equally long.
        self._sums["area"] += duration_seconds * attention.area_share
        self._sums["share"] += duration_seconds * share
        if attention.motion_share is not None:
            self._sums["motion"] += duration_seconds * share * attention.motion_share
            self._sums["weight"] += duration_seconds * share

    def row(self) -> dict[str, float | int | str | None]:
        """The columns of prediction.csv, by name; None where there is nothing to say."""
        shown, area, share = self.shown_seconds, self._sums["area"], self._sums["share"]
        return {
            "frames": self.frames,
            "lost_frames": self.lost_frames,
            "shown_seconds": shown,
            "onset_seconds": self.onset_seconds,
            "area_share": area / shown if shown else None,
            "attention_share": share / shown if shown else None,
            # A ratio of means, not a mean of ratios, which one frame of a tiny area would rule.
            "lift": share / area if area else None,
            "peak_share": self.peak_share if self.frames else None,
            "time_to_peak_share_seconds": self._since(self.peak_share_at_seconds),
            "time_to_first_peak_seconds": self._since(self.first_peak_at_seconds),
            "time_to_first_peak_from_clip_seconds": self.first_peak_at_seconds,
            "peak_seconds": self.peak_seconds,
            "level": str(self.level),
            "seconds_above_level": self.seconds_above_level,
            "motion_share": self._sums["motion"] / self._sums["weight"] if self._sums["weight"] else None,
        }

    def _since(self, seconds: float | None) -> float | None:
        return None if seconds is None or self.onset_seconds is None else seconds - self.onset_seconds
