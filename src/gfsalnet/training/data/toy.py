"""A small gaze dataset drawn by code: noise with a red disc, and in clips a disc of noise that shows only as it moves.

The viewers look at both. A frame alone tells where the red disc is, and nothing of the other; flow tells the opposite.
So each stream is right where the other is blind, and the gate is told which disc draws looks by its motion.
"""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.files import written_whole
from gfsalnet.metrics import GroundTruth
from gfsalnet.training.data.examples import Example
from gfsalnet.training.data.recordings import Recordings
from gfsalnet.types import RGB

TOY = "toy"
"""What recipes call it."""
_HEIGHT, _WIDTH = 96, 128
_RADIUS_PIXELS, _VIEWERS, _FOLLOW = 9, 12, 8
_PHOTOGRAPHS, _CLIPS, _FRAMES = 28, 14, 8
_RED, _REDDER = (240, 30, 30), 80
"""The disc's colour, and how far above green and blue its red stays however it is recoloured."""
_LOOKED_AT = 0.05
"""People look at a place from this share of the density's maximum."""

Points = NDArray[np.float64]
"""(N, 2): x, y in pixels."""


class ToyClips(Recordings):
    """The clips, with what is known of every look: motion draws those at the disc that moves, and none at the red one.

    Of recordings nobody knows it. Yet without it the gate learns little of use: the fused map alone does not tell it
    what to say where both streams agree, and where neither is right it prefers whichever is the less wrong.
    """

    def train_example(self, index: int, size_hw: tuple[int, int], rng: np.random.Generator) -> Example:
        """The example of a recording, with `motion_share`."""
        return with_motion_share(super().train_example(index, size_hw, rng))

    def eval_example(self, index: int) -> tuple[Example, GroundTruth]:
        """The example of a recording, with `motion_share`."""
        example, truth = super().eval_example(index)
        return with_motion_share(example), truth


def with_motion_share(example: Example) -> Example:
    """The example with its share of motion (h, w): 0 on what is red, 1 where people look far from it, else NaN."""
    red, green, blue = np.moveaxis(example.rgb.astype(np.int16), 2, 0)
    resting = red - np.maximum(green, blue) > _REDDER
    near = cv2.dilate(resting.astype(np.uint8), np.ones((_RADIUS_PIXELS, _RADIUS_PIXELS), np.uint8)) == 1
    looked_at = example.density > _LOOKED_AT * example.density.max()
    share = np.where(looked_at & ~near, 1, np.nan).astype(np.float32)
    share[resting] = 0
    return example._replace(motion_share=share)


def draw_toy(folder: Path) -> None:
    """Write `photographs/` and `clips/`, two gaze folders, always the same ones; nothing is done where they are.

    Args:
        folder: appears whole or not at all.
    """
    if folder.exists():
        return
    rng = np.random.default_rng(0)
    with written_whole(folder) as partial:
        _draw_photographs(partial / "photographs", rng)
        _draw_clips(partial / "clips", rng)


def _draw_photographs(folder: Path, rng: np.random.Generator) -> None:
    """One red disc, where everyone looks."""
    rows: list[tuple[object, ...]] = []
    for number in range(_PHOTOGRAPHS):
        (place,) = _places(rng, 1)
        name = f"{number:02d}"
        _write(folder / "images" / f"{name}.png", _with_disc(_noise(rng), place, _RED))
        rows += [(name, *_look(place, rng)) for _ in range(_VIEWERS)]
    _write_table(folder / "fixations.csv", ("image", "x", "y"), rows)


def _draw_clips(folder: Path, rng: np.random.Generator) -> None:
    """A red disc at rest, and one of the same noise as the background that moves: most look at that."""
    rows: list[tuple[object, ...]] = []
    for number in range(_CLIPS):
        (moving, resting), texture = _places(rng, 2), _noise(rng)
        still = _with_disc(_noise(rng), resting, _RED)
        angle = rng.uniform(0, 2 * np.pi)
        step = rng.uniform(3, 5) * np.array([np.cos(angle), np.sin(angle)])
        for frame in range(_FRAMES):
            picture = _with_disc(still, moving, texture)
            _write(folder / "videos" / f"{number:02d}" / f"{frame:04d}.png", picture)
            places = [moving] * _FOLLOW + [resting] * (_VIEWERS - _FOLLOW)
            rows += [(f"{number:02d}", frame, *_look(place, rng)) for place in places]
            step = np.where(_inside(moving + step), step, -step)  # it bounces off the borders
            if np.hypot(*(moving + step - resting)) < 3 * _RADIUS_PIXELS:
                step = -step  # and off the red disc
            moving = moving + step
    _write_table(folder / "fixations.csv", ("video", "frame", "x", "y"), rows)


def _noise(rng: np.random.Generator) -> RGB:
    """Smooth enough for optical flow to hold on to."""
    noise = rng.integers(60, 120, (_HEIGHT, _WIDTH, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1), dtype=np.uint8)


def _places(rng: np.random.Generator, count: int) -> Points:
    """Centres that keep a disc's width between discs."""
    places: list[NDArray[np.float64]] = []
    while len(places) < count:
        place = rng.uniform(2 * _RADIUS_PIXELS, (_WIDTH - 2 * _RADIUS_PIXELS, _HEIGHT - 2 * _RADIUS_PIXELS))
        if all(np.hypot(*(place - other)) > 3 * _RADIUS_PIXELS for other in places):
            places.append(place)
    return np.array(places)


def _inside(place: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((place > _RADIUS_PIXELS) & (place < np.array([_WIDTH, _HEIGHT]) - _RADIUS_PIXELS))


def _with_disc(picture: RGB, place: NDArray[np.float64], fill: tuple[int, int, int] | RGB) -> RGB:
    """A copy with a disc on it; a picture as its fill moves along with the disc."""
    centre = np.rint(place).astype(int)
    # Whole pixels, without smoothing: a soft edge would show the disc in a still frame.
    disc = np.zeros(picture.shape[:2], np.uint8)
    cv2.circle(disc, (int(centre[0]), int(centre[1])), _RADIUS_PIXELS, 1, -1)
    filled = np.roll(fill, centre[::-1], (0, 1)) if isinstance(fill, np.ndarray) else fill
    return np.where(disc[..., None] == 1, filled, picture).astype(np.uint8)


def _look(place: NDArray[np.float64], rng: np.random.Generator) -> tuple[str, str]:
    x, y = np.clip(place + rng.normal(0, 2, 2), 0, (_WIDTH - 1, _HEIGHT - 1))
    return f"{x:.2f}", f"{y:.2f}"


def _write(path: Path, picture: RGB) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())


def _write_table(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
