"""A first reading of what is read twice: for each shot, when its frames are shown and how the looks lie on one axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import SourceError
from gfsalnet.types import Prediction
from gfsalnet.video import VideoInfo

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shot:
    """Frames between two cuts; `K` of them. An hour at 30 frames a second takes 70 MB."""

    indices: NDArray[np.int64]
    """(K,) numbers of the frames in their source."""
    times_seconds: Floats
    """(K,) when they are shown."""
    end_seconds: float
    """When the last of them ends."""
    marginals: NDArray[np.float32]
    """(K, n) looks along the axis; each row sums to 1."""


def address_again(info: VideoInfo) -> str:
    """What opens a source a second time, while its reader is open: standard input lies in a file so long.

    Raises:
        SourceError: if it can be read only once: it has no end, or is a pipe.
    """
    if info.is_live or (info.kind == "video" and info.path is None):
        raise SourceError(info.source, "can be read only once, and is read twice here", "Store it in a file first.")
    return str(info.path or info.address or info.source)


def read_shots(
    predictions: Iterable[Prediction],
    axis: int,
    rate: Fraction,
    on_frame: Callable[[int], None] = lambda done: None,
) -> list[Shot]:
    """The shots of a source, in order.

    Args:
        predictions: of its frames.
        axis: 0, x; 1, y.
        rate: frames per second, for the end of the last one.
        on_frame: called with the number of frames that are done.
    """
    indices: list[int] = []
    times: list[float] = []
    marginals: list[NDArray[np.float32]] = []
    firsts = [0]
    for prediction in predictions:
        if prediction.starts_shot and times:
            firsts.append(len(times))
        # The map is folded to one axis at once: of a crop that moves along it nothing else is needed.
        along = prediction.map_density.sum(axis=1 if axis == 1 else 0, dtype=np.float64)
        marginals.append((along / along.sum()).astype(np.float32))
        indices.append(prediction.frame_index)
        times.append(prediction.time_seconds)
        on_frame(len(times))
    ends = [*firsts[1:], len(times)]
    after = [*times, times[-1] + float(1 / rate)] if times else []
    return [
        Shot(np.array(indices[a:b]), np.array(times[a:b]), after[b], np.stack(marginals[a:b]))
        for a, b in zip(firsts, ends, strict=True)
        if b > a
    ]
