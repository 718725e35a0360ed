"""Fang et al.: each part by hand, and what stands out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gfsalnet.flow import DISFlow
from gfsalnet.models.classical.fang2014 import (
    Fang2014,
    block_features,
    contrast,
    entropy_bits,
    in_blocks,
    nearness,
    relative_speed,
    spatial_uncertainty,
    speed_surprise,
    temporal_uncertainty,
)
from gfsalnet.types import FlowField, Frame


@pytest.fixture(scope="module")
def model() -> Fang2014:
    return Fang2014(DISFlow("fast", needs_evidence=True))


def test_it_needs_flow() -> None:
    with pytest.raises(ValueError, match="fang2014 needs an optical flow estimator"):
        Fang2014()


def test_blocks_are_cut_row_by_row() -> None:
    picture = np.arange(16 * 24 * 3, dtype=np.float64).reshape(16, 24, 3)
    blocks = in_blocks(picture)
    assert blocks.shape == (2, 3, 8, 8, 3)
    assert np.array_equal(blocks[1, 2], picture[8:, 16:])


def test_features_are_means_and_the_nine_lowest_waves() -> None:
    """A block of cos(π(2x+1)/16) holds one wave: the first across."""
    wave = np.cos(np.pi * (2 * np.arange(8) + 1) / 16)
    blocks = np.zeros((1, 2, 8, 8, 3))
    blocks[0, 0, ..., 0] = 10 + 3 * wave
    blocks[0, 1] = (20.0, 30.0, 40.0)
    luminance, red, blue, texture = block_features(blocks)
    assert [feature.shape for feature in (luminance, red, blue, texture)] == [(1, 2, 1)] * 3 + [(1, 2, 9)]
    assert np.allclose(luminance[0, :, 0], [80, 160])  # 8 times the mean
    assert np.allclose((red[0, 1, 0], blue[0, 1, 0]), (240, 320))
    assert np.count_nonzero(texture[0, 0]) == 1
    assert np.abs(texture[0, 0]).sum() == pytest.approx(3 * np.linalg.norm(wave) * np.sqrt(8), rel=1e-6)
    assert not texture[0, 1].any()


def test_contrast_is_the_weighed_sum_over_all_pairs() -> None:
    feature = np.random.default_rng(0).normal(size=(3, 4, 2))
    expected = np.zeros((3, 4))
    for y, x, other_y, other_x in np.ndindex(3, 4, 3, 4):
        weight = np.exp(-((y - other_y) ** 2 + (x - other_x) ** 2) / (2 * 5.0**2))
        expected[y, x] += weight * np.linalg.norm(feature[y, x] - feature[other_y, other_x])
    assert np.allclose(contrast(feature, nearness((3, 4))), expected, rtol=1e-5)


def test_speed_is_against_the_commonest_motion() -> None:
    flow = np.full((6, 8, 2), (2.1, 0.0), np.float32)
    flow[0, 0] = (-0.9, 4.0)
    relative, background = relative_speed(FlowField(flow))
    assert background == pytest.approx(2.1)
    assert relative[0, 0] == pytest.approx(5.0)
    assert np.count_nonzero(relative > 1e-6) == 1


def test_surprise_by_hand() -> None:
    assert speed_surprise(np.array([1.0, np.e**2])) == pytest.approx([0.09, 0.49])
    assert speed_surprise(np.array([0.0, 0.5])) == pytest.approx([0, 0], abs=1e-12)


def test_entropy_by_hand() -> None:
    assert entropy_bits(np.array([0, 0.5, 1])) == pytest.approx([0, 1, 0])
    assert entropy_bits(np.array([0.25])) == pytest.approx([2 - 0.75 * np.log2(3)])


def test_what_is_salient_is_certain_at_its_centroid_and_unsure_at_its_rim() -> None:
    spatial = np.zeros((21, 21))
    spatial[8:13, 8:13] = 1
    doubt = spatial_uncertainty(spatial)
    assert 0 <= doubt.min() <= doubt.max() <= 1
    assert doubt.argmin() == 10 * 21 + 10
    assert doubt[7, 10] > max(doubt[10, 10], doubt[0, 10])


def test_speed_is_unsure_where_contrast_is_low_and_the_background_fast() -> None:
    blocks = np.full((1, 2, 8, 8), 100.0)
    blocks[0, 1, :4] = 60
    still, fast = temporal_uncertainty(blocks, 0.0), temporal_uncertainty(blocks, 15.0)
    assert still[0, 0] > still[0, 1] > 0
    assert (still < fast).all()
    assert temporal_uncertainty(blocks, 1e6).max() == pytest.approx(1)


@pytest.mark.parametrize("pan", [2, pytest.param(0, marks=pytest.mark.slow)])
def test_what_moves_against_the_ground_stands_out(model: Fang2014, moving: Callable[..., Any], pan: int) -> None:
    scene = moving(pan=pan, count=3)
    *_, last = model.stream(scene.frames)
    assert scene.holds_peak(last.density)
    assert scene.lift(last.density) > 5


@pytest.mark.slow
def test_what_moves_with_the_ground_does_not(model: Fang2014, moving: Callable[..., Any]) -> None:
    scene = moving(pan=2, step=2, count=3)
    *_, last = model.stream(scene.frames)
    assert scene.lift(last.density) < 2.5


def test_another_colour_stands_out(model: Fang2014, red_among_green: Any) -> None:
    (prediction,) = model.stream(red_among_green.frames)
    discs = [prediction.density[y - 8 : y + 9, x - 8 : x + 9].sum() for y in (20, 60, 100) for x in (20, 60, 140)]
    assert prediction.density[red_among_green.target].sum() > 1.2 * max(discs)


@pytest.mark.slow
def test_a_still_video_is_the_same_as_its_picture(model: Fang2014, moving: Callable[..., Any]) -> None:
    rgb = moving(count=1).frames[0].rgb
    first, second = (p.map_density for p in model.stream([Frame(rgb, index=index) for index in range(2)]))
    assert np.array_equal(first, second)
