"""Earth mover's distance between two maps, exact."""

from __future__ import annotations

import math

import numpy as np

from gfsalnet.metrics.maps import FloatArray, MapLike, PreparedMap, prepared_map, require_same_size
from gfsalnet.metrics.resize import resize_bicubic
from gfsalnet.packages import needed_by

LARGEST_GRID_CELLS = 1024
"""Cells up to which the linear programme takes seconds at most; larger maps are shrunk first."""

_LARGEST_UNDERSHOOT = 1 / 8
"""Tolerated share of the peak: the negative lobes that bicubic shrinking leaves stay below 8 % on real densities."""

_SMALLEST_TOLERANCE = 1e-10
"""HiGHS takes no smaller one."""


def emd(saliency_HW: MapLike, density_HW: MapLike, *, downsize: float | None = None) -> float:
    """Earth mover's distance: the least total distance by which mass must move to turn the map into the density.

    Both maps are shrunk as MATLAB's imresize does, divided by their sums, and compared by an exact linear programme
    with Euclidean distances. The MIT benchmark's FastEMD agrees to about 1e-4, its own resolution.

    Args:
        saliency_HW: (H, W), any dtype and positive scale.
        density_HW: (H, W), any dtype and positive scale.
        downsize: by what factor the density is shrunk (the prediction follows its size). None is 32, the reference's
            choice, and 1 for maps of up to 1024 cells, which are taken as grids that are shrunk already: in those,
            bicubic undershoot below 0 is allowed.

    Returns:
        Distance in grid cells, ≥ 0. NaN if a map is zero or not finite.

    Raises:
        ValueError: if the maps differ in size, are no (H, W) maps, or hold negative values.

    >>> emd([[4, 0, 0]], [[1, 0, 1]])  # half of the mass moves two cells
    1.0
    """
    saliency, density = prepared_map(saliency_HW, "saliency"), prepared_map(density_HW, "density")
    require_same_size(saliency, density)
    return emd_of_any_size(saliency, density, downsize)


def emd_of_any_size(saliency: PreparedMap, density: PreparedMap, downsize: float | None) -> float:
    """`emd` for a prediction of any size: it is resampled once, straight to the grid."""
    if downsize is None:
        downsize = 1 if density.raw.size <= LARGEST_GRID_CELLS else 32
    # What was shrunk elsewhere may undershoot; what is shrunk here must come as a density.
    for prepared in (saliency, density):
        tolerated = _LARGEST_UNDERSHOOT * prepared.maximum if downsize == 1 else 0
        if prepared.is_finite and prepared.minimum < -tolerated:
            prepared.require_non_negative()
    if not all(prepared.is_finite and prepared.maximum > 0 for prepared in (saliency, density)):
        return math.nan
    grid_hw = (math.ceil(density.size_hw[0] / downsize), math.ceil(density.size_hw[1] / downsize))
    moved_to = resize_bicubic(density.values.reshape(density.size_hw), grid_hw, scale=1 / downsize)
    moved_from = resize_bicubic(saliency.values.reshape(saliency.size_hw), grid_hw)
    return transport_cost(moved_from / moved_from.sum(), moved_to / moved_to.sum())


def transport_cost(from_HW: FloatArray, to_HW: FloatArray) -> float:
    """Least cost, in mass times cells, of moving one (H, W) grid of mass onto another of the same total."""
    # What two grids share never needs to move, because distances obey the triangle inequality.
    surplus = (from_HW - to_HW).ravel()
    givers, takers = np.flatnonzero(surplus > 0), np.flatnonzero(surplus < 0)
    if len(givers) == 0 or len(takers) == 0:
        return 0.0
    # Ascending by what they take, so that the largest is the last.
    takers = takers[np.argsort(-surplus[takers])]
    y, x = np.divmod(np.arange(surplus.size), from_HW.shape[1])
    distance = np.hypot(np.subtract.outer(y[givers], y[takers]), np.subtract.outer(x[givers], x[takers]))
    with needed_by("the metric emd"):
        from scipy.optimize import linprog
        from scipy.sparse import eye_array, kron, vstack
    leaves = kron(eye_array(len(givers)), np.ones((1, len(takers))))
    arrives = kron(np.ones((1, len(givers))), eye_array(len(takers)))
    amounts = np.concatenate([surplus[givers], -surplus[takers]])
    # The last equation follows from the others; left out, the largest taker absorbs the rounding of the totals.
    # The solver leaves errors up to a fixed size in each amount. As shares of all that moves, with the smallest size it
    # takes, they stay small beside the distance of two maps that are almost the same.
    moving = float(surplus[givers].sum())
    solution = linprog(
        distance.ravel(),
        A_eq=vstack([leaves, arrives]).tocsr()[:-1],
        b_eq=amounts[:-1] / moving,
        options={
            "primal_feasibility_tolerance": _SMALLEST_TOLERANCE,
            "dual_feasibility_tolerance": _SMALLEST_TOLERANCE,
        },
    )
    if solution.fun is None:
        raise ArithmeticError(f"the transport problem was not solved: {solution.message}")
    return float(solution.fun) * moving
