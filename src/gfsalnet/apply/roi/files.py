"""Files of QP offsets for encoders that are run by other programs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gfsalnet.apply.roi.offsets import QP_PER_DOUBLING, Offsets, offsets_of

SVT_BLOCK_PIXELS = 64
SVT_MOST_VALUES = 7
"""Different offsets in a frame: AV1 has eight segments, and an odd number has 0 in its middle."""
QINDEX_PER_QP = 5
"""Steps of AV1's quantiser index, 0…255, for one of H.264's QP, 0…51."""


class SvtAv1Map:
    """Lines of the file that SvtAv1EncApp takes by `--roi-map-file`.

    A line is the number of a frame, from 0 on, and an offset of the quantiser index for each block of 64×64 pixels, row
    by row; it holds until the frame of the next line, so that frames whose offsets stay have none.

    Args:
        strength: the largest offset in QP, either way.
        block_pixels: side of the blocks of the offsets, of which a whole number is 64.
    """

    def __init__(self, strength: float, block_pixels: int) -> None:
        # Seven values from −strength to strength, evenly apart.
        self._strength, self._step = strength, max(strength, 1) * 2 / (SVT_MOST_VALUES - 1)
        self._together = SVT_BLOCK_PIXELS // block_pixels
        self._last: str | None = None
        self._frame = 0

    def line(self, offsets: Offsets) -> str:
        """The line of the next frame, with its end; empty where nothing changes.

        Args:
            offsets: (rows, columns) in QP.
        """
        # A block of several is looked at as they are on average: of their looks, not of their offsets.
        lift = _means(np.exp2(offsets / -QP_PER_DOUBLING), self._together)
        steps = np.rint(offsets_of(lift, self._strength) / self._step)
        indices = np.rint(steps * self._step * QINDEX_PER_QP).astype(int)
        values = " ".join(map(str, indices.ravel().tolist()))
        line = f"{self._frame} {values}\n" if values != self._last else ""
        # Compared without the number of the frame, which always differs.
        self._last, self._frame = values, self._frame + 1
        return line


def _means(lift: NDArray[np.float64], together: int) -> NDArray[np.float64]:
    """The means of so many by so many blocks; at the right and the bottom of those there are."""
    rows, columns = (range(0, size, together) for size in lift.shape)
    sums = np.add.reduceat(np.add.reduceat(lift, rows, axis=0), columns, axis=1)
    ones = np.ones(lift.shape)
    means: NDArray[np.float64] = sums / np.add.reduceat(np.add.reduceat(ones, rows, axis=0), columns, axis=1)
    return means
