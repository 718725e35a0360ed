"""Frames of clips without gaze, and what teachers that watch a clip said of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.files import written_whole
from gfsalnet.formats.arrays import ArrayArchive
from gfsalnet.gaze import View
from gfsalnet.maps import Map
from gfsalnet.training.distillation.config import Distillation, InputSize
from gfsalnet.training.distillation.stored import StoredMaps
from gfsalnet.training.distillation.teachers import UnisalTeacher
from gfsalnet.training.distillation.views import random_view
from gfsalnet.types import RGB
from gfsalnet.video import open_source

LONGEST_SIDE_PIXELS = 448
"""Width that frames are held at, at most: about the largest input."""
WATCHED_HW = (224, 384)
"""The size at which UNISAL watches a clip, and a quarter of which its maps are kept at."""
CROP_ASPECTS = (12 / 7, 12 / 7, 12 / 7, 5 / 4)
"""Aspects of the crops of each clip that UNISAL watches besides the whole."""
WHOLE_SHARE, WHOLE_TOLERANCE = 0.5, 0.35
"""How often the whole frame is shown where its aspect is about that of the input, and what is about (a logarithm)."""
SELDOM = 0.4
"""How often a clip of `seldom` is drawn, relative to others."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip's frames with the stored maps of each, and views of it with what UNISAL, watching, says of each."""

    name: str
    frames: list[RGB]
    stored: list[Map]
    """(h, w): the sum of exponent times log map, of whole frames."""
    weight: float
    """How often it is drawn."""
    views: list[View]
    """The whole, then the crops that were watched; empty without `watching`."""
    watched: NDArray[np.float16]
    """(views, frames, h, w): log maps, each over its view."""
    exponent: float
    """Exponent of the watched maps."""

    def example(self, size: InputSize, rng: np.random.Generator) -> tuple[RGB, Map]:
        """A view (H, W, 3) of a frame at that size; and (H / 4, W / 4) float32, the sum of its teachers' log maps."""
        aspect, index = size.width / size.height, int(rng.integers(len(self.frames)))
        frame = self.frames[index]
        if not self.views:
            picture_hw = (frame.shape[0], frame.shape[1])
            view = random_view(picture_hw, aspect, rng, whole=WHOLE_SHARE, tolerance=WHOLE_TOLERANCE)
            return view.of_image(frame, (size.height, size.width)), view.of_map(self.stored[index], size.grid_hw)
        # The whole frame, or else one of the crops whose aspect is nearest to the input's.
        number = 0
        own = frame.shape[1] / frame.shape[0]
        if abs(math.log(own / aspect)) > WHOLE_TOLERANCE or rng.random() > WHOLE_SHARE:
            nearest = min(CROP_ASPECTS, key=lambda crop: abs(math.log(crop / aspect)))
            number = 1 + int(rng.choice([i for i, crop in enumerate(CROP_ASPECTS) if crop == nearest]))
        seen = self.views[number]
        view = View(seen.left, seen.top, seen.width, seen.height, mirrored=bool(rng.random() < 0.5))
        watched = View(mirrored=view.mirrored).of_map(self.watched[number, index].astype(np.float32), size.grid_hw)
        log_map = np.float32(self.exponent) * watched + view.of_map(self.stored[index], size.grid_hw)
        return view.of_image(frame, (size.height, size.width)), log_map


def open_clips(
    settings: Distillation,
    maps: StoredMaps,
    data_root: Path,
    kept: Path,
    on_clip: Callable[[int, int], None] = lambda done, total: None,
) -> list[Clip]:
    """The clips that the stored maps name.

    Args:
        settings: the section of the recipe.
        maps: of whole frames.
        data_root: what paths of clips are below.
        kept: folder for what UNISAL says of crops, which takes minutes; made if need be.
        on_clip: called with the numbers of clips that are ready and of all.

    Raises:
        DatasetError, SourceError: if a clip or a map is missing or damaged.
        WeightsError: if UNISAL's weights are.
        OutputError: if the folder cannot be written to.
    """
    found = maps.clips()
    if not found:
        raise DatasetError(maps.path, "names no clip", "Name a file of teachers' maps that has some: docs/training.md.")
    unisal = UnisalTeacher(settings.watching.weights, torch.device("cpu")) if settings.watching else None
    exponent = settings.watching.video if settings.watching else 0.0
    clips = []
    for order, (source, row_of) in enumerate(found.items()):
        path = data_root / source
        frames = dict(_frames(path, row_of))
        if not frames:
            raise DatasetError(path, "has none of the frames that the stored maps name", "Take the clip they are of.")
        # By the root of its length: a long clip shows more, but its frames look alike.
        weight = len(frames) ** 0.5 * (SELDOM if path.name.startswith(settings.seldom) else 1.0)
        exponents = dict(settings.stored.video)
        views: list[View] = []
        watched: NDArray[np.float16] = np.zeros((0, 0, 0, 0), np.float16)
        if settings.watching and unisal:
            views = [View(), *_crops(next(iter(frames.values())), np.random.default_rng(order))]
            said = _kept(kept / f"{path.stem}.npz", unisal, frames, views[1:])
            # Of the whole frame the stored map says what UNISAL would: it need not watch that again.
            whole = [maps.log_map(row_of[number], {settings.watching.whole: 1.0}) for number in frames]
            watched = _of_views(said, whole)
            exponents.pop(settings.watching.whole, None)  # it is among the watched: the view that is the whole
        stored = [maps.log_map(row_of[number], exponents) for number in frames]
        clips.append(Clip(path.stem, list(frames.values()), stored, weight, views, watched, exponent))
        on_clip(len(clips), len(found))
    return clips


def gaussian(size_hw: tuple[int, int]) -> Map:
    """(h, w) float32: logarithm of a Gaussian in the middle of a grid, sigma a quarter of each side."""
    y, x = (np.linspace(-1, 1, 2 * side + 1)[1::2] for side in size_hw)  # the middles of cells
    return np.asarray(-2 * (y[:, None] ** 2 + x**2), np.float32)


def _crops(frame: RGB, rng: np.random.Generator) -> list[View]:
    views = [random_view((frame.shape[0], frame.shape[1]), aspect, rng, whole=0) for aspect in CROP_ASPECTS]
    return [View(view.left, view.top, view.width, view.height) for view in views]


def _kept(path: Path, unisal: UnisalTeacher, frames: dict[int, RGB], crops: list[View]) -> NDArray[np.float16]:
    """(crops, frames, h, w): log maps from the file, which is written if need be."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as partial, partial.open("wb") as file:
            np.savez(file, log_maps=_watch(unisal, frames, crops))
    return np.asarray(ArrayArchive(path, DatasetError, "Remove it: it is made again.").read("log_maps"), np.float16)


def _watch(unisal: UnisalTeacher, frames: dict[int, RGB], crops: list[View]) -> NDArray[np.float16]:
    """What UNISAL says of each crop, watching the frames in their order: some three or six a second."""
    state, maps = None, []
    for frame in frames.values():
        pictures = torch.from_numpy(np.stack([view.of_image(frame, WATCHED_HW) for view in crops]))
        log_maps, state = unisal.watched(pictures.permute(0, 3, 1, 2).float() / 255, state)
        maps.append(log_maps.numpy().astype(np.float16))
    return np.stack(maps, 1)


def _of_views(of_crops: NDArray[np.float16], of_whole: list[Map]) -> NDArray[np.float16]:
    """(1 + crops, frames, h, w): of the whole frames and of the crops."""
    cells_wh = (of_crops.shape[3], of_crops.shape[2])
    whole = np.stack([cv2.resize(log_map, cells_wh) for log_map in of_whole]).astype(np.float16)
    return np.concatenate((whole[None], of_crops))


def _frames(path: Path, wanted: Collection[int]) -> Iterator[tuple[int, RGB]]:
    """The wanted frames that the clip has, by number, at most `LONGEST_SIDE_PIXELS` wide."""
    last = max(wanted)
    with open_source(str(path)) as reader:
        for frame in reader:
            if frame.index in wanted:
                height, width, _ = frame.rgb.shape
                shrink = min(LONGEST_SIDE_PIXELS / width, 1)
                yield frame.index, View().of_image(frame.rgb, (round(height * shrink), round(width * shrink)))
            if frame.index >= last:
                return
