"""What the network learns from, and where it comes from: photographs, recorded video, composed motion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gfsalnet.metrics import GroundTruth
from gfsalnet.types import RGB, Map


class Example(NamedTuple):
    """One frame to learn from; all of one view and size (h, w), so that they stay together."""

    rgb: RGB
    """(h, w, 3)."""
    flow_image: RGB | None
    """(h, w, 3): the colour-coded flow that leads to this frame; None where no stream needs it."""
    density: Map
    """(h, w), sums to 1; all zero where nobody looked."""
    fixations: NDArray[np.bool_]
    """(h, w): where somebody looked."""
    still_density: Map | None = None
    """(h, w), sums to 1: where viewers would look were this a photograph; None where nobody knows."""
    motion_share: Map | None = None
    """(h, w), 0…1: how far looks at a place are drawn by its motion, NaN where unknown; None where all of it is."""


class Source(ABC):
    """A part of the training or validation data: numbered frames with gaze.

    Nothing but `index`, `size_hw` and `rng` decides what `train_example` gives, so that a run can be stopped, resumed
    and spread over processes without changing what it learns from. Methods are called from several threads.
    """

    name: str
    """Of the dataset; scores are averaged dataset by dataset."""

    @abstractmethod
    def __len__(self) -> int:
        """How many frames there are."""

    @abstractmethod
    def input_size_hw(self, index: int) -> tuple[int, int]:
        """The size at which the network sees a frame; frames of one size make a batch."""

    @abstractmethod
    def train_example(self, index: int, size_hw: tuple[int, int], rng: np.random.Generator) -> Example:
        """A frame to train on, varied at random (crop, mirror, colours), at `size_hw`."""

    @abstractmethod
    def eval_example(self, index: int) -> tuple[Example, GroundTruth]:
        """A frame to validate on, not varied, at its `input_size_hw`, and what a prediction is scored against."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """What was learned from, as JSON values: names, counts, a hash that changes with the data."""
