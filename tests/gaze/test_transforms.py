"""A view moves pixels and fixations alike: a lit pixel and a fixation on it stay together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.gaze import View, fixation_counts
from gfsalnet.types import Fixations


def spot(row: int, column: int, size_hw: tuple[int, int] = (60, 80)) -> tuple[np.ndarray, Fixations]:
    """A picture with a bright blob, and a fixation at its centre."""
    y, x = np.mgrid[: size_hw[0], : size_hw[1]]
    blob = 255 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 18)
    rgb = np.repeat(blob[..., None], 3, axis=2).astype(np.uint8)
    where = Fixations(
        x=np.array([column + 0.5], np.float32), y=np.array([row + 0.5], np.float32), size_wh=size_hw[::-1]
    )
    return rgb, where


views = st.builds(
    lambda left, top, share, mirrored: View(left * (1 - share), top * (1 - share), share, share, mirrored),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.5, 1),
    st.booleans(),
)


@given(views, st.sampled_from([(60, 80), (90, 120), (32, 32), (24, 96)]))
def test_the_fixation_stays_on_the_blob(view: View, size_hw: tuple[int, int]) -> None:
    rgb, fixations = spot(30, 40)
    moved = view.of_fixations(fixations)
    if not moved.inside.all():
        return
    height, width = size_hw
    seen = view.of_image(rgb, size_hw)[..., 0].astype(float)
    seen[seen < 0.5 * seen.max()] = 0
    y, x = np.mgrid[:height, :width]
    fixation = moved.x[0] * width / moved.size_wh[0] - 0.5, moved.y[0] * height / moved.size_wh[1] - 0.5
    margin = 8 * max(width / 80, height / 60) / view.width
    if not (margin < fixation[0] < width - margin and margin < fixation[1] < height - margin):
        return  # a blob cut by the border has another centre
    centre = (seen * x).sum() / seen.sum(), (seen * y).sum() / seen.sum()
    assert centre == pytest.approx(fixation, abs=0.75)


def test_a_fixation_lands_on_the_lit_pixel_after_mirroring() -> None:
    rgb = np.zeros((4, 6, 3), np.uint8)
    rgb[1, 2] = 255
    point = Fixations(x=np.array([2.3], np.float32), y=np.array([1.9], np.float32), size_wh=(6, 4))
    view = View(mirrored=True)
    lit = np.argwhere(view.of_image(rgb, (4, 6))[..., 0] == 255).tolist()
    assert lit == [[1, 3]]
    assert np.argwhere(fixation_counts(view.of_fixations(point), (4, 6))).tolist() == lit


def test_the_whole_view_at_the_same_size_changes_nothing() -> None:
    rgb, fixations = spot(10, 20)
    assert np.array_equal(View().of_image(rgb, (60, 80)), rgb)
    assert View().of_fixations(fixations).x.tolist() == fixations.x.tolist()


def test_shrinking_averages_instead_of_skipping() -> None:
    """A one-pixel checkerboard becomes grey, not black or white."""
    board = np.indices((64, 64)).sum(0) % 2 * 255
    rgb = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    assert np.abs(View().of_image(rgb, (16, 16)).astype(int) - 127).max() <= 2


def test_what_a_crop_leaves_out_lies_outside() -> None:
    fixations = Fixations(x=np.array([5, 75], np.float32), y=np.array([5, 55], np.float32), size_wh=(80, 60))
    assert View(0, 0, 0.5, 0.5).of_fixations(fixations).inside.tolist() == [True, False]
