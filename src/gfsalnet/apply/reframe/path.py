"""Where a crop goes in one shot: the path that loses the fewest looks for the movement that it costs.

A crop as large as the frame allows has one way to go, along one axis. Of all paths that keep to a speed limit, dynamic
programming over position and speed finds the one with the least

    looks outside the crop                    share of the looks × seconds
    + `aside_price` × its middle off theirs   of crops that hold about the same, the one around the looks
    + `way_price` × way                       for each length of the crop that it travels
    + `turn_price` × changes of its speed     for each length a second by which it gets faster or slower

so one rule decides whether to stand still, to pan or to follow. The positions found are the control points of a uniform
cubic B-spline (de Boor, A Practical Guide to Splines, 1978), which lies between its control points and is no faster
than they are: limits hold, motion begins and ends softly, and what stands still stands still.

Letters: `T` steps, `P` positions, `V` speeds, `n` cells of a map along the axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SPEEDS_EACH_WAY = 8


@dataclass(frozen=True, kw_only=True)
class PathSettings:
    """What movement costs, chosen by docs/experiments/apply.md; lengths are those of the crop along its axis."""

    most_speed: float = 0.5
    """Lengths per second."""
    aside_price: float = 0.06
    """Share of the looks, for each length between the middle of the crop and the mean of the looks."""
    way_price: float = 0.05
    """Share of the looks × seconds, for each length."""
    turn_price: float = 0.05
    """Share of the looks × seconds, for each length a second."""
    step_seconds: float = 0.3
    """Time between two decisions."""


def kept_shares(marginals: NDArray[np.floating[Any]], positions: Floats, length: float) -> Floats:
    """(T, P) share of the looks that a crop holds at each position.

    Args:
        marginals: (T, n) looks along the axis, each row summing to 1.
        positions: (P,) or (T, P) where the crop begins, 0…1 of the frame's side.
        length: of the crop, 0…1 of the frame's side.
    """
    cells = marginals.shape[1]
    # (T, n + 1) looks before each edge of a cell; within a cell they grow linearly.
    before = np.pad(np.cumsum(marginals, axis=1, dtype=np.float64), ((0, 0), (1, 0)))

    def looks_before(places: Floats) -> Floats:
        at = np.atleast_2d(np.clip(places * cells, 0, cells))
        cell = np.minimum(at.astype(np.int64), cells - 1)
        shape = (len(marginals), at.shape[1])
        whole = np.take_along_axis(before, np.broadcast_to(cell, shape), axis=1)
        part = np.take_along_axis(marginals, np.broadcast_to(cell, shape), axis=1)
        return np.asarray(whole + (at - cell) * part, np.float64)

    return looks_before(positions + length) - looks_before(positions)


def losses_at(marginals: NDArray[np.floating[Any]], positions: Floats, length: float, aside_price: float) -> Floats:
    """(T, P) what a crop loses at each position: looks, and a little for each length that it lies beside them.

    Args:
        marginals: as of `kept_shares`.
        positions: (P,) as of `kept_shares`.
        length: as of `kept_shares`.
        aside_price: for each length.
    """
    cells = marginals.shape[1]
    # (T,) where the looks are on average, 0…1.
    means = marginals @ ((np.arange(cells) + 0.5) / cells)
    aside = np.abs(positions + length / 2 - means[:, None]) / length
    return np.asarray(1 - kept_shares(marginals, positions, length) + aside_price * aside, np.float64)


def cheapest_path(losses: Floats, way_price: float, turn_price: float) -> NDArray[np.int64]:
    """(T,) the position at each step of the path of least cost, moving at most `SPEEDS_EACH_WAY` positions a step.

    A shot may begin and end in motion.

    Args:
        losses: (T, P) what is lost at each position.
        way_price: for each position that is passed.
        turn_price: for each position a step by which it gets faster or slower.
    """
    steps, count = losses.shape
    speeds = np.arange(-SPEEDS_EACH_WAY, SPEEDS_EACH_WAY + 1)
    turns = turn_price * np.abs(speeds[:, None] - speeds)[..., None]  # (V now, V before, 1)
    origins = np.arange(count) - speeds[:, None]  # (V, P): where one comes from
    ways = np.where((origins >= 0) & (origins < count), way_price * np.abs(speeds)[:, None], np.inf)
    origins = np.clip(origins, 0, count - 1)
    costs = np.broadcast_to(losses[0], (len(speeds), count))  # (V, P) of the best path that ends so
    # Indices of 17 speeds in a byte each: of a long shot this is by far the largest array.
    speeds_before = np.empty((steps, len(speeds), count), np.uint8)
    for step in range(1, steps):
        turned = turns + costs  # (V now, V before, P)
        # Over the speed before, at the position before; then both are taken from where each path comes from.
        best = turned.argmin(axis=1)
        speeds_before[step] = np.take_along_axis(best, origins, axis=1)
        costs = np.take_along_axis(turned.min(axis=1), origins, axis=1) + ways + losses[step]
    # Backwards from the cheapest end: its speed says where it came from, the table with which speed it got there.
    path = np.empty(steps, np.int64)
    speed, path[-1] = np.unravel_index(costs.argmin(), costs.shape)
    for step in range(steps - 1, 0, -1):
        path[step - 1] = path[step] - speeds[speed]
        speed = speeds_before[step, speed, path[step]]
    return path


def spline(points: Floats, places: Floats) -> Floats:
    """(K,) a uniform cubic B-spline at `places`, where `points[i]` is the control point of place i; ends are held.

    >>> spline(np.array([0.0, 0.0, 0.0, 6.0]), np.array([0.0, 1.0, 2.0]))
    array([0., 0., 1.])
    """
    # Place i is shaped by the points i − 1 … i + 2, which stand at i + 1 … i + 4 here.
    padded = np.pad(points, 2, mode="edge")
    places = np.clip(places, 0, len(points) - 1)
    first = places.astype(int)
    u = places - first
    weights = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
    return sum((w * padded[first + 1 + k] for k, w in enumerate(weights)), np.zeros(len(places))) / 6
