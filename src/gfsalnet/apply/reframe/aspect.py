"""Aspects, and the largest crop of one that a frame holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from gfsalnet.errors import SourceError
from gfsalnet.video import MIN_SIDE_PIXELS

_FORM = re.compile(r"(\d+(?:\.\d+)?)[:x/](\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Aspect:
    """Width to height of a picture, as it is shown."""

    width: float
    height: float

    @classmethod
    def parse(cls, text: str) -> Aspect:
        """An aspect such as `9:16` or `1.85:1`.

        Raises:
            ValueError: if it is none.
        """
        match = _FORM.fullmatch(text.strip())
        sides = [float(side) for side in match.groups()] if match else []
        if not sides or min(sides) <= 0:
            raise ValueError(f"{text} is no aspect such as 9:16, 1:1 or 4:5")
        return cls(*sides)

    @property
    def ratio(self) -> float:
        """Width divided by height."""
        return self.width / self.height

    def __str__(self) -> str:
        return f"{self.width:.12g}:{self.height:.12g}"


@dataclass(frozen=True)
class Crop:
    """The size of a window in a frame that it fills along one axis: it can move along the other alone.

    Sizes are in stored pixels.
    """

    frame_wh: tuple[int, int]
    size_wh: tuple[int, int]

    @property
    def axis(self) -> int:
        """Along which it moves: 0, x; 1, y."""
        return 0 if self.room_wh[0] > 0 else 1

    @property
    def room_wh(self) -> tuple[int, int]:
        """How far it can go, right and down."""
        return self.frame_wh[0] - self.size_wh[0], self.frame_wh[1] - self.size_wh[1]

    @property
    def side(self) -> int:
        """Pixels of the frame along the axis."""
        return self.frame_wh[self.axis]

    @property
    def length(self) -> int:
        """Pixels of the crop along the axis."""
        return self.size_wh[self.axis]

    @property
    def room(self) -> int:
        """How far it can go along the axis."""
        return self.room_wh[self.axis]

    def corner(self, start: float) -> tuple[float, float]:
        """x, y of its upper left corner, where it begins at `start` along the axis."""
        # Across, only the last odd pixel is left over: in whole pixels, so that nothing is interpolated that way.
        across = self.room_wh[1 - self.axis] / 2
        return (start, float(int(across))) if self.axis == 0 else (float(int(across)), start)


def largest_crop(
    where: object, frame_wh: tuple[int, int], aspect: Aspect, pixel_aspect: Fraction = Fraction(1), *, even: bool = True
) -> Crop:
    """The largest window of an aspect.

    Args:
        where: the source, for messages.
        frame_wh: width and height of the frame in stored pixels.
        aspect: as shown.
        pixel_aspect: width of a stored pixel divided by its height.
        even: whether its sides are even, as most video has them.

    Raises:
        SourceError: if one of its sides would be shorter than `MIN_SIDE_PIXELS`.
    """
    step = 2 if even else 1
    width, height = (side - side % step for side in frame_wh)
    # From here on in stored pixels, which may be wider than high.
    ratio = aspect.ratio / float(pixel_aspect)
    ideal = (height * ratio, height) if width > height * ratio else (width, width / ratio)
    sides = [step * round(side / step) for side in ideal]
    if min(sides) < MIN_SIDE_PIXELS:
        problem = f"a crop of {aspect} is {sides[0]}x{sides[1]} pixels of its {width}x{height}"
        raise SourceError(where, problem, "Choose a less extreme --aspect.")
    return Crop(frame_wh, (sides[0], sides[1]))
