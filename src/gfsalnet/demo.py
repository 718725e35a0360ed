"""A small video that the program draws itself: a street by the hills, a walker, a bouncing ball, a bird.

It needs no file and no licence, and it holds what draws gaze: a face, a written sign, and things that move.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from gfsalnet.files import output_errors, written_whole
from gfsalnet.types import RGB
from gfsalnet.video import VideoWriter

SIZE_WH = (640, 360)
RATE = Fraction(25)
FRAMES = 100
_FINE = 2  # drawn this much larger and shrunk, for smooth edges
_GROUND = 285

Colour = tuple[int, int, int]


def draw_clip(path: Path) -> Path:
    """Write the video, four seconds at 640x360, as H.264 and return its path.

    Raises:
        OutputError: if it cannot be written.
    """
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as partial, VideoWriter(partial, size_wh=SIZE_WH, rate=RATE) as writer:
            for index in range(FRAMES):
                seconds = float(index / RATE)
                writer.write(draw_frame(seconds), seconds)
    return path


def draw_frame(seconds: float) -> RGB:
    """The (360, 640, 3) picture at a time."""
    canvas = _Canvas(_backdrop().copy())
    _bird(canvas, x=620 - 130 * seconds, y=70 + 12 * math.sin(3 * seconds), flap=math.sin(14 * seconds))
    _ball(canvas, x=70 + 105 * seconds, height=95 * abs(math.sin(3.2 * seconds)))
    _walker(canvas, x=470 - 38 * seconds, phase=7 * seconds)
    return np.asarray(cv2.resize(canvas.rgb, SIZE_WH, interpolation=cv2.INTER_AREA), dtype=np.uint8)


class _Canvas:
    """Shapes in pixels of the final picture, drawn finer."""

    def __init__(self, rgb: RGB) -> None:
        self.rgb = rgb

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.ellipse(x, y, radius, radius, colour)

    def ellipse(self, x: float, y: float, radius_x: float, radius_y: float, colour: Colour, end: int = 360) -> None:
        centre, axes = _fine(x, y), _fine(radius_x, radius_y)
        cv2.ellipse(self.rgb, centre, axes, 0, 0, end, colour, cv2.FILLED, cv2.LINE_AA)

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        cv2.fillPoly(self.rgb, [np.array([_fine(*point) for point in points])], colour, cv2.LINE_AA)

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: Colour, width: float) -> None:
        cv2.line(self.rgb, _fine(*start), _fine(*end), colour, round(width * _FINE), cv2.LINE_AA)

    def box(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        cv2.rectangle(self.rgb, _fine(x, y), _fine(x + width, y + height), colour, cv2.FILLED)

    def text(self, x: float, y: float, text: str, colour: Colour, scale: float) -> None:
        where, width = _fine(x, y), round(2 * _FINE)
        cv2.putText(self.rgb, text, where, cv2.FONT_HERSHEY_DUPLEX, scale * _FINE, colour, width, cv2.LINE_AA)


def _fine(x: float, y: float) -> tuple[int, int]:
    return round(x * _FINE), round(y * _FINE)


@lru_cache(maxsize=1)  # drawing it takes forty times as long as what moves on it
def _backdrop() -> RGB:
    """The static parts, at the fine size: sky, hills, a meadow with grain, trees, a café."""
    width, height = SIZE_WH
    rows = np.linspace(0, 1, height * _FINE)[:, None, None]
    sky = np.array([118, 176, 226]) * (1 - rows) + np.array([247, 229, 205]) * rows
    canvas = _Canvas(np.ascontiguousarray(np.broadcast_to(sky, (height * _FINE, width * _FINE, 3)), dtype=np.uint8))
    for base, swell, colour in ((215, 28, (132, 158, 168)), (240, 20, (104, 142, 118))):
        ridge = [(x, base - swell * math.sin(x / 90 + base) - 9 * math.sin(x / 31)) for x in range(0, width + 8, 8)]
        canvas.polygon([(0, height), *ridge, (width, height)], colour)
    canvas.box(0, 262, width, height, (126, 158, 92))
    canvas.box(0, _GROUND, width, 34, (168, 160, 150))
    for x, size in ((40, 1.0), (118, 0.75), (300, 0.6), (606, 1.1)):
        _tree(canvas, x, size)
    _cafe(canvas, 175)
    grain = np.random.default_rng(1).normal(0, 5, canvas.rgb.shape[:2])[..., None]
    grainy = np.clip(canvas.rgb + 2 * cv2.GaussianBlur(grain, (0, 0), 1.2)[..., None], 0, 255)
    return np.asarray(grainy, dtype=np.uint8)


def _tree(canvas: _Canvas, x: float, size: float) -> None:
    canvas.box(x - 4 * size, 270 - 60 * size, 8 * size, 60 * size, (98, 74, 56))
    for dx, dy, radius, colour in (
        (-15, 62, 19, (66, 108, 62)),
        (14, 66, 20, (74, 120, 66)),
        (0, 86, 22, (88, 136, 74)),
    ):
        canvas.disc(x + dx * size, 270 - dy * size, radius * size, colour)


def _cafe(canvas: _Canvas, x: float) -> None:
    canvas.box(x, 172, 96, 98, (216, 196, 168))
    canvas.polygon([(x - 8, 174), (x + 48, 138), (x + 104, 174)], (146, 84, 70))
    canvas.box(x + 12, 222, 24, 48, (104, 76, 60))
    canvas.box(x + 50, 218, 34, 26, (150, 186, 206))
    canvas.box(x + 9, 182, 78, 24, (44, 62, 84))
    canvas.text(x + 16, 201, "CAFE", (250, 236, 196), 0.72)


def _ball(canvas: _Canvas, x: float, height: float) -> None:
    shade = 1 - height / 220
    canvas.ellipse(x, _GROUND + 28, 15 * shade, 4 * shade, (132, 126, 118))
    canvas.disc(x, _GROUND + 14 - height, 13, (208, 48, 44))
    canvas.disc(x - 4, _GROUND + 9 - height, 4, (246, 168, 160))


def _bird(canvas: _Canvas, x: float, y: float, flap: float) -> None:
    for side in (-1, 1):
        canvas.line((x, y), (x + side * 13, y - 8 * flap - 3), (44, 48, 60), 2.5)
    canvas.ellipse(x, y, 7, 3.5, (44, 48, 60))


def _walker(canvas: _Canvas, x: float, phase: float) -> None:
    """A person facing the viewer, strolling to the left."""
    hip, feet = _GROUND - 14, _GROUND + 28
    for side in (-1, 1):
        stride = 11 * math.sin(phase) * side
        canvas.line((x + 4 * side, hip), (x + 4 * side + stride, feet), (52, 58, 92), 8)
        canvas.line((x + 12 * side, hip - 44), (x + 18 * side - stride, hip - 8), (214, 150, 62), 7)
    canvas.ellipse(x, hip - 25, 15, 31, (226, 164, 70))
    head = hip - 72 + 1.5 * math.sin(2 * phase)
    canvas.disc(x, head - 3, 19, (72, 48, 36))
    canvas.ellipse(x, head + 2, 16, 18, (234, 190, 160))
    for side in (-1, 1):
        canvas.ellipse(x + 6 * side - 1, head - 1, 3.4, 3.0, (252, 252, 250))
        canvas.disc(x + 6 * side - 2, head - 1, 1.7, (40, 36, 40))
    canvas.ellipse(x - 1, head + 9, 6, 4, (168, 64, 60), end=180)
