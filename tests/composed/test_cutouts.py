"""Objects are found at their outline, with the gaze on them; where there is none, none is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gfsalnet.composed.cutouts import cut_out
from gfsalnet.types import RGB, Fixations

from .conftest import RADIUS


def test_the_disc_is_cut_out_along_its_rim(photograph: tuple[RGB, Fixations]) -> None:
    found = cut_out(*photograph)
    assert found is not None
    assert found.rgb.shape[:2] == found.alpha.shape
    assert found.alpha.sum() == pytest.approx(np.pi * RADIUS**2, rel=0.15)
    solid = found.rgb[found.alpha > 0.9]
    assert (solid[:, 0] > solid[:, 1]).mean() > 0.99  # all red
    assert found.alpha.min() == 0
    assert found.alpha.max() == 1


def test_the_gaze_on_it_comes_along(photograph: tuple[RGB, Fixations]) -> None:
    found = cut_out(*photograph)
    assert found is not None
    assert len(found.points_xy) == 12
    assert found.gaze_share == pytest.approx(12 / 15)
    centre = np.array(found.alpha.shape[::-1]) / 2
    assert np.abs(found.points_xy.mean(0) - centre).max() < 3


def test_fixations_may_be_in_pixels_of_another_size(photograph: tuple[RGB, Fixations]) -> None:
    rgb, gaze = photograph
    large = Fixations(x=gaze.x * 4, y=gaze.y * 4, size_wh=(640, 480))
    one, other = cut_out(rgb, gaze), cut_out(rgb, large)
    assert one is not None
    assert other is not None
    assert np.array_equal(one.alpha, other.alpha)
    assert np.allclose(one.points_xy, other.points_xy, atol=1e-3)


def test_without_gaze_or_with_scattered_gaze_there_is_no_object(photograph: tuple[RGB, Fixations]) -> None:
    rgb, gaze = photograph
    assert cut_out(rgb, replace(gaze, x=gaze.x[:0], y=gaze.y[:0])) is None
    assert cut_out(rgb, replace(gaze, x=gaze.x[:3], y=gaze.y[:3])) is None  # too few on it
    assert cut_out(np.full_like(rgb, 90), gaze) is None or cut_out(np.full_like(rgb, 90), gaze).alpha.mean() > 0.5
