"""Means and bootstrap intervals against hand and closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gfsalnet.evaluation.means import pooled_mean, video_mean


def test_long_videos_weigh_more_only_when_pooled() -> None:
    sums, counts = np.array([2.0, 30.0]), np.array([1.0, 10.0])  # means 2 and 3
    assert video_mean(sums, counts, 0)[0] == 2.5
    assert pooled_mean(sums, counts, 0)[0] == pytest.approx(32 / 11)


def test_videos_without_a_defined_score_are_left_out() -> None:
    sums, counts = np.array([2.0, 0.0]), np.array([1.0, 0.0])
    value, low, high = video_mean(sums, counts, 0)
    assert value == 2
    assert math.isnan(low)
    assert math.isnan(high)
    assert all(map(math.isnan, pooled_mean(sums * 0, counts * 0, 0)))


def test_the_interval_is_that_of_the_normal_law_for_many_videos() -> None:
    scores = np.random.default_rng(0).normal(1, 2, 1000)
    value, low, high = video_mean(scores, np.ones(1000), 3)
    error = 1.96 * scores.std() / math.sqrt(1000)
    assert value == pytest.approx(scores.mean())
    assert (low, high) == pytest.approx((value - error, value + error), abs=0.02)
    assert (value, low, high) == video_mean(scores, np.ones(1000), 3)
    assert low != video_mean(scores, np.ones(1000), 4)[1]


def test_an_infinite_score_gives_an_infinite_mean_without_interval() -> None:
    value, low, _ = video_mean(np.array([math.inf, 1.0]), np.ones(2), 0)
    assert value == math.inf
    assert math.isnan(low)
