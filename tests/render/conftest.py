"""Predictions made by code: a blob of attention over a textured frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from gfsalnet.types import FlowField, Frame, Prediction

MakePrediction = Callable[..., Prediction]


def blob(size_hw: tuple[int, int], centre_xy: tuple[float, float], sigma_pixels: float) -> np.ndarray:
    """A Gaussian density (h, w) float32."""
    y, x = np.mgrid[: size_hw[0], : size_hw[1]]
    values = np.exp(-((x - centre_xy[0]) ** 2 + (y - centre_xy[1]) ** 2) / (2 * sigma_pixels**2))
    return (values / values.sum()).astype(np.float32)


@pytest.fixture(scope="session")
def make_prediction() -> MakePrediction:
    """`make_prediction(index, size_hw=…, map_hw=…, gate=…, …)`: frame `index` of a 25 Hz video, seeded by it."""

    def make(
        index: int = 0,
        *,
        size_hw: tuple[int, int] = (36, 64),
        map_hw: tuple[int, int] = (24, 32),
        density: np.ndarray | None = None,
        gate: float | np.ndarray | None = None,
        flow: FlowField | None = None,
    ) -> Prediction:
        rgb = np.random.default_rng(index).integers(0, 256, (*size_hw, 3), np.uint8)
        if density is None:
            density = blob(map_hw, (map_hw[1] / 2 + index % 5, map_hw[0] / 2), map_hw[1] / 12)
        map_gate = None if gate is None else np.broadcast_to(np.float32(gate), density.shape).copy()
        return Prediction(
            frame=Frame(rgb, time_seconds=index / 25, index=index),
            map_density=density,
            map_gate=map_gate,
            flow=flow,
            starts_shot=index == 0,
        )

    return make


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 4 KiB: the system refuses a write as it would on a full disk."""
    resource = pytest.importorskip("resource", reason="needs the file size limit of POSIX")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
