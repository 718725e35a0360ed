from __future__ import annotations

from fractions import Fraction

import pytest

from gfsalnet.apply.reframe.aspect import Aspect, largest_crop
from gfsalnet.errors import SourceError


@pytest.mark.parametrize(
    ("text", "ratio"), [("9:16", 9 / 16), ("1:1", 1), ("1.85:1", 1.85), ("4x5", 0.8), (" 2/3 ", 2 / 3)]
)
def test_aspects_are_read(text: str, ratio: float) -> None:
    assert Aspect.parse(text).ratio == pytest.approx(ratio)


@pytest.mark.parametrize("text", ["9", "9:0", "0:1", "a:b", "9:16:3", "-9:16", "9:16 portrait", "1e3:1", ""])
def test_what_is_no_aspect_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no aspect"):
        Aspect.parse(text)


@pytest.mark.parametrize(
    ("frame", "aspect", "size", "axis"),
    [
        ((1920, 1080), "9:16", (608, 1080), 0),
        ((1920, 1080), "21:9", (1920, 822), 1),
        ((1920, 1080), "16:9", (1920, 1080), 1),
        ((641, 359), "1:1", (358, 358), 0),
        ((360, 640), "16:9", (360, 202), 1),
        ((360, 640), "1:3", (214, 640), 0),
    ],
)
def test_the_largest_crop_fills_one_axis_and_is_even(frame, aspect, size, axis) -> None:
    crop = largest_crop("clip.mp4", frame, Aspect.parse(aspect))
    assert (crop.size_wh, crop.axis) == (size, axis)
    assert crop.room == frame[axis] - size[axis]
    x, y = crop.corner(7.5)
    assert (x, y)[axis] == 7.5


def test_stored_pixels_need_not_be_square() -> None:
    crop = largest_crop("dv.avi", (720, 576), Aspect.parse("1:1"), Fraction(16, 15))
    assert crop.size_wh == (540, 576)  # 540 · 16/15 = 576


def test_a_sliver_is_one_line() -> None:
    with pytest.raises(SourceError, match=r"a crop of 1:1000 is 0x360 pixels.*less extreme --aspect"):
        largest_crop("clip.mp4", (640, 360), Aspect.parse("1:1000"))
