"""Degrees of visual angle."""

from __future__ import annotations

import math

import pytest

from gfsalnet.gaze import pixels_per_degree


def test_one_centimetre_at_57_3_centimetres_is_a_degree() -> None:
    assert pixels_per_degree(1280, 40, 57.2958) == pytest.approx(32, rel=1e-4)


def test_the_angle_is_measured_around_the_line_of_sight() -> None:
    """Half a degree to each side of the middle."""
    half_cm = 10 * math.tan(math.pi / 360)
    assert pixels_per_degree(100, 5, 10) == pytest.approx(2 * half_cm * 100 / 5)


@pytest.mark.parametrize("lengths", [(0, 1, 1), (1, -1, 1), (1, 1, 0)])
def test_lengths_must_be_positive(lengths: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        pixels_per_degree(*lengths)
