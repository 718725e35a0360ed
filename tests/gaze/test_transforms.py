"""A view moves pixels and fixations alike: a lit pixel and a fixation on it stay together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.gaze import View, density_map, fixation_counts
from gfsalnet.types import Fixations, FlowField


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


def steady(dx: float, dy: float, size_hw: tuple[int, int] = (6, 8)) -> FlowField:
    return FlowField(np.full((*size_hw, 2), (dx, dy), np.float32))


def test_the_whole_view_leaves_densities_and_flow_as_they_are() -> None:
    rng = np.random.default_rng(0)
    density = rng.random((6, 8), dtype=np.float32)
    density /= density.sum()
    assert View().of_density(density, (6, 8)) == pytest.approx(density, rel=1e-6)
    field = FlowField(rng.normal(size=(6, 8, 2)).astype(np.float32))
    assert np.array_equal(View().of_flow(field, (6, 8)).flow_pixels, field.flow_pixels)


def test_flow_is_measured_in_pixels_of_the_view() -> None:
    """Half the width and a third of the height at the field's own size; then at twice that."""
    view = View(0.25, 0.5, 0.5, 1 / 3)
    assert view.of_flow(steady(3, -2), (6, 8)).flow_pixels.reshape(-1, 2) == pytest.approx(np.array([[6, -6]] * 48))
    assert view.of_flow(steady(3, -2), (12, 16)).flow_pixels[0, 0] == pytest.approx([12, -12])
    assert View().of_flow(steady(3, -2), (3, 4)).flow_pixels[0, 0] == pytest.approx([1.5, -1])


def test_a_mirror_turns_motion_round_and_moves_it_to_the_other_side() -> None:
    flow_pixels = np.zeros((4, 6, 2), np.float32)
    flow_pixels[1, 2] = 3, -2
    mirrored = View(mirrored=True).of_flow(FlowField(flow_pixels), (4, 6)).flow_pixels
    assert np.argwhere(mirrored.any(2)).tolist() == [[1, 3]]
    assert mirrored[1, 3].tolist() == [-3, -2]


def test_flow_cropped_at_pixel_borders_is_cut_out() -> None:
    flow_pixels = np.random.default_rng(0).normal(size=(6, 8, 2)).astype(np.float32)
    view = View(0.25, 0.5, 0.5, 0.5)
    assert np.array_equal(view.of_flow(FlowField(flow_pixels), (3, 4)).flow_pixels, flow_pixels[3:6, 2:6])


@given(views)
def test_a_density_stays_one_and_stays_on_its_fixation(view: View) -> None:
    _, fixations = spot(30, 40)
    moved = view.of_fixations(fixations)
    density = view.of_density(density_map(fixations, (60, 80), 2), (60, 80))
    if density.any():
        assert density.sum(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    if moved.inside.all():
        row, column = np.unravel_index(density.argmax(), density.shape)
        expected = moved.x[0] * 80 / moved.size_wh[0] - 0.5, moved.y[0] * 60 / moved.size_wh[1] - 0.5
        assert (column, row) == pytest.approx(expected, abs=1.01)


def test_a_density_whose_mass_is_cropped_away_is_empty() -> None:
    density = np.zeros((6, 8), np.float32)
    density[0, 0] = 1
    assert not View(0.5, 0.5, 0.5, 0.5).of_density(density, (6, 8)).any()
