"""The ceiling: how well viewers predict other viewers of the same frame.

Maps are made from fixations by the dataset's own Gaussian (`sigma_pixels`), so they are as smooth as the ground truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gfsalnet.types import Fixations

SPLITS = 2
"""How often the viewers of a frame are split into halves; each half is scored on the other."""


def viewers_of(fixations: Fixations) -> NDArray[np.int64]:
    """(V,) numbers of the viewers with a fixation inside the picture, ascending; empty if viewers are unknown."""
    if fixations.subject is None:
        return np.empty(0, np.int64)
    return np.unique(fixations.subject[fixations.inside])


def of_viewers(fixations: Fixations, viewers: NDArray[np.int64]) -> Fixations:
    """The fixations of these (V,) viewers only, in the same pixels."""
    assert fixations.subject is not None
    rows = np.isin(fixations.subject, viewers)
    return replace(fixations, x=fixations.x[rows], y=fixations.y[rows], subject=fixations.subject[rows])


def leave_one_out(fixations: Fixations) -> Iterator[tuple[Fixations, Fixations]]:
    """Human leave-one-out: for each viewer the fixations of all others, which predict, and the viewer's own."""
    viewers = viewers_of(fixations)
    for viewer in viewers if len(viewers) > 1 else ():
        yield of_viewers(fixations, viewers[viewers != viewer]), of_viewers(fixations, np.array([viewer]))


def split_halves(fixations: Fixations, rng: np.random.Generator) -> Iterator[tuple[Fixations, Fixations]]:
    """Human split-half: random halves of the viewers, each predicting the other; an odd viewer joins the first."""
    viewers = viewers_of(fixations)
    for _ in range(SPLITS if len(viewers) > 1 else 0):
        order = rng.permutation(viewers)
        first, second = (of_viewers(fixations, half) for half in np.array_split(order, 2))
        # Either half predicts the other once: so each viewer counts as often on both sides.
        yield first, second
        yield second, first
