"""Noise and codecs change frames, a little or much, always alike for one seed."""

from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.composed.degradation import Degradation, random_degradation
from gfsalnet.types import RGB

from .conftest import disc_photograph


@pytest.fixture
def pair() -> list[RGB]:
    rgb, _ = disc_photograph((60, 50))
    return [rgb, np.roll(rgb, 2, axis=1)]


def degraded_by(**changes: object) -> Degradation:
    return Degradation(**({"noise": 0.0, "codec": None, "quantiser": 0, "seed": 1} | changes))  # type: ignore[arg-type]


def loss(degraded: list[RGB], frames: list[RGB]) -> float:
    return float(np.mean([np.abs(a.astype(float) - b).mean() for a, b in zip(degraded, frames, strict=True)]))


def test_no_degradation_changes_nothing(pair: list[RGB]) -> None:
    assert loss(degraded_by()(pair), pair) == 0


def test_noise_has_its_size_and_differs_from_frame_to_frame(pair: list[RGB]) -> None:
    grey = [np.full_like(rgb, 128) for rgb in pair]
    first, second = degraded_by(noise=3.0)(grey)
    assert first.astype(float).std() == pytest.approx(3, rel=0.1)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, degraded_by(noise=3.0)(grey)[0])


@pytest.mark.parametrize(("codec", "fine", "coarse"), [("libx264", 12, 38), ("mpeg4", 2, 24)])
def test_codecs_lose_more_when_coarse(pair: list[RGB], codec: str, fine: int, coarse: int) -> None:
    little, much = (loss(degraded_by(codec=codec, quantiser=q)(pair), pair) for q in (fine, coarse))
    assert 0 < little < much
    for rgb in degraded_by(codec=codec, quantiser=coarse)(pair):
        assert rgb.shape == pair[0].shape
        assert rgb.dtype == np.uint8


def test_random_degradation_covers_all_kinds() -> None:
    kinds = {random_degradation(np.random.default_rng(seed)).codec for seed in range(40)}
    assert kinds == {None, "libx264", "mpeg4"}
