"""Composed scenes as videos with a table of gaze: the layout that `--dataset folder` reads."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from gfsalnet.composed.stock import Stock
from gfsalnet.errors import OutputError
from gfsalnet.files import output_errors, written_whole
from gfsalnet.store import claimed
from gfsalnet.video import VideoWriter, fitted_size_hw

RATE = Fraction(30)
VIEWERS = 15
"""Number of viewers; each has one fixation on every frame."""
AREA_PIXELS = 480 * 360
"""Height times width of a video; its aspect is that of the photograph behind."""
_STRIDE = 7919
"""A prime: a few clips use photographs from everywhere in the stock, many clips all of them."""
_CRF = 25
"""About what video platforms use."""


def write_clips(stock: Stock, folder: Path, *, clips: int, frames: int, seed: int) -> Generator[int, None, None]:
    """Write `folder/videos/0000.mp4` … and `folder/fixations.csv`, whole or not at all; a seed gives the same scenes.

    Args:
        stock: its photographs are scenery one after the other, far apart.
        folder: made if it does not exist.
        clips: number of clips.
        frames: number of frames in each clip.
        seed: decides the scenes.

    Yields:
        The number of clips written so far, after each clip.

    Raises:
        OutputError: if a file cannot be written, the folder already holds something, or another process writes it.
    """
    # Within the claim, so that of two processes neither finds the folder empty and then both fill it.
    with claimed(folder), output_errors(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(folder, "is there already", "Choose an empty folder.")
        with written_whole(folder) as partial:
            (partial / "videos").mkdir(parents=True)
            with (partial / "fixations.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["video", "frame", "subject", "x", "y"])
                for clip in range(clips):
                    name = f"{clip:04d}.mp4"
                    rows = _write_clip(stock, partial / "videos" / name, clip, frames, seed)
                    writer.writerows([name, *row] for row in rows)
                    yield clip + 1


def _write_clip(stock: Stock, path: Path, clip: int, frames: int, seed: int) -> Iterator[tuple[object, ...]]:
    """Write one video; yields its rows of frame, subject, x, y (pixels)."""
    # A generator for each clip: the first ten of a hundred clips are the same as ten clips.
    rng = np.random.default_rng((seed, clip))
    # Not drawn: the same photograph would come twice long before all have come.
    index = clip * _STRIDE % len(stock)
    height, width = fitted_size_hw(stock.size_hw(index), AREA_PIXELS)
    scene = stock.scene(index, (height, width), frames, rng)
    with VideoWriter(path, size_wh=(width, height), rate=RATE, crf=_CRF) as writer:
        for time in range(frames):
            frame = scene.render(time)
            writer.write(frame.rgb, float(time / RATE))
            looks = frame.viewers(VIEWERS, rng)
            assert looks.subject is not None
            for viewer, x, y in zip(looks.subject, looks.x, looks.y, strict=True):
                yield time, viewer, f"{x:.2f}", f"{y:.2f}"
