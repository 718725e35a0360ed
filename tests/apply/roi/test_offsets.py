"""Looks become offsets, and offsets rectangles, without any being lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gfsalnet.apply.roi import RoiSettings, block_for, block_lift, frame_offsets, offsets_of, regions_of
from gfsalnet.types import Frame, Prediction

SIZES = st.tuples(st.integers(17, 200), st.integers(17, 200))


@given(arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)), SIZES, st.sampled_from([16, 32, 64]))
def test_blocks_share_all_looks_by_their_area(values, size_wh, block):
    density = (values + 1e-3) / (values + 1e-3).sum()
    lift = block_lift(density, size_wh, block)
    sides = [np.minimum(block, size - np.arange(0, size, block)) for size in size_wh]
    area = sides[1][:, None] * sides[0] / (size_wh[0] * size_wh[1])
    assert lift.shape == area.shape
    assert (lift * area).sum() == pytest.approx(1, rel=1e-5)


def test_a_block_counts_the_cells_that_it_covers():
    density = np.zeros((3, 4), np.float32)
    density[1, 2] = 1  # pixels 32 to 48 across and 16 to 32 down
    lift = block_lift(density, (64, 48), 32)
    np.testing.assert_allclose(lift, [[0, 4 * 3 / 4], [0, 0]])


def test_three_qp_for_each_doubling_up_to_the_strength():
    lift = np.array([[1, 2, 4, 1000, 0.5, 0]])
    np.testing.assert_array_equal(offsets_of(lift, 12), [[0, -3, -6, -12, 3, 12]])
    np.testing.assert_array_equal(offsets_of(lift, 4), [[0, -3, -4, -4, 3, 4]])
    assert not offsets_of(lift, 0).any()


@given(arrays(np.int8, st.tuples(st.integers(1, 6), st.integers(1, 9)), elements=st.integers(-2, 2)), st.data())
def test_regions_say_every_offset_once(offsets, data):
    block = 16
    height, width = (block * blocks - data.draw(st.integers(0, 15)) for blocks in offsets.shape)
    painted = np.zeros((height, width), np.int8)
    covered = np.zeros((height, width), int)
    for region in regions_of(offsets, (width, height), block):
        inside = np.s_[region.y : region.y + region.height, region.x : region.x + region.width]
        assert painted[inside].shape == (region.height, region.width)
        painted[inside] = region.offset
        covered[inside] += 1
    np.testing.assert_array_equal(painted, np.kron(offsets, np.ones((block, block), np.int8))[:height, :width])
    np.testing.assert_array_equal(covered, painted != 0)


def test_rows_alike_become_one_region():
    assert len(regions_of(np.tile(np.int8([-6, 0, 6]), (20, 1)), (48, 320), 16)) == 2


def predictions(cut_at=None):
    frame = np.zeros((32, 64, 3), np.uint8)
    for index in range(6):
        density = np.zeros((2, 4), np.float32)
        density[:, 0 if index < 3 else 3] = 0.5
        yield Prediction(frame=Frame(frame, index / 10, index), map_density=density, starts_shot=index in (0, cut_at))


def test_offsets_follow_the_looks_exponentially_and_begin_anew_at_cuts():
    settings = RoiSettings(strength=20, block_pixels=16, smooth_seconds=0.2)
    found = [offsets for offsets, _ in frame_offsets(predictions(), settings)]
    kept = np.exp(-0.5 * np.arange(1, 4))  # of the old place's lift of 4, tenth by tenth of a second
    expected = -np.rint(3 * np.log2(np.stack([4 * kept, 4 * (1 - kept)], axis=1)))
    np.testing.assert_array_equal([o[0, [0, 3]] for o in found[3:]], expected)
    cut = [offsets for offsets, _ in frame_offsets(predictions(cut_at=3), settings)]
    np.testing.assert_array_equal(cut[3], found[0][:, ::-1])
    at_once = RoiSettings(strength=20, block_pixels=16, smooth_seconds=0)
    assert [seconds for _, seconds in frame_offsets(predictions(), at_once)] == [n / 10 for n in range(6)]
    np.testing.assert_array_equal([o for o, _ in frame_offsets(predictions(), at_once)][3], found[0][:, ::-1])


def test_blocks_grow_with_the_video():
    assert [block_for(width) for width in (64, 640, 1280, 1920, 3840)] == [16, 16, 32, 32, 64]
