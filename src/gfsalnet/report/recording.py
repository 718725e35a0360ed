"""One version of a video as a page needs it: frames and maps in one small video, and the numbers of every frame.

The maps travel in the same pictures as the frames, in a strip below them: whatever a browser does, they cannot get out
of step. Above is the frame; below it, on the left how strongly each place is drawn (`display_levels`), on the right the
gate.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.maps import Map, resize_density, to_density
from gfsalnet.render import FrameStatistics, display_levels
from gfsalnet.report.densities import SmallMaps
from gfsalnet.types import RGB, Prediction
from gfsalnet.video import VideoInfo, VideoWriter

LARGEST_SIDE = 640
"""Pixels of the longer side of a frame on the page."""
MEGABYTES_PER_MINUTE = 20.0
"""The most that a minute may take on the page, text form included."""
MEGABYTES_IN_ALL = 250.0
"""The most that all videos of a page may take: browsers refuse far larger pages."""
_GUTTER = 16  # black rows and columns between the parts, so that the encoder's blocks do not mix them
_CRF = 22
_MEAN_HW = 90
"""Longer side of the mean map, from which hot spots are taken."""
_COARSE = 16
"""Longer side of the maps that are kept of every frame, to find when each hot spot draws the most."""
_TEXT_PER_BYTE = 4 / 3

COLUMNS = (
    "entropy_bits",
    "area_50_percent",
    "area_90_percent",
    "centroid_x",
    "centroid_y",
    "centroid_drift_pixels",
    "motion_change",
    "peak_x",
    "peak_y",
)


@dataclass(frozen=True)
class Layout:
    """Where the parts lie in the pictures of the small video, [left, top, width, height] each, in its pixels."""

    size_wh: tuple[int, int]
    frame: tuple[int, int, int, int]
    levels: tuple[int, int, int, int]
    gate: tuple[int, int, int, int]

    @classmethod
    def of(cls, size_wh: tuple[int, int], largest_side: int = LARGEST_SIDE) -> Layout:
        """For a source of this size."""
        scale = min(1.0, largest_side / max(size_wh))
        # Even sides: H.264 halves the resolution of colours.
        width, height = (max(2, round(side * scale / 2) * 2) for side in size_wh)
        top = -(-height // 16) * 16 + _GUTTER
        map_width, map_height = max(2, width // 2 - _GUTTER // 2), max(2, height // 2)
        right = map_width + _GUTTER
        whole = max(width, right + map_width), top + map_height
        return cls(
            (whole[0] + whole[0] % 2, whole[1] + whole[1] % 2),
            (0, 0, width, height),
            (0, top, map_width, map_height),
            (right, top, map_width, map_height),
        )

    def packed(self, prediction: Prediction) -> RGB:
        """The picture of one frame (h, w, 3)."""
        picture = np.zeros((self.size_wh[1], self.size_wh[0], 3), np.uint8)
        levels = display_levels(prediction.map_density)
        gate = np.full(levels.shape, 255, np.uint8)
        if prediction.map_gate is not None:
            gate = np.asarray(cv2.convertScaleAbs(prediction.map_gate, alpha=255), np.uint8)
        for part, (left, top, width, height) in (
            (prediction.frame.rgb, self.frame),
            (levels, self.levels),
            (gate, self.gate),
        ):
            shrinks = part.shape[1] > width
            resized = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
            picture[top : top + height, left : left + width] = resized if resized.ndim == 3 else resized[..., None]
        return picture


@dataclass(frozen=True)
class Recorded:
    """What is left of a recorded video: see `Recorder`."""

    path: Path
    """The small video, MP4."""
    layout: Layout
    info: VideoInfo
    has_gate: bool
    notes: list[str]
    times: NDArray[np.float64]
    """(T,) seconds from the start of the source."""
    cuts: list[float]
    """Seconds at which a new shot starts, the first one left out."""
    shots: list[int]
    """Positions of frames that start a shot, the first one included."""
    columns: dict[str, NDArray[np.float64]]
    """`COLUMNS` of `FrameStatistics`, (T,) each; NaN where unknown."""
    mean_density: Map
    """(h, w): the mean of all maps, sums to 1."""
    coarse: NDArray[np.float16]
    """(T, h, w): all maps at a small size, each summing to 1."""
    maps: SmallMaps
    """All maps, or every second one and so on, at a size that shares of areas can be computed from."""


class Recorder:
    """Takes predictions in order, and writes the small video; besides the maps memory grows by 400 bytes per frame.

    Args:
        path: of the small video.
        info: of the source.
        share: the part of `MEGABYTES_IN_ALL`, for video and for maps, that may be taken.
        largest_side: see `LARGEST_SIDE`.
    """

    def __init__(self, path: Path, info: VideoInfo, share: float = 1.0, largest_side: int = LARGEST_SIDE) -> None:
        self.layout, self.info, self._path = Layout.of(info.size_wh, largest_side), info, path
        self._writer = VideoWriter(
            path,
            size_wh=self.layout.size_wh,
            rate=info.rate,
            time_base=info.time_base,
            audio_from=info.path if info.has_audio else None,
            audio_start_seconds=info.start_seconds,
            crf=_CRF,
            most_bits_per_second=most_bits_per_second(info.duration_seconds, share),
            pixel_aspect=info.pixel_aspect,
        )
        self._times, self._shots = array("d"), array("L")
        self._columns = {name: array("d") for name in COLUMNS}
        self._before: FrameStatistics | None = None
        self._sum: NDArray[np.float64] | None = None
        self._coarse = bytearray()
        self._coarse_hw = (1, 1)
        self._maps = SmallMaps(share)
        self._has_gate = False

    def write(self, prediction: Prediction) -> None:
        """Add one prediction."""
        self._writer.write(self.layout.packed(prediction), prediction.time_seconds - self.info.start_seconds)
        self._before = found = FrameStatistics.of(prediction, self._before)
        if prediction.starts_shot:
            self._shots.append(len(self._times))
        self._times.append(prediction.time_seconds)
        for name, values in self._columns.items():
            value: Any = getattr(found, name)
            values.append(np.nan if value is None else value)
        self._has_gate |= prediction.map_gate is not None
        density = prediction.map_density
        if self._sum is None:
            self._sum = np.zeros(_reduced(density.shape, _MEAN_HW))
            self._coarse_hw = _reduced(density.shape, _COARSE)
        self._sum += resize_density(density, (self._sum.shape[0], self._sum.shape[1]))
        self._coarse += resize_density(density, self._coarse_hw).astype(np.float16).tobytes()
        self._maps.add(density)

    def finish(self) -> Recorded:
        """What was recorded; after the block is left."""
        assert self._sum is not None
        times = np.asarray(self._times)
        return Recorded(
            path=self._path,
            layout=self.layout,
            info=self.info,
            has_gate=self._has_gate,
            notes=self._writer.notes,
            times=times,
            cuts=[float(times[position]) for position in self._shots if position],
            shots=list(self._shots),
            columns={name: np.asarray(values) for name, values in self._columns.items()},
            mean_density=to_density(self._sum),
            coarse=np.frombuffer(self._coarse, np.float16).reshape(-1, *self._coarse_hw),
            maps=self._maps,
        )

    def __enter__(self) -> Recorder:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)


def _reduced(shape: tuple[int, ...], longer: int) -> tuple[int, int]:
    """Height and width in the same proportion with that longer side."""
    height, width = (max(1, round(side * longer / max(shape))) for side in shape)
    return height, width


def most_bits_per_second(duration_seconds: float | None, share: float = 1.0) -> int:
    """The rate at which a minute stays within its megabytes, and all of them within those of a page."""
    minutes = (duration_seconds or 60.0) / 60
    megabytes = min(MEGABYTES_PER_MINUTE, MEGABYTES_IN_ALL * share / max(minutes, 1e-3))
    return round(megabytes / _TEXT_PER_BYTE * 8e6 / 60)
