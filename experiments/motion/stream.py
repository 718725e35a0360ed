"""What the trained motion stream sees, and the stream itself."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gfsalnet.maps import Map

GRID_HW = 64, 80
"""Height and width of the evidence in cells, whatever the shape of the picture."""
LEAST = 0.1
"""Added to speeds: slower motion is an estimator's noise."""
FLOOR = 0.3
"""Added to a speed relative to the mean: what rests is not excluded."""
_DARKEST = -8.0
"""Log density relative to the peak below which appearance is the same for the stream: nobody looks there."""

Evidence = NDArray[np.float32]
"""(6, 64, 80): what the stream sees."""


class Means(Protocol):
    """Speeds of a frame, (h, w) each; `sharp` is `short` without smoothing."""

    short: Map
    residual: Map
    raw: Map
    sharp: Map


def evidence(motion: Means, log_appearance: Map) -> Evidence:
    """What the stream sees of a frame.

    In order: the speed against the scene just now, relative to its mean; the same over a longer time; the first over
    the second, which is large where motion begins; the speed with the camera's; the first without smoothing; and what
    appearance says.

    Args:
        motion: in the frame.
        log_appearance: (h, w), but for a constant.
    """
    short, usual, raw, sharp = (_grid(m) for m in (motion.short, motion.residual, motion.raw, motion.sharp))
    onset = np.log((short + np.float32(LEAST)) / (usual + np.float32(LEAST)))
    seen = np.maximum(_grid(log_appearance) - log_appearance.max(), np.float32(_DARKEST)) / 4 + 1
    return np.stack([relative(short), relative(usual), onset, relative(raw), relative(sharp), seen]).astype(np.float32)


def relative(speed: Map, ceiling: float | None = None) -> Map:
    """(h, w): the logarithm of a speed relative to its mean, which says nothing where all moves alike or nothing does.

    Args:
        speed: (h, w), in pixels of a picture 320 wide per 1/25 s.
        ceiling: how many times the mean it can count.
    """
    shares = speed / np.float32(speed.mean() + LEAST)
    if ceiling is not None:
        shares = np.minimum(shares, np.float32(ceiling))
    return np.asarray(np.log(shares + np.float32(FLOOR)), np.float32)


class Stream(nn.Module):
    """Three convolutions, at a half, a quarter and an eighth of the evidence; starts by adding nothing."""

    def __init__(self, channels: int = 6, width: int = 12) -> None:
        super().__init__()
        self.first, self.second, self.third = (
            nn.Conv2d(incoming, width, 3, padding=1, padding_mode="replicate") for incoming in (channels, width, width)
        )
        self.last = nn.Conv2d(3 * width, 1, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, seen: Tensor) -> Tensor:
        """(B, 6, 64, 80) → (B, 32, 40): what is added to the logarithm of the motion map."""
        half = torch.relu(self.first(avg_pool2d(seen, 2)))
        quarter = torch.relu(self.second(avg_pool2d(half, 2)))
        eighth = torch.relu(self.third(avg_pool2d(quarter, 2)))
        size = half.shape[2:]
        grown = [half, *(interpolate(maps, size=size, mode="bilinear") for maps in (quarter, eighth))]
        return self.last(torch.cat(grown, 1))[:, 0]


def _grid(values: Map) -> Map:
    return np.asarray(cv2.resize(values, GRID_HW[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
