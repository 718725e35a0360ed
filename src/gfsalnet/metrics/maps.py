"""The two kinds of array a metric reads, checked once and holding what several metrics need of them.

Every metric takes plain arrays. To score many predictions against one ground truth, or one prediction with several
metrics, prepare the arrays first: then checks, conversions, sums and norms are computed once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
Pixels: TypeAlias = NDArray[np.intp]
"""Flat row-major pixel positions: y * W + x."""

PART_LENGTH = 8192
"""Values per slice: 64 KiB in float64; BLAS does not split such a dot product, so no sum depends on its threads."""

_ORDER_KEEPING_DTYPE: dict[str, type[np.generic]] = {
    "bool": np.uint8,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "int8": np.float32,
    "int16": np.float32,
    "float16": np.float32,
    "float32": np.float32,
}
"""The fastest dtype to sort or count in that holds every value exactly; float64 for all others."""


class PreparedMap:
    """A saliency or density map and the terms that metrics need of it, each computed when first asked for.

    The array is not copied: do not write into it afterwards.

    Args:
        map_HW: (H, W), any real dtype and scale.
        name: its name in error messages.
        resized_from: the map this one was resampled from. Where that one has no negative value, negatives here are the
            undershoot of the resampling, and metrics that need non-negative maps take them as 0.
        reused: whether it is scored against many ground truths, so that sorting it once pays off.

    Raises:
        ValueError: if it is not a two-dimensional array of real numbers.
    """

    def __init__(
        self,
        map_HW: ArrayLike,
        name: str = "saliency",
        *,
        resized_from: PreparedMap | None = None,
        reused: bool = False,
    ) -> None:
        given = _real_matrix(map_HW, name)
        self.name, self.reused = name, reused
        self.size_hw: tuple[int, int] = (given.shape[0], given.shape[1])
        # Counting and sorting go by these: bytes are exact in bins, and half as wide floats are read twice as fast.
        self.raw: NDArray[np.generic] = given.ravel().astype(
            _ORDER_KEEPING_DTYPE.get(given.dtype.name, np.float64), copy=False
        )
        """(H*W,) the values as they were given, in uint8, uint16, float32 or float64."""
        self.minimum, self.maximum = float(self.raw.min()), float(self.raw.max())
        self.resized_from = resized_from

    @property
    def is_finite(self) -> bool:
        """Whether there is neither NaN nor infinity."""
        return math.isfinite(self.minimum) and math.isfinite(self.maximum)  # min and max pass a NaN on

    @property
    def varies(self) -> bool:
        """Whether the map is finite and not constant, so that its values can be ranked and standardised."""
        return self.is_finite and self.maximum > self.minimum

    @property
    def undershoots(self) -> bool:
        """Whether negative values come from resampling alone."""
        return self.minimum < 0 and self.resized_from is not None and self.resized_from.minimum >= 0

    @cached_property
    def values(self) -> FloatArray:
        """(H*W,) float64; extreme scales are brought near 1 by a power of two, which is exact."""
        # A power of two changes the exponent only: no digit is lost.
        values = self.raw.astype(np.float64, copy=False)
        return np.ldexp(values, -self._exponent) if self._exponent else values

    @cached_property
    def lowest(self) -> float:
        """Minimum of `values`."""
        return math.ldexp(self.minimum, -self._exponent)

    @cached_property
    def of_peak(self) -> FloatArray:
        """(H*W,) `values` divided by the largest of their magnitudes; of maps that vary."""
        return self.values / math.ldexp(max(-self.minimum, self.maximum), -self._exponent)

    @cached_property
    def ordered_of_peak(self) -> tuple[Pixels, FloatArray]:
        """The pixels by ascending value, and their `of_peak`."""
        order: Pixels = np.argsort(self.of_peak)
        return order, self.of_peak[order]

    @property
    def _exponent(self) -> int:
        exponent = math.frexp(max(-self.minimum, self.maximum))[1]
        return exponent if abs(exponent) > 300 else 0  # within, squares and their sums stay finite and normal

    @cached_property
    def _offset(self) -> float:
        """The minimum of nearly constant maps: subtracting it is exact, so that mean and std keep their digits."""
        near, far = sorted((abs(self.minimum), abs(self.maximum)))
        one_sign = self.minimum > 0 or self.maximum < 0
        return self.lowest if one_sign and 2 * near > far else 0.0

    @cached_property
    def total(self) -> float:
        """Sum of `values`, undershoot taken as 0."""
        return self._sum(self._non_negative)

    @cached_property
    def _total_above_lowest(self) -> float:
        floor = self.raw.size * self.lowest
        # Otherwise cancellation would lose digits, and the terms are summed one by one.
        if 0 <= floor <= self.total / 2:  # the difference keeps its digits, and a pass is saved
            return self.total - floor
        return self._sum(self.above_lowest)

    @cached_property
    def _mean_above_offset(self) -> float:
        if self._offset or self.undershoots:
            return self._sum(self._above_offset) / self.raw.size
        return self.total / self.raw.size

    @cached_property
    def centred_norm(self) -> float:
        """Root of the sum of squares of all values minus their mean."""
        parts = (self.centred(part) for part in self.parts())
        return math.sqrt(sum(float(np.dot(values, values)) for values in parts))

    def parts(self) -> Iterator[slice]:
        """Slices of the flat map, short enough for their temporaries to stay in the processor's cache."""
        return (slice(start, start + PART_LENGTH) for start in range(0, self.raw.size, PART_LENGTH))

    def above_lowest(self, part: slice | Pixels) -> FloatArray:
        """Values minus their minimum."""
        return self.values[part] - self.lowest if self.lowest else self.values[part]

    def centred(self, part: slice | Pixels) -> FloatArray:
        """Values minus their mean."""
        centred: FloatArray = self._above_offset(part) - self._mean_above_offset
        return centred

    def normalised(self, part: slice | Pixels, *, min_max: bool) -> FloatArray:
        """Values divided by their sum, with `min_max` after their minimum was moved to 0; new memory."""
        if min_max:
            return self.above_lowest(part) * (1 / self._total_above_lowest)
        density: FloatArray = self._non_negative(part) * (1 / self.total)
        return density

    def _above_offset(self, part: slice | Pixels) -> FloatArray:
        return self.values[part] - self._offset if self._offset else self.values[part]

    def _non_negative(self, part: slice | Pixels) -> FloatArray:
        return np.maximum(self.values[part], 0) if self.undershoots else self.values[part]

    def _sum(self, term: Callable[[slice], FloatArray]) -> float:
        return sum(float(term(part).sum()) for part in self.parts())

    def is_normalisable(self, *, min_max: bool) -> bool:
        """Whether the map can be divided by its sum, as it is or with its minimum moved to 0.

        Raises:
            ValueError: with `min_max=False`, if the map holds negative values that no resampling explains.
        """
        if min_max:
            return self.varies
        if self.is_finite and not self.undershoots:
            self.require_non_negative()
        return self.is_finite and self.maximum > 0

    def require_non_negative(self) -> None:
        """Raise ValueError if there is a negative value."""
        if self.minimum < 0:
            raise ValueError(
                f"{self.name} holds negative values down to {self.minimum:.3g}, which no density can; "
                "clip it at 0, take exp() of log-densities, or undo the standardisation"
            )


class PreparedFixations:
    """The fixated pixels of a fixation map.

    Args:
        fixation_map_HW: (H, W), zero where nobody looked; elsewhere 1 (or True, or 255), or how many fixations fell
            on the pixel.
        name: its name in error messages.

    Raises:
        ValueError: if it is not two-dimensional, or holds negative, fractional or non-finite values.
    """

    def __init__(self, fixation_map_HW: ArrayLike, name: str = "fixation_map") -> None:
        given = _real_matrix(fixation_map_HW, name)
        self.name = name
        self.size_hw: tuple[int, int] = (given.shape[0], given.shape[1])
        self.pixels: Pixels = np.flatnonzero(given != 0)
        """(N,) fixated pixels, ascending, each once."""
        self.counts: NDArray[np.float64] = given.ravel()[self.pixels].astype(np.float64)
        """(N,) the map's values there: fixations per pixel where the map counts them."""
        if not ((self.counts > 0) & (self.counts == np.floor(self.counts)) & np.isfinite(self.counts)).all():
            raise ValueError(
                f"{name} must hold 0 and 1 or whole fixation counts, but holds fractions, negative numbers or NaN; "
                "pass the map of discrete fixations, not the blurred density and not coordinates"
            )
        # Where every fixated pixel holds 255: no map counts so many fixations at each of them.
        if len(self) and self.counts.min() == 255:
            self.counts = np.ones(len(self))  # a binary map as images store it

    def __len__(self) -> int:
        return len(self.pixels)


MapLike: TypeAlias = "ArrayLike | PreparedMap"
FixationsLike: TypeAlias = "ArrayLike | PreparedFixations"


def prepared_map(map_HW: MapLike, name: str) -> PreparedMap:
    """Prepare a (H, W) map, or pass on one that already is."""
    return map_HW if isinstance(map_HW, PreparedMap) else PreparedMap(map_HW, name)


def prepared_fixations(fixation_map_HW: FixationsLike, name: str = "fixation_map") -> PreparedFixations:
    """Prepare a (H, W) fixation map, or pass on one that already is."""
    if isinstance(fixation_map_HW, PreparedFixations):
        return fixation_map_HW
    return PreparedFixations(fixation_map_HW, name)


def require_same_size(first: PreparedMap | PreparedFixations, *others: PreparedMap | PreparedFixations) -> None:
    """Raise ValueError unless all maps are (H, W) of one size."""
    for other in others:
        if other.size_hw == first.size_hw:
            continue
        if isinstance(other, PreparedFixations) and 2 in other.size_hw:
            remedy = "it looks like coordinates: make a map with fixation_map[y, x] = 1"
        else:
            remedy = "resize the prediction to the ground truth, or let metrics.Protocol.score do it"
        raise ValueError(f"{other.name} is {other.size_hw} but {first.name} is {first.size_hw}; {remedy}")


def _real_matrix(values: ArrayLike, name: str) -> NDArray[np.generic]:
    array: NDArray[np.generic] = np.asarray(values)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} must be one (H, W) map, not an array of shape {array.shape}")
    if array.dtype.kind not in "buif":
        raise ValueError(f"{name} must hold real numbers, not {array.dtype}")
    return array
