"""Everything one frame's predictions are scored against."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import numpy as np

from gfsalnet.metrics.auc import jitter_noise
from gfsalnet.metrics.maps import (
    FixationsLike,
    FloatArray,
    MapLike,
    PreparedFixations,
    PreparedMap,
    prepared_fixations,
    prepared_map,
    require_same_size,
)

_PreparedT = TypeVar("_PreparedT", PreparedMap, PreparedFixations)


class GroundTruth:
    """What the predictions for one frame are scored against, prepared once.

    Args:
        fixation_map_HW: (H, W) binary, or counting the fixations of each pixel, which pysaliency and aim24 need.
        density_HW: (H, W) fixation density, any positive scale.
        other_map_HW: (H, W) fixations on other pictures, for shuffled AUC.
        baseline_HW: (H, W) map that information gain compares with, as a rule the centre bias.
        seed: seed of the draws that sampled metrics make for this frame.

    Raises:
        ValueError: if all are missing, or they differ in size.
    """

    def __init__(
        self,
        *,
        fixation_map_HW: FixationsLike | None = None,
        density_HW: MapLike | None = None,
        other_map_HW: FixationsLike | None = None,
        baseline_HW: MapLike | None = None,
        seed: int = 0,
    ) -> None:
        self._fixations = None if fixation_map_HW is None else prepared_fixations(fixation_map_HW)
        self._density = None if density_HW is None else prepared_map(density_HW, "density")
        self._others = None if other_map_HW is None else prepared_fixations(other_map_HW, "other_map")
        self._baseline = None if baseline_HW is None else prepared_map(baseline_HW, "baseline")
        self.seed = seed
        given = [m for m in (self._fixations, self._density, self._others, self._baseline) if m is not None]
        if not given:
            raise ValueError("GroundTruth needs at least one map: pass fixation_map_HW, density_HW or both")
        require_same_size(*given)
        self.size_hw = given[0].size_hw

    @property
    def rng(self) -> np.random.Generator:
        """A new generator that starts from the seed."""
        return np.random.default_rng(self.seed)

    @property
    def jitter(self) -> FloatArray:
        """(H*W,) noise of the MATLAB code, the same for all maps of this seed and size."""
        return _jitter(self.seed, self.size_hw[0] * self.size_hw[1])

    @property
    def fixations(self) -> PreparedFixations:
        """The fixated pixels; ValueError where none were given."""
        return _given(self._fixations, "fixation_map_HW")

    @property
    def density(self) -> PreparedMap:
        """The fixation density; ValueError where none was given."""
        return _given(self._density, "density_HW")

    @property
    def others(self) -> PreparedFixations:
        """The fixations on other pictures; ValueError where none were given."""
        return _given(self._others, "other_map_HW")

    @property
    def baseline(self) -> PreparedMap:
        """The baseline map; ValueError where none was given."""
        return _given(self._baseline, "baseline_HW")


@lru_cache(maxsize=1)  # all predictions for one frame are scored with the same noise
def _jitter(seed: int, pixels: int) -> FloatArray:
    noise = jitter_noise(np.random.default_rng(seed), pixels)
    # It is cached and shared.
    noise.flags.writeable = False
    return noise


def _given(prepared: _PreparedT | None, argument: str) -> _PreparedT:
    if prepared is None:
        raise ValueError(f"a metric needs {argument}: pass it to GroundTruth")
    return prepared
