"""Frames of openly licensed clips with what the teachers that need time or care said of them, made before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from student.pictures import RGB, ROBOTS

VIDEO_SHARE, FASTGAZE_SHARE = 0.4, 0.1
"""Exponents of UNISAL with its recurrence and of FastGaze; the static teachers see each view themselves."""


@dataclass(frozen=True)
class Clip:
    """Frames (H, W, 3) and, of each, the sum of its teachers' log maps over the whole picture (60, 80)."""

    name: str
    frames: list[RGB]
    log_maps: NDArray[np.float32]

    @property
    def weight(self) -> float:
        """How often it is drawn."""
        return len(self.frames) ** 0.5 * (0.4 if self.name.startswith(ROBOTS) else 1.0)


def open_clips(data: Path) -> list[Clip]:
    """The clips of the teacher maps."""
    maps = np.load(data / "teacher_maps/teacher_maps.npz")
    rows = np.flatnonzero(maps["frame"] >= 0)
    sources, numbers = maps["source"][rows], maps["frame"][rows]
    video, fastgaze = ((maps[name].astype(np.float32) / 255 - 1) * 12 for name in ("unisal_video", "fastgaze"))
    log_maps = VIDEO_SHARE * video + FASTGAZE_SHARE * fastgaze
    clips = []
    for source in np.unique(sources):
        of_clip = np.flatnonzero(sources == source)
        frames = _frames(data / str(source), set(numbers[of_clip].tolist()))
        kept = [row for row in of_clip if int(numbers[row]) in frames]
        clips.append(Clip(Path(str(source)).stem, [frames[int(numbers[row])] for row in kept], log_maps[kept]))
    return clips


def _frames(path: Path, wanted: set[int]) -> dict[int, RGB]:
    film, frames = cv2.VideoCapture(str(path)), {}
    for number in range(max(wanted) + 1):
        if not film.grab():
            break
        if number in wanted:
            _, bgr = film.retrieve()
            if bgr.shape[1] > 448:
                bgr = cv2.resize(bgr, (448, round(bgr.shape[0] * 448 / bgr.shape[1])), interpolation=cv2.INTER_AREA)
            frames[number] = np.ascontiguousarray(bgr[..., ::-1])
    return frames
