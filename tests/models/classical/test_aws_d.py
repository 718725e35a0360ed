"""AWS-D: whitening, the filters, and what stands out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gfsalnet.models.classical.aws_d import AWSD, MEMORY_FRAMES, Moments, log_gabor, temporal_taps, whiten
from gfsalnet.types import Frame


def mixed(count: int = 4000, seed: int = 0) -> np.ndarray:
    """(4, N) correlated features with means and scales of their own."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(4, 4)) @ rng.normal(size=(4, count)) * 5 + rng.normal(size=(4, 1))).astype(np.float32)


def test_whitening_leaves_no_correlation() -> None:
    features = mixed()
    white = whiten(features, [Moments.of(features)])
    assert np.allclose(white.mean(axis=1), 0, atol=1e-4)
    assert np.allclose(np.cov(white, bias=True), np.eye(4), atol=1e-3)


def test_the_widest_axis_comes_first() -> None:
    features = np.random.default_rng(0).normal(size=(3, 5000)).astype(np.float32) * [[1], [9], [3]]
    white = whiten(features, [Moments.of(features)])
    order = [int(np.abs([np.corrcoef(row, feature)[0, 1] for feature in features]).argmax()) for row in white]
    assert order == [1, 2, 0]


def test_statistics_are_those_of_all_frames_together() -> None:
    frames = [mixed(seed=seed) for seed in range(3)]
    pooled = np.concatenate([whiten(frame, [Moments.of(f) for f in frames]) for frame in frames], axis=1)
    assert np.allclose(pooled.mean(axis=1), 0, atol=1e-4)
    assert np.allclose(np.cov(pooled, bias=True), np.eye(4), atol=1e-3)


def test_axes_without_variance_are_left_out() -> None:
    features = mixed()
    doubled = np.concatenate([features, features[:1] + features[1:2]])
    assert whiten(doubled, [Moments.of(doubled)]).shape == (4, 4000)
    still = np.full((3, 50), 0.4, np.float32)
    assert whiten(still, [Moments.of(still)]).shape == (0, 50)


def test_filters_answer_to_their_wavelength_and_direction() -> None:
    bank = log_gabor((48, 96), 0, 3)
    assert bank.shape == (3, 48, 96)
    assert not bank[:, 0, 0].any()
    for scale, wavelength in enumerate((6, 12, 24)):
        assert bank[scale, 0, 96 // wavelength] == pytest.approx(1)
        assert bank[scale].max() == pytest.approx(1)
        assert bank[scale, 0, -96 // wavelength] < 1e-4  # the other side: the response's modulus is energy
    assert log_gabor((48, 96), 90, 1)[0, 8, 0] == pytest.approx(1)


def test_taps_are_blind_to_what_stands_still() -> None:
    assert not temporal_taps(1).any()
    for count in (2, MEMORY_FRAMES):
        assert abs(temporal_taps(count).sum()) < 1e-6
    assert abs(temporal_taps(MEMORY_FRAMES)[0]) > 3 * abs(temporal_taps(MEMORY_FRAMES)[-1])


def test_a_still_video_is_the_same_as_its_picture(moving: Callable[..., Any]) -> None:
    rgb = moving(count=1).frames[0].rgb
    maps = [p.map_density for p in AWSD().stream([Frame(rgb, index=index) for index in range(3)])]
    assert np.allclose(maps[0], maps[1], rtol=1e-3)
    assert np.allclose(maps[0], maps[2], rtol=1e-3)


def test_another_colour_stands_out(red_among_green: Any) -> None:
    (prediction,) = AWSD().stream(red_among_green.frames)
    assert red_among_green.holds_peak(prediction.density)
    assert red_among_green.lift(prediction.density) > 8


def test_what_moves_over_what_stands_still_stands_out(moving: Callable[..., Any]) -> None:
    scene = moving(count=5)
    first, *_, last = AWSD().stream(scene.frames)
    assert scene.holds_peak(last.density)
    assert scene.lift(last.density) > 2 * scene.lift(first.density)


@pytest.mark.slow
def test_what_moves_against_the_ground_stands_out_of_it(moving: Callable[..., Any]) -> None:
    """Against the same last frame after a clip in which the square moved with the ground, which is whitened away."""
    against, along = moving(pan=2, count=5), moving(pan=2, step=2, count=5)
    *_, last = AWSD().stream(against.frames)
    *_, plain = AWSD().stream(along.frames)
    assert np.array_equal(against.frames[-1].rgb, along.frames[-1].rgb)
    assert against.lift(last.density) > 1.3 * along.lift(plain.density)
