"""What is done with an appearance map besides the network: centre and temperature, motion by a gate, a short memory.

All in logarithms. The fused map is S ∝ S_A^a · S_T^w. The exponents come from how much of the picture moves against the
camera: where little does, what moves draws looks; where all does, motion says nothing (docs/experiments/accuracy.md).

The gate P is the share of appearance, pixel by pixel: of the looks at a place, the part that would be there without the
motion map: P = min(1, S_A^a / S), both as densities. So 1 - P, averaged over the looks, says how far motion changes it
(the total variation between the maps with and without motion), and P is 1 everywhere while motion is not trusted.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import WeightsError
from gfsalnet.flow.scene_motion import SceneMotion
from gfsalnet.maps import FrameMaps, Map
from gfsalnet.models.memory import Memory
from gfsalnet.network.folder import ASK_SOURCE

Kind = Literal["still", "video"]
"""What a picture is: looked at for some seconds, or one of a video."""


def log_of(density: Map) -> Map:
    """(h, w): its logarithm."""
    # A trillionth of a uniform map: logarithms stay finite, and no look is moved.
    return np.asarray(np.log(density + np.float32(1e-12 / density.size)), np.float32)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the network's map of one kind of picture is read."""

    blur: float = 0.0
    """Sigma of a Gaussian over the map, before anything else, as a share of the picture's width."""
    temperature: float = 1.0
    """Exponent of the map: below 1 it gets softer."""
    centre: tuple[tuple[float, ...], ...] = ((0.0,),)
    """Log odds of places, a coarse grid stretched over the picture."""
    areas: tuple[float, ...] = (1.0,)
    """How large the network sees the picture, in areas of its usual input, every second time mirrored; the map is the
    mean of all in the logarithm. Of photographs alone: several looks at a frame of a video gain nothing, for its memory
    takes means already."""

    def __post_init__(self) -> None:
        if not self.areas or min(self.areas) <= 0:
            raise ValueError("areas must be positive, and one at least")

    def log_map(self, density: Map, centre_strength: float = 1.0) -> Map:
        """(h, w): logarithm of the map as it is read, but for a constant."""
        if self.blur:
            sigma = self.blur * density.shape[1]
            density = np.asarray(cv2.GaussianBlur(density, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)
        read = np.float32(self.temperature) * log_of(density) + np.float32(centre_strength) * self.log_odds(
            density.shape
        )
        return np.asarray(read, np.float32)

    def log_odds(self, size_hw: tuple[int, ...]) -> Map:
        """(h, w): the centre at that size."""
        return _grid_at(self.centre, size_hw)


@dataclass(frozen=True, kw_only=True)
class MotionGate:
    """How far motion is trusted, and what it says. Speeds are those of `SceneMotion`."""

    weight: float = 0.7
    """The largest exponent of the motion map."""
    yielding: float = 0.25
    """How much smaller the exponent of the appearance map, 1, gets for each unit of the other's."""
    threshold: float = 0.7
    """The mean residual speed at which half of it is left."""
    softness: float = 0.1
    """Width over which the trust falls, in the same unit."""
    floor: float = 0.3
    """Added to a speed relative to the mean: what rests is not excluded."""
    ceiling: float = 2.0
    """How many times the mean a speed can count: the fastest thing is not all there is to see."""
    least: float = 0.1
    """Added to the mean: slower motion is an estimator's noise."""
    onset: float = 0.0
    """Exponent of the speed just now over that of a longer time: motion that begins draws more than motion that goes
    on, and what moved away leaves no trail."""
    tau_seconds: float = 0.3
    reach_seconds: float = 0.5
    """Time that the mean of speeds reaches back (`SceneMotionStream`)."""

    def log_map(self, motion: SceneMotion, size_hw: tuple[int, int]) -> Map:
        """(h, w): logarithm of the motion map, but for a constant."""
        least, onset = np.float32(self.least), np.float32(self.onset)
        # Relative to the mean: the law is about what moves more than the rest, at any speed.
        relative = motion.residual / np.float32(motion.mean_residual + self.least)
        log_T = np.log(np.minimum(relative, np.float32(self.ceiling)) + np.float32(self.floor))
        return _resized(log_T + onset * np.log((motion.short + least) / (motion.residual + least)), size_hw)

    def exponent(self, motion: SceneMotion) -> float:
        """The exponent of the motion map."""
        if motion.mean_residual == 0:
            return 0.0
        beyond = (motion.mean_residual - self.threshold) / self.softness
        return self.weight / (1 + math.exp(min(beyond, 700.0)))  # a larger power is no float


@dataclass(frozen=True, kw_only=True)
class OverTime:
    """All of it, as `config.json` has it under `over_time`."""

    still: Reading = field(default_factory=Reading)
    video: Reading = field(default_factory=Reading)
    gate: MotionGate | None = None
    """None: no motion."""
    memory: Memory = field(default_factory=Memory)

    @property
    def reach_seconds(self) -> float:
        """How long ago a frame may have been that still has some influence."""
        return self.memory.reach_seconds + (self.gate.reach_seconds if self.gate else 0.0)

    @property
    def digest(self) -> str:
        """Changes with any of the numbers."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:16]

    @classmethod
    def from_json(cls, tree: Mapping[str, Any], where: object) -> OverTime:
        """What `config.json` says.

        Raises:
            WeightsError: if a key is unknown or a value is no number.
        """
        kinds: dict[str, Any] = {"still": Reading, "video": Reading, "gate": MotionGate, "memory": Memory}
        try:
            given: dict[str, Any] = {
                name: None if values is None else kinds[name](**{key: _numbers(value) for key, value in values.items()})
                for name, values in tree.items()
            }
            return cls(**given)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"says something unknown of maps over time ({error})"
            raise WeightsError(where, problem, ASK_SOURCE) from error


class MapsOverTime:
    """The maps of the frames of one stream, each for itself: as read, with motion, and how far motion is trusted.

    Args:
        how: the numbers.
        kind: of pictures.
        centre_strength: of the centre, 1 is as fitted.
    """

    def __init__(self, how: OverTime, kind: Kind, centre_strength: float = 1.0) -> None:
        self.how, self.centre_strength = how, centre_strength
        self._reading = how.still if kind == "still" else how.video

    def fused(self, density: Map, motion: SceneMotion | None) -> FrameMaps:
        """The maps of a frame, before the memory.

        Args:
            density: (h, w), the network's.
            motion: in the frame; None without a gate.
        """
        reading = self._reading
        log_A = reading.log_map(density, self.centre_strength)
        appearance, gate = density_of(log_A), self.how.gate
        if gate is None or motion is None:
            return FrameMaps(appearance, appearance, None, None)
        size_hw = (density.shape[0], density.shape[1])
        log_T, of_motion = gate.log_map(motion, size_hw), gate.exponent(motion)
        of_appearance = 1 - gate.yielding * of_motion
        log_still = np.float32(of_appearance) * log_A
        fused, without_motion = density_of(log_still + np.float32(of_motion) * log_T), density_of(log_still)
        log_centre = np.float32(self.centre_strength) * reading.log_odds(size_hw)
        # Places without looks come out as 0 / 0 in float32: there is nothing there that motion could have brought.
        share = np.divide(without_motion, fused, out=np.ones_like(fused), where=fused > 0)
        return FrameMaps(fused, appearance, density_of(log_T + log_centre), np.minimum(share, 1))


def _numbers(value: Any) -> Any:
    """A number as a float, lists of them as tuples."""
    if isinstance(value, list):
        return tuple(_numbers(item) for item in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def density_of(log_map: Map) -> Map:
    """(h, w): the density whose logarithm this is, but for a constant."""
    # At most 1, so that nothing overflows; the sum in float64, as thousands of small numbers would lose digits.
    powers = np.exp(log_map - log_map.max())
    return np.asarray(powers / np.float32(powers.sum(dtype=np.float64)), np.float32)


@lru_cache(maxsize=8)  # for every frame the same
def _grid_at(grid: tuple[tuple[float, ...], ...], size_hw: tuple[int, ...]) -> Map:
    """(h, w), not to be written to."""
    return _resized(np.array(grid, np.float32), size_hw)


def _resized(grid: NDArray[np.float32], size_hw: tuple[int, ...]) -> Map:
    if grid.shape == size_hw[:2]:
        return grid
    return np.asarray(cv2.resize(grid, (size_hw[1], size_hw[0]), interpolation=cv2.INTER_LINEAR), np.float32)
