"""Frames of openly licensed clips with what the teachers that need time or care said of them, made before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from student.pictures import RGB, ROBOTS, View, map_seen, random_view, seen
from student.teachers import Unisal

from gfsalnet.maps import Map

VIDEO_SHARE, FASTGAZE_SHARE, CENTRE_SHARE = 0.35, 0.15, 0.15
"""Exponents of UNISAL with its recurrence, of FastGaze, and of the centre that FastGaze comes without (a Gaussian,
sigma a quarter of each side of the view); the static teachers see each view themselves."""
UNISAL_HW = (224, 384)
"""The size at which UNISAL sees a video."""
CROP_ASPECTS = (12 / 7, 12 / 7, 12 / 7, 5 / 4)
"""Of the crops of each clip that UNISAL watches besides the whole."""
WHOLE_SHARE, WHOLE_TOLERANCE = 0.5, 0.35
"""How often the whole frame is shown where its aspect is about that of the input, and what is about (a logarithm)."""
UNISAL_CELLS_WH = (96, 56)


@dataclass(frozen=True)
class Clip:
    """A clip's frames, and views of it with what UNISAL over video says of each: the whole first, then crops."""

    name: str
    frames: list[RGB]
    fastgaze: NDArray[np.float32]
    """(frames, 60, 80): log maps of the whole."""
    views: list[View]
    video: NDArray[np.float16]
    """(views, frames, 56, 96): log maps of the views."""

    @property
    def weight(self) -> float:
        """How often it is drawn."""
        return len(self.frames) ** 0.5 * (0.4 if self.name.startswith(ROBOTS) else 1.0)

    def drawn(self, size_hw: tuple[int, int], rng: np.random.Generator) -> tuple[RGB, Map]:
        """A view of a frame at that size, and the sum of its teachers' log maps at a quarter of it."""
        aspect, index = size_hw[1] / size_hw[0], int(rng.integers(len(self.frames)))
        frame = self.frames[index]
        own = frame.shape[1] / frame.shape[0]
        number = 0
        if abs(np.log(own / aspect)) > WHOLE_TOLERANCE or rng.random() > WHOLE_SHARE:
            nearest = min(CROP_ASPECTS, key=lambda crop: abs(np.log(crop / aspect)))
            number = 1 + int(rng.choice([i for i, crop in enumerate(CROP_ASPECTS) if crop == nearest]))
        view = self.views[number]._replace(mirrored=bool(rng.random() < 0.5))
        grid_hw = size_hw[0] // 4, size_hw[1] // 4
        all_of_it = View(0, 0, 1, 1, view.mirrored)
        video = map_seen(self.video[number, index].astype(np.float32), all_of_it, grid_hw)
        log_map = VIDEO_SHARE * video + FASTGAZE_SHARE * map_seen(self.fastgaze[index], view, grid_hw)
        return seen(frame, view, size_hw), np.asarray(log_map + CENTRE_SHARE * gaussian(grid_hw), np.float32)


def gaussian(size_hw: tuple[int, int]) -> Map:
    """Logarithm of a Gaussian in the middle of a grid, sigma a quarter of each side."""
    y, x = (np.linspace(-1, 1, 2 * side + 1)[1::2] for side in size_hw)  # the middles of cells
    return np.asarray(-2 * (y[:, None] ** 2 + x**2), np.float32)


def open_clips(data: Path, weights: Path, kept: Path) -> list[Clip]:
    """The clips of the teacher maps; what UNISAL says of their crops is kept in that folder."""
    maps = np.load(data / "teacher_maps/teacher_maps.npz")
    rows = np.flatnonzero(maps["frame"] >= 0)
    sources, numbers = maps["source"][rows], maps["frame"][rows]
    whole, fastgaze = ((maps[name].astype(np.float32) / 255 - 1) * 12 for name in ("unisal_video", "fastgaze"))
    unisal, clips = Unisal(weights / "unisal_official.safetensors"), []
    kept.mkdir(parents=True, exist_ok=True)
    for order, source in enumerate(np.unique(sources)):
        path, of_clip = data / str(source), np.flatnonzero(sources == source)
        frames = dict(_frames(path, set(numbers[of_clip].tolist())))
        found = [row for row in of_clip if int(numbers[row]) in frames]
        wanted = [int(numbers[row]) for row in found]
        views = _crops(frames[wanted[0]].shape[:2], np.random.default_rng(order))
        file = kept / f"{path.stem}.npy"
        if not file.exists():
            np.save(file, _watched(unisal, path, wanted, views))
        of_whole = np.stack([cv2.resize(log_map, UNISAL_CELLS_WH) for log_map in whole[found]])
        video = np.concatenate((of_whole[None].astype(np.float16), np.load(file)))
        of_frames = [frames[number] for number in wanted]
        clips.append(Clip(path.stem, of_frames, fastgaze[found], [View(0, 0, 1, 1, False), *views], video))
    return clips


def _crops(picture_hw: tuple[int, int], rng: np.random.Generator) -> list[View]:
    return [random_view(picture_hw, aspect, rng, whole=0)._replace(mirrored=False) for aspect in CROP_ASPECTS]


def _watched(unisal: Unisal, path: Path, wanted: list[int], views: list[View]) -> NDArray[np.float16]:
    """(views, frames, 56, 96): what UNISAL says of each view, watching the wanted frames, three or so a second."""
    state, maps = None, []
    for _, frame in _frames(path, set(wanted)):
        pictures = np.stack([seen(frame, view, UNISAL_HW) for view in views])
        log_maps, state = unisal.watched(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255, state)
        maps.append(log_maps.numpy().astype(np.float16))
    return np.stack(maps, 1)


def _frames(path: Path, wanted: set[int]) -> Iterator[tuple[int, RGB]]:
    """Those that the film has, at most 448 wide."""
    film = cv2.VideoCapture(str(path))
    for number in range(max(wanted) + 1):
        if not film.grab():
            break
        if number in wanted:
            _, bgr = film.retrieve()
            if bgr.shape[1] > 448:
                bgr = cv2.resize(bgr, (448, round(bgr.shape[0] * 448 / bgr.shape[1])), interpolation=cv2.INTER_AREA)
            yield number, np.ascontiguousarray(bgr[..., ::-1])
