"""Pictures whose motion is known, made by code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from gfsalnet.flow import CachedFlow
from gfsalnet.types import RGB, FlowField

MakePair = Callable[..., tuple[RGB, RGB]]


@pytest.fixture(scope="session")
def moved() -> MakePair:
    """`moved(size_hw, dx, dy)`: a random texture, and the same moved by (dx, dy) pixels by a spline."""

    def make(size_hw: tuple[int, int], dx: float, dy: float) -> tuple[RGB, RGB]:
        margin = 24
        noise = np.random.default_rng(7).normal(size=(size_hw[0] + 2 * margin, size_hw[1] + 2 * margin))
        texture = gaussian_filter(noise, 1.5)
        texture = 127 + 40 * texture / texture.std()
        return _inside(texture, margin), _inside(shift(texture, (dy, dx)), margin)

    return make


def _inside(texture: np.ndarray, margin: int) -> RGB:
    grey = np.clip(np.rint(texture[margin:-margin, margin:-margin]), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


class MeanDifference:
    """An estimator of which the result is plain: everywhere (mean change of red, of green) times `gain`."""

    name = "mean-difference"

    def __init__(self, gain: float = 1.0, version: str = "1", size_hw: tuple[int, int] = (6, 8)) -> None:
        self.gain, self.version, self.size_hw = gain, version, size_hw
        self.calls = 0

    @property
    def settings(self) -> Mapping[str, object]:
        return {"gain": self.gain}

    def field_size_hw(self, frame_size_hw: tuple[int, int]) -> tuple[int, int]:
        return self.size_hw

    def __call__(self, previous_rgb: RGB, current_rgb: RGB) -> FlowField:
        self.calls += 1
        change = current_rgb.mean((0, 1)) - previous_rgb.mean((0, 1))
        return FlowField(np.broadcast_to(self.gain * change[:2], (*self.size_hw, 2)).astype(np.float32))


@pytest.fixture
def mean_difference() -> type[MeanDifference]:
    return MeanDifference


@pytest.fixture
def cached(tmp_path: Path) -> Callable[..., CachedFlow]:
    """`cached(…)`: a new cache around a new `MeanDifference(…)`, all in one folder."""
    return lambda **options: CachedFlow(MeanDifference(**options), tmp_path / "cache")
