"""Trajectories over T frames: speeds that start and stop, and the unsteadiness of a hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RAMP = 4
"""Number of frames that starting or stopping takes."""


def slow_or_fast(slowest: float, fastest: float, rng: np.random.Generator) -> float:
    """A random speed, log-uniform: from 1 to 2 is as likely as from 2 to 4."""
    return float(np.exp(rng.uniform(np.log(slowest), np.log(fastest))))


def steady(frames: int, speed: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(T,) distance covered so far by a speed that varies by a third, in the unit of `speed` times frames."""
    phase, turns = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.5)
    swell = 1 + np.sin(np.linspace(0, 2 * np.pi * turns, frames) + phase) / 3
    return np.asarray(np.cumsum(speed * swell))


def starts_and_stops(frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(T,) 0…1: how much of its speed an object has; all of it in half of all cases, else it starts, stops, or both."""
    start, stop = (-frames, 2 * frames) if rng.random() < 0.5 else np.sort(rng.uniform(-0.4, 1.4, 2)) * frames
    time = np.arange(frames)
    return np.asarray(np.clip((time - start) / _RAMP, 0, 1) * np.clip((stop - time) / _RAMP, 0, 1))


def shake(frames: int, amplitude: float, rng: np.random.Generator, axes: int) -> NDArray[np.float64]:
    """(T, axes): smooth random motion around zero, of about that amplitude and in its unit."""
    time = np.arange(frames)[:, None, None]
    periods = rng.uniform(8, 45, (1, axes, 3))
    waves = np.sin(2 * np.pi * time / periods + rng.uniform(0, 2 * np.pi, periods.shape))
    # Three waves of random periods per axis: their sum hardly repeats within a scene. The root sets its amplitude.
    return np.asarray(amplitude * waves.mean(2) * np.sqrt(2))
