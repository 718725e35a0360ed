"""The few numbers of a model that a little gaze is enough to fit: how its map is read, the gate, the memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gfsalnet.models.over_time import Kind, OverTime, Reading

GRID_HW = (15, 20)
"""Size of the centre that is written where the model has none of its own."""
_TEMPERATURE, _BLUR, _LEARNED = "temperature", "blur", "centre as learned"
_SHAPE = ("centre across", "centre down", "shift right", "shift down")
_GATE = {
    "weight": (0.0, 2.0, 0.3),
    "threshold": (0.05, 3.0, 0.3),
    "yielding": (0.0, 1.0, 0.2),
    "onset": (0.0, 2.0, 0.3),
}
"""Fields of the gate, with their bounds and the size of a usual step."""
_TAU = "memory, seconds"


@dataclass(frozen=True)
class Number:
    """One number of a model."""

    name: str
    value: float
    """What it is now."""
    low: float
    high: float
    step: float
    """About how far it lies from setup to setup; of a number with `relative` in units of its logarithm."""
    relative: bool = False


def numbers_of(how: OverTime, kind: Kind) -> list[Number]:
    """What can be fitted to pictures of that kind: at most 20.

    The centre's shape adds log odds to the learned grid: -2 a x² - 2 b y² + c x + d y, with x and y from -1 to 1. At 1,
    a and b make a Gaussian with a sigma of a quarter of that side.
    """
    reading = _reading(how, kind)
    found = [
        Number(_TEMPERATURE, reading.temperature, 0.1, 5.0, 0.3, relative=True),
        Number(_BLUR, reading.blur, 0.0, 0.15, 0.02),
    ]
    # A flat grid has no strength that could be fitted.
    if np.ptp(np.array(reading.centre)):
        found.append(Number(_LEARNED, 1.0, 0.0, 3.0, 0.5))
    found += [Number(name, 0.0, -4.0, 4.0, 0.5) for name in _SHAPE]
    if kind == "still":
        return found
    if how.gate is not None:
        for name, (low, high, step) in _GATE.items():
            found.append(Number(f"gate, {name}", getattr(how.gate, name), low, high, step))
    if how.memory.reach_seconds:
        tau = how.memory.tau_seconds
        found.append(Number(_TAU, tau, 0.0, max(how.memory.reach_seconds, tau), 0.05))
    return found


def adjusted(how: OverTime, kind: Kind, values: Mapping[str, float]) -> OverTime:
    """The same with other numbers.

    Args:
        how: what `numbers_of` was asked about.
        kind: likewise.
        values: of some or all of these numbers, by name.
    """
    reading = _reading(how, kind)
    changes: dict[str, Any] = {
        "temperature": values.get(_TEMPERATURE, reading.temperature),
        "blur": values.get(_BLUR, reading.blur),
        "centre": _centre(reading, values),
    }
    gate, memory = how.gate, how.memory
    if gate is not None:
        gate = replace(gate, **{name: values[f"gate, {name}"] for name in _GATE if f"gate, {name}" in values})
    if _TAU in values:
        memory = replace(memory, tau_seconds=values[_TAU])
    read = replace(reading, **changes)
    return replace(how, gate=gate, memory=memory, **{kind: read})


def _reading(how: OverTime, kind: Kind) -> Reading:
    return how.still if kind == "still" else how.video


def _centre(reading: Reading, values: Mapping[str, float]) -> tuple[tuple[float, ...], ...]:
    """The learned grid times its strength, and the shape on top."""
    learned = np.array(reading.centre)
    across, down, right, below = (values.get(name, 0.0) for name in _SHAPE)
    if not any((across, down, right, below)) and values.get(_LEARNED, 1.0) == 1.0:
        return reading.centre
    if not np.ptp(learned):
        learned = np.zeros(GRID_HW)
    # The grid is stretched over the picture by its cells' middles, as OpenCV resizes.
    y, x = (np.linspace(-1, 1, 2 * side + 1)[1::2] for side in learned.shape)  # the middles of cells
    shape = (right * x - 2 * across * x**2) + (below * y - 2 * down * y**2)[:, None]
    grid = values.get(_LEARNED, 1.0) * learned + shape
    # Log odds count but for a constant: with a mean of 0, equal centres are equal numbers.
    return tuple(map(tuple, (grid - grid.mean()).tolist()))


def as_steps(number: Number, value: float) -> float:
    """How many steps a value lies from what the number is."""
    if number.relative:
        return math.log(value / number.value) / number.step
    return (value - number.value) / number.step


def from_steps(number: Number, steps: float) -> float:
    """The value so many steps away, within its bounds."""
    value = number.value * math.exp(steps * number.step) if number.relative else number.value + steps * number.step
    return min(max(value, number.low), number.high)
