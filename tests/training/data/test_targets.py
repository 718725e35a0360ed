"""Targets: density and fixations seen through a view, with our sigma or the dataset's own density."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gfsalnet.gaze import View, open_dataset
from gfsalnet.training.data.examples import TRUTH_WIDTH_PIXELS, target, truth


@pytest.mark.parametrize("sigma", [0.03, None])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_view_moves_density_and_fixations_together(discs: Path, sigma: float | None, mirrored: bool) -> None:
    data = open_dataset("folder", discs, "all")
    name = data.videos[0]
    gaze = data.gaze(name)[0]
    whole = target(data, name, gaze, sigma, View(mirrored=mirrored), (96, 128))
    assert whole.density.sum() == pytest.approx(1, abs=1e-4)
    rows, columns = np.nonzero(whole.fixations)
    centre = (np.arange(128) @ whole.density.sum(0), np.arange(96) @ whole.density.sum(1))
    assert centre == pytest.approx((columns.mean(), rows.mean()), abs=1)
    mean_x = gaze.fixations.x.mean()
    assert columns.mean() == pytest.approx(128 - mean_x if mirrored else mean_x, abs=1.5)


def test_a_crop_of_the_own_density_is_that_part_of_it(discs: Path) -> None:
    data = open_dataset("folder", discs, "all")
    name = data.videos[0]
    gaze = data.gaze(name)[0]
    left, top = np.floor([gaze.fixations.x.mean() / 2, gaze.fixations.y.mean() / 2])
    view = View(left / 128, top / 96, 64 / 128, 48 / 96)
    crop = target(data, name, gaze, None, view, (48, 64)).density
    part = data.density(name, gaze, (96, 128))[int(top) : int(top) + 48, int(left) : int(left) + 64]
    np.testing.assert_allclose(crop, part / part.sum(), atol=1e-5)


def test_nobodys_gaze_is_an_empty_target(discs: Path) -> None:
    data = open_dataset("folder", discs, "all")
    name = data.videos[0]
    gaze = data.gaze(name)[0]
    x, y = gaze.fixations.x.min() / 128, gaze.fixations.y.min() / 96
    elsewhere = View(0, 0, x / 2, y / 2)
    for sigma in (0.03, None):
        empty = target(data, name, gaze, sigma, elsewhere, (32, 32))
        assert not empty.fixations.any()
    assert not target(data, name, gaze, 0.03, elsewhere, (32, 32)).density.any()


def test_the_truth_has_one_width_and_the_pictures_aspect(discs: Path) -> None:
    data = open_dataset("folder", discs, "all")
    name = data.videos[0]
    assert truth(data, name, data.gaze(name)[0], 0.03).size_hw == (300, TRUTH_WIDTH_PIXELS)
