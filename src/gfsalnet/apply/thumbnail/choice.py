"""What is measured of frames, and which are taken: sharp where viewers look, bright, focused, spread over the shots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.apply.reframe.aspect import Crop
from gfsalnet.apply.reframe.path import PathSettings, kept_shares, losses_at
from gfsalnet.maps import Map, resize_density
from gfsalnet.render import area_holding
from gfsalnet.types import Prediction
from gfsalnet.video.geometry import fitted_size_hw, resize_rgb

MEASURED_PIXELS = 320 * 240
"""Size at which sharpness is measured: what is sharp there is sharp in a thumbnail."""
DARKEST, LIGHTEST = 0.12, 0.9
"""Limits between which the mean grey where viewers look, 0…1 of the stored levels, is bright enough."""
FLATTEST = 0.05
"""Standard deviation of the grey, 0…1, below which a picture shows nothing: black, a fade, a title's background."""
EDGE_SECONDS = 0.3
"""Frames this near to a cut are left out where a shot has others: dissolves and encoders blur them."""
END_SHARE = 1 / 6
"""Share of a part that is left out at either end where there are other frames."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What is measured of a frame."""

    frame_index: int
    time_seconds: float
    shot: int
    """Number of its shot, from 0."""
    sharpness: float
    """Variance of the Laplacian of the grey (levels²), in which each place counts as much as it is looked at."""
    brightness: float
    """Mean grey where viewers look, 0…1."""
    contrast: float
    """Standard deviation of the grey over the frame, 0…1."""
    focus_area: float
    """Part of the frame, 0…1, that holds half of the looks."""
    crop_start: float | None = None
    """Where the best crop begins along its axis, in pixels of the frame; None where none is asked for."""
    kept_share: float | None = None
    """Share of the predicted looks in that crop."""

    @property
    def is_bright(self) -> bool:
        """Whether there is enough to see."""
        return DARKEST <= self.brightness <= LIGHTEST and self.contrast >= FLATTEST


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A frame that was chosen."""

    file: str
    quality: Quality
    score: float
    """0…1: mean of its ranks in the clip by sharpness and by focus."""
    sharper_than: float
    """Share of the clip's frames, 0…1, that are less sharp."""
    reason: str


def measure(
    looks: Iterable[Prediction], crop: Crop | None = None, on_frame: Callable[[int], None] = lambda done: None
) -> list[Quality]:
    """The quality of every frame."""
    found: list[Quality] = []
    shot = 0
    for prediction in looks:
        shot += prediction.starts_shot and bool(found)
        found.append(_quality(prediction, shot, crop))
        on_frame(len(found))
    return found


def _quality(prediction: Prediction, shot: int, crop: Crop | None) -> Quality:
    rgb = prediction.frame.rgb
    size_hw = fitted_size_hw(prediction.frame.size_hw, MEASURED_PIXELS, multiple=8)
    grey = np.asarray(cv2.cvtColor(resize_rgb(rgb, size_hw), cv2.COLOR_RGB2GRAY), np.float32)
    density = resize_density(prediction.map_density, size_hw)
    # Edges weighted by the looks: a sharp background behind a blurred face does not help.
    edges = cv2.Laplacian(grey, cv2.CV_32F)
    mean = float((density * edges).sum())
    start, kept = (None, None) if crop is None else best_crop(prediction.map_density, crop)
    return Quality(
        frame_index=prediction.frame_index,
        time_seconds=prediction.time_seconds,
        shot=shot,
        sharpness=float((density * (edges - mean) ** 2).sum()),
        brightness=float((density * grey).sum()) / 255,
        contrast=float(grey.std()) / 255,
        focus_area=area_holding(prediction.map_density),
        crop_start=start,
        kept_share=kept,
    )


def best_crop(density: Map, crop: Crop) -> tuple[float, float]:
    """Where the crop begins that keeps most looks of a density (h, w), in whole pixels, and the share that it keeps.

    Of several that keep the same, such as all that hold everything, the one around the looks.
    """
    along = density.sum(axis=1 if crop.axis == 1 else 0, dtype=np.float64)[None]
    looks = along / along.sum()
    places, length = np.arange(crop.room + 1) / crop.side, crop.length / crop.side
    # As `reframe` weighs a still shot, in which way and turns cost nothing.
    best = int(losses_at(looks, places, length, PathSettings.aside_price).argmin())
    return float(best), float(kept_shares(looks, places[best : best + 1], length)[0, 0])


def choose(qualities: Sequence[Quality], count: int) -> list[Thumbnail]:
    """The best frame of each of `count` parts of the clip, the best first; fewer if there are fewer frames.

    The parts are shots: the longest are halved while there are too few, the shortest joined with a neighbour while
    there are too many. In each, frames that are bright enough, not at a cut and not at an end of the part go before
    others: what is chosen on either side of a cut or a half looks different.
    """
    if not qualities:
        return []
    # Ranks, since variances of a Laplacian and parts of a frame have no common scale.
    sharp = _ranks([quality.sharpness for quality in qualities])
    focused = _ranks([-quality.focus_area for quality in qualities])
    scores = ((sharp + focused) / 2).tolist()
    edge = _at_edges(qualities)
    best = [_best(qualities, scores, edge, part) for part in _parts(qualities, count)]
    best.sort(key=lambda k: (qualities[k].is_bright, scores[k]), reverse=True)
    return [
        Thumbnail(
            file=f"{rank}.jpg",
            quality=qualities[k],
            score=scores[k],
            sharper_than=float(sharp[k]),
            reason=_reason(qualities[k], float(sharp[k]), float(focused[k]))
            if len(qualities) > 1
            else "the only frame",
        )
        for rank, k in enumerate(best, start=1)
    ]


def _best(qualities: Sequence[Quality], scores: Sequence[float], at_cut: Sequence[bool], part: tuple[int, int]) -> int:
    """The frame of a part that goes before its others."""
    first, end = part
    # False goes before true: brightness decides first, then the place in the part, and the score among those left.
    margin = (end - first) * END_SHARE

    def worth(k: int) -> tuple[bool, bool, float]:
        inside = first + margin <= k <= end - 1 - margin and not at_cut[k]
        return qualities[k].is_bright, inside, scores[k]

    return max(range(first, end), key=worth)


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """For each value the share of the others that are smaller, 0…1."""
    given = np.array(values)
    return np.searchsorted(np.sort(given), given) / max(len(given) - 1, 1)


def _at_edges(qualities: Sequence[Quality]) -> list[bool]:
    times: dict[int, tuple[float, float]] = {}
    for quality in qualities:
        first, _ = times.get(quality.shot, (quality.time_seconds, 0.0))
        times[quality.shot] = first, quality.time_seconds
    return [min(q.time_seconds - times[q.shot][0], times[q.shot][1] - q.time_seconds) < EDGE_SECONDS for q in qualities]


def _parts(qualities: Sequence[Quality], count: int) -> list[tuple[int, int]]:
    """First frame and end of each of `count` parts."""
    shots = np.array([quality.shot for quality in qualities])
    firsts = [0, *(np.flatnonzero(np.diff(shots)) + 1).tolist()]
    parts = list(zip(firsts, [*firsts[1:], len(shots)], strict=True))
    # No part can be shorter than a frame, so the count of frames is the most there can be.
    while len(parts) < min(count, len(qualities)):
        k = max(range(len(parts)), key=lambda i: parts[i][1] - parts[i][0])
        first, end = parts[k]
        parts[k : k + 1] = [(first, (first + end) // 2), ((first + end) // 2, end)]
    while len(parts) > count:
        k = min(range(len(parts) - 1), key=lambda i: parts[i + 1][1] - parts[i][0])
        parts[k : k + 2] = [(parts[k][0], parts[k + 1][1])]
    return parts


def _reason(quality: Quality, sharp: float, focused: float) -> str:
    light = "bright enough" if quality.is_bright else "dark, pale or flat, as all of its part"
    return (
        f"where viewers look it is sharper than {sharp:.0%} of the clip; half of the looks lie in "
        f"{quality.focus_area:.0%} of the picture, less than in {focused:.0%} of the clip; {light}; "
        f"the best of its part of shot {quality.shot + 1}"
    )
