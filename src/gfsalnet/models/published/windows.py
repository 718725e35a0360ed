"""Models that predict the last frame of a window of 32, and where a clip's first frames get their window from.

A frame with fewer than 31 before it has no window. TASED-Net and ViNet take the window that starts at the frame and
turn it round in time; the frame is the last one then too. ViNet-S repeats the first frame of the clip. Every frame has
its own window: the strides in time of the network leave neighbours nothing in common but the pictures.

Approximate: the end of clips too short to be turned round (under 62 frames). Here they go on in reflection (…, 38, 39,
38, 37, …), which TASED-Net's author recommends beside repeating the clip; ViNet's program repeats the first frame.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gfsalnet.models.classical.base import FloatArray
from gfsalnet.models.published.base import FrameAndFlow, PublishedModel
from gfsalnet.types import RGB

WINDOW = 32
"""Frames that a prediction sees."""

T = TypeVar("T")


def turned_windows(frames: Iterable[T], length: int = WINDOW) -> Iterator[list[T]]:
    """For every frame of a clip, `length` frames of which it is the last; the first `length` − 1 frames run backwards.

    Takes no frame before it is needed, and holds 3 · `length` frames at most.

    >>> [" ".join(window) for window in turned_windows("abcdef", 3)]
    ['c b a', 'd c b', 'a b c', 'b c d', 'c d e', 'd e f']
    >>> [" ".join(window) for window in turned_windows("ab", 3)]
    ['a b a', 'b a b']
    """
    frames = iter(frames)
    opening: list[T] = []
    for frame in islice(frames, 2 * (length - 1)):
        opening.append(frame)
        if len(opening) >= length:
            yield opening[-length:][::-1]
    count = len(opening)
    # A clip of fewer frames: too few follow these to fill a window, which therefore goes on in reflection.
    for start in range(max(count - length + 1, 0), min(count, length - 1)):
        yield [opening[reflected(at, count)] for at in reversed(range(start, start + length))]
    recent: deque[T] = deque(maxlen=length)
    for frame in chain(opening, frames):
        recent.append(frame)
        if len(recent) == length:
            yield list(recent)


def repeating_windows(frames: Iterable[T], length: int = WINDOW) -> Iterator[list[T]]:
    """For every frame of a clip, it and the `length` − 1 before it; the first frame stands for those before the clip.

    >>> [" ".join(window) for window in repeating_windows("abcd", 3)]
    ['a a a', 'a a b', 'a b c', 'b c d']
    """
    recent: deque[T] = deque(maxlen=length)
    for frame in frames:
        # The deque drops what is too old by itself, so that the first frame fills it at once.
        recent.extend([frame] * (1 if recent else length))
        yield list(recent)


def reflected(index: int, count: int) -> int:
    """Where in 0…`count` − 1 an index ≥ 0 falls if the sequence runs to and fro without repeating its ends.

    >>> [reflected(index, 3) for index in range(8)], reflected(5, 1)
    ([0, 1, 2, 1, 0, 1, 2, 1], 0)
    """
    folded = index % max(2 * (count - 1), 1)
    return min(folded, 2 * (count - 1) - folded)


def with_following(items: Iterable[T], count: int) -> Iterator[tuple[T, ...]]:
    """Each item with the `count` after it; where they end, the last one is repeated. Holds `count` + 1 items.

    >>> list(with_following("abcd", 2))
    [('a', 'b', 'c'), ('b', 'c', 'd'), ('c', 'd', 'd'), ('d', 'd', 'd')]
    """
    waiting: deque[T] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > count:
            yield tuple(waiting)
            waiting.popleft()
    while waiting:
        # The end of the clip: what would follow is its last frame.
        yield (*waiting, *[waiting[-1]] * (count + 1 - len(waiting)))
        waiting.popleft()


class WindowModel(PublishedModel):
    """A network from (1, 3, 32, h, w), normalised, to the map (1, h, w) of the last frame."""

    reach_frames = WINDOW - 1
    lookahead_frames = WINDOW - 1
    input_size_hw = (224, 384)
    windows = staticmethod(turned_windows)

    @abstractmethod
    def resize(self, rgb: RGB) -> RGB:
        """(H, W, 3) to `input_size_hw`."""

    @abstractmethod
    def normalise(self, clip_3THW: Tensor) -> Tensor:
        """(3, 32, h, w) float32 of 0…255 to the network's range."""

    @abstractmethod
    def finish(self, saliency_HW: NDArray[np.float32], size_hw: tuple[int, int]) -> FloatArray:
        """The network's map (h, w) in 0…1 as the authors publish it.

        Args:
            saliency_HW: of `input_size_hw`.
            size_hw: of the frame.
        """

    def predict_shot(self, pictures: Iterator[FrameAndFlow]) -> Iterator[FloatArray]:
        """One map a picture, each from its own window."""
        for window in self.windows((self.resize(rgb), rgb.shape[:2]) for rgb, _ in pictures):
            clip_THW3 = torch.from_numpy(np.stack([small for small, _ in window])).to(self.device)
            # Where colours lie in memory decides how sums are rounded: here as in the authors' programs.
            clip_3THW = clip_THW3.permute(3, 0, 1, 2).float().contiguous()
            saliency_1HW = self.network(self.normalise(clip_3THW)[None])
            _, size_hw = window[-1]
            yield self.finish(saliency_1HW[0].cpu().numpy(), size_hw)
