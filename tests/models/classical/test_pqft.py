"""PQFT: the transform against a naive one, the colours by hand, and what stands out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gfsalnet.models.classical.pqft import LATENCY_FRAMES, PQFT, opponent_colours, phase_only, quaternions

Quaternion = np.ndarray
"""(..., 4): the real part, and those of μ1, μ2, μ3."""


def hamilton(p: Quaternion, q: Quaternion) -> Quaternion:
    a, b, c, d = np.moveaxis(p, -1, 0)
    e, f, g, h = np.moveaxis(q, -1, 0)
    return np.stack(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ],
        axis=-1,
    )


def quaternion_fourier(q: Quaternion, sign: int) -> Quaternion:
    """The definition: the sum of exp(±μ1 2π(uy/H + vx/W)) q(y, x), with the axis on the left."""
    height, width = q.shape[:2]
    result = np.zeros_like(q)
    for u, v, y, x in np.ndindex(height, width, height, width):
        angle = sign * 2 * np.pi * (u * y / height + v * x / width)
        result[u, v] += hamilton(np.array([np.cos(angle), np.sin(angle), 0, 0]), q[y, x])
    return result / np.sqrt(height * width)


def test_the_phase_is_that_of_the_quaternion_transform() -> None:
    q = np.random.default_rng(0).normal(size=(4, 4, 4))
    spectrum = quaternion_fourier(q, -1)
    expected = quaternion_fourier(spectrum / np.linalg.norm(spectrum, axis=-1, keepdims=True), 1)
    first, second = phase_only((q[..., 0] + 1j * q[..., 1], q[..., 2] + 1j * q[..., 3]))
    ours = np.stack([first.real, first.imag, second.real, second.imag], axis=-1)
    assert np.allclose(ours * 4, expected)  # the definition's inverse is not divided by √16


def test_coefficients_that_are_rounding_have_no_phase() -> None:
    first, second = phase_only((np.full((8, 8), 0.3 + 0j), np.full((8, 8), 0.1j)))
    assert np.allclose(np.abs(first) ** 2 + np.abs(second) ** 2, 1 / 64**2)


@pytest.mark.parametrize(
    ("rgb", "red_green", "blue_yellow"),
    [
        ((1, 0, 0), 1, 0),
        ((0, 1, 0), -1, 0),
        ((0, 0, 1), 0, 1),
        ((1, 1, 0), 0, -1),  # red and green cancel, yellow is 1
        ((0.5, 0.5, 0.5), 0, 0),
        ((0.8, 0.4, 0.2), 0.5, -0.2),  # R .5, G −.1 → 0, B −.4 → 0, Y .6 − .2 − .2
    ],
)
def test_colours_by_hand(rgb: tuple[float, float, float], red_green: float, blue_yellow: float) -> None:
    ours = opponent_colours(np.array([[rgb]], np.float64))
    assert [float(plane[0, 0]) for plane in ours] == pytest.approx([red_green, blue_yellow])


def test_one_quaternion_by_hand() -> None:
    first, second = quaternions(np.array([[[0.8, 0.4, 0.2]]]), np.array([[0.3]]))
    assert first[0, 0] == pytest.approx(0.3 + 0.5j)
    assert second[0, 0] == pytest.approx(-0.2 + 1.4 / 3 * 1j)


def test_another_colour_stands_out(red_among_green: Any) -> None:
    (prediction,) = PQFT().stream(red_among_green.frames)
    assert red_among_green.lift(prediction.density) > 4
    assert red_among_green.holds_peak(prediction.density)


def test_what_moves_over_what_stands_still_stands_out(moving: Callable[..., Any]) -> None:
    scene = moving()
    predictions = list(PQFT().stream(scene.frames))
    assert scene.holds_peak(predictions[-1].density)
    assert scene.lift(predictions[-1].density) > 4 * scene.lift(predictions[0].density)


def test_motion_counts_once_the_latency_is_over(moving: Callable[..., Any]) -> None:
    """Until then a frame is predicted as the picture it is."""
    frames = moving().frames
    together = [p.map_density for p in PQFT().stream(frames[: LATENCY_FRAMES + 1])]
    alone = [next(iter(PQFT().stream([frame]))).map_density for frame in frames]
    same = [np.array_equal(one, other) for one, other in zip(together, alone, strict=False)]
    assert same == [True] * LATENCY_FRAMES + [False]
