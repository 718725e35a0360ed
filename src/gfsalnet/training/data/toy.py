"""A small gaze dataset drawn by code: noise with discs, of which the viewers look at the red one or the moving one."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.types import RGB

TOY = "toy"
"""What recipes call it."""
_HEIGHT, _WIDTH = 96, 128
_RADIUS_PIXELS, _VIEWERS = 9, 12
_PHOTOGRAPHS, _CLIPS, _FRAMES = 28, 14, 8
_RED, _GREEN = (240, 30, 30), (40, 200, 60)

Points = NDArray[np.float64]
"""(N, 2): x, y in pixels."""


def draw_toy(folder: Path) -> None:
    """Write `photographs/` and `clips/`, two gaze folders, always the same ones; nothing is done where they are.

    Args:
        folder: appears whole or not at all.
    """
    if folder.exists():
        return
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    rng = np.random.default_rng(0)
    _draw_photographs(partial / "photographs", rng)
    _draw_clips(partial / "clips", rng)
    os.replace(partial, folder)


def _draw_photographs(folder: Path, rng: np.random.Generator) -> None:
    """One red disc, where everyone looks."""
    rows: list[tuple[object, ...]] = []
    for number in range(_PHOTOGRAPHS):
        centre = _places(rng, 1)
        name = f"{number:02d}"
        _write(folder / "images" / f"{name}.png", _picture(_noise(rng), centre, _RED))
        rows += [(name, *_look(centre[0], rng)) for _ in range(_VIEWERS)]
    _write_table(folder / "fixations.csv", ("image", "x", "y"), rows)


def _draw_clips(folder: Path, rng: np.random.Generator) -> None:
    """Three green discs on one background, of which one moves: only the flow tells where everyone looks."""
    rows: list[tuple[object, ...]] = []
    for number in range(_CLIPS):
        background, places = _noise(rng), _places(rng, 3)
        angle = rng.uniform(0, 2 * np.pi)
        step = rng.uniform(2, 4) * np.array([np.cos(angle), np.sin(angle)])
        for frame in range(_FRAMES):
            _write(folder / "videos" / f"{number:02d}" / f"{frame:04d}.png", _picture(background, places, _GREEN))
            rows += [(f"{number:02d}", frame, *_look(places[0], rng)) for _ in range(_VIEWERS)]
            step = np.where(_inside(places[0] + step), step, -step)  # it bounces off the borders
            places[0] += step
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


def _picture(background: RGB, places: Points, colour: tuple[int, int, int]) -> RGB:
    picture = background.copy()
    for x, y in reversed(np.rint(places).astype(int)):  # the first lies on top
        cv2.circle(picture, (int(x), int(y)), _RADIUS_PIXELS, colour, -1, cv2.LINE_AA)
    return np.asarray(picture)


def _look(place: NDArray[np.float64], rng: np.random.Generator) -> tuple[str, str]:
    x, y = np.clip(place + rng.normal(0, 2, 2), 0, (_WIDTH - 1, _HEIGHT - 1))
    return f"{x:.2f}", f"{y:.2f}"


def _write(path: Path, picture: RGB) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())


def _write_table(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
