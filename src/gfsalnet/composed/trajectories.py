"""Courses over time: speeds that start and stop, and the unsteadiness of a hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RAMP = 4
"""Frames that starting or stopping takes."""


def slow_or_fast(slowest: float, fastest: float, rng: np.random.Generator) -> float:
    """A random speed; half and double are equally likely everywhere between the two."""
    return float(np.exp(rng.uniform(np.log(slowest), np.log(fastest))))


def steady(frames: int, speed: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(T,) distance covered by a speed that swells and ebbs by a third."""
    phase, turns = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.5)
    swell = 1 + np.sin(np.linspace(0, 2 * np.pi * turns, frames) + phase) / 3
    return np.asarray(np.cumsum(speed * swell))


def starts_and_stops(frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(T,) 0…1: whether something moves: throughout in half of all cases, else it starts, stops, or both."""
    start, stop = (-frames, 2 * frames) if rng.random() < 0.5 else np.sort(rng.uniform(-0.4, 1.4, 2)) * frames
    time = np.arange(frames)
    return np.asarray(np.clip((time - start) / _RAMP, 0, 1) * np.clip((stop - time) / _RAMP, 0, 1))


def shake(frames: int, amplitude: float, rng: np.random.Generator, axes: int) -> NDArray[np.float64]:
    """(T, axes): smooth random motion around zero, of about that amplitude."""
    time = np.arange(frames)[:, None, None]
    periods = rng.uniform(8, 45, (1, axes, 3))
    waves = np.sin(2 * np.pi * time / periods + rng.uniform(0, 2 * np.pi, periods.shape))
    return np.asarray(amplitude * waves.mean(2) * np.sqrt(2))
