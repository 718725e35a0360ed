"""What every source of training data shares: the example, the source, and how a frame and its gaze are varied alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze import FrameGaze, GazeDataset, View, density_map, fixation_map
from gfsalnet.maps import Map
from gfsalnet.metrics import GroundTruth
from gfsalnet.network import NetworkConfig
from gfsalnet.types import RGB, Fixations
from gfsalnet.video import fitted_size_hw

TRUTH_WIDTH_PIXELS = 400
"""Scores are taken on maps of this width, at the picture's aspect: full HD would cost twenty times the work."""
_FEWEST = 3
"""A crop with fewer fixations than this says too little about where people look."""


class Example(NamedTuple):
    """One frame to learn from; all arrays have one view and size (h, w), so that they stay together."""

    rgb: RGB
    """(h, w, 3) uint8."""
    flow_image: RGB | None
    """(h, w, 3) uint8: the colour-coded flow that leads to this frame; None where no stream needs it."""
    density: Map
    """(h, w) float32, sums to 1; all zero where nobody looked."""
    fixations: NDArray[np.bool_]
    """(h, w): True where somebody looked."""
    still_density: Map | None = None
    """(h, w) float32, sums to 1: where viewers would look were this a photograph; None where nobody knows."""
    motion_share: Map | None = None
    """(h, w) 0…1: how far looks at a place are drawn by its motion, NaN where unknown; None where all of it is."""


class Source(ABC):
    """A part of the training or validation data: numbered frames with gaze.

    Nothing but `index`, `size_hw` and `rng` decides what `train_example` gives, so that a run can be stopped, resumed
    and spread over processes without changing what it learns from. Methods are called from several threads.
    """

    name: str
    """Name of the dataset; scores are averaged dataset by dataset."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of frames."""

    @abstractmethod
    def input_size_hw(self, index: int) -> tuple[int, int]:
        """The size in pixels at which the network sees a frame; frames of one size make a batch."""

    @abstractmethod
    def train_example(self, index: int, size_hw: tuple[int, int], rng: np.random.Generator) -> Example:
        """A frame (h, w, 3) of `size_hw` pixels to train on, varied at random (crop, mirror, colours), and its maps."""

    @abstractmethod
    def eval_example(self, index: int) -> tuple[Example, GroundTruth]:
        """A whole frame (h, w, 3) to validate on, not varied, at its `input_size_hw`; and what is scored against it."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """What was learned from, as JSON values: names, counts, a hash that changes with the data."""


class WeightedSource(NamedTuple):
    """A source, and how often each of its frames is drawn in an epoch."""

    source: Source
    draws: float


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How a frame is varied; 0 switches a kind off."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}

    mirror: bool = True
    """Half of all frames are mirrored left to right."""
    crop: float = 0.0
    """The largest share of each side that a random crop leaves out."""
    scale: float = 0.0
    """Batches are trained at 1 - scale, 1 or 1 + scale times the input's sides."""
    colour: float = 0.2
    """The largest relative change of brightness and contrast; saturation changes by twice as much."""

    def random_view(self, fixations: Fixations, rng: np.random.Generator) -> View:
        """A crop, in shares 0…1 of the picture, that keeps some of the gaze, or the whole of it; mirrored or not."""
        mirrored = self.mirror and bool(rng.random() < 0.5)
        if self.crop:
            kept = 1 - self.crop * rng.random()
            # Drawn also where the crop is then refused, so that a frame's numbers do not depend on its gaze.
            left, top = rng.random(2) * (1 - kept)
            view = View(left, top, kept, kept, mirrored)
            if view.of_fixations(fixations).inside.sum() >= _FEWEST:
                return view
        return View(mirrored=mirrored)

    def recoloured(self, rgb: RGB, rng: np.random.Generator) -> RGB:
        """The picture (h, w, 3) with its colours changed at random."""
        return recoloured(rgb, self.colour, rng)


def recoloured(rgb: RGB, amount: float, rng: np.random.Generator) -> RGB:
    """The picture (h, w, 3) with brightness, contrast and saturation changed at random.

    Args:
        rgb: uint8.
        amount: the largest relative change of brightness and contrast; saturation changes by twice as much.
        rng: decides.
    """
    image = rgb.astype(np.float32) / 255
    brightness, contrast, saturation = 1 + amount * rng.uniform(-1, 1, 3) * (1, 1, 2)
    image *= brightness
    mean = image.mean()
    image = (image - mean) * contrast + mean
    grey = image.mean(2, keepdims=True)
    # About the pixel's own grey: its brightness stays.
    image = (image - grey) * saturation + grey
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), dtype=np.uint8)


def input_size_hw(network: NetworkConfig, picture_hw: tuple[int, int]) -> tuple[int, int]:
    """The size in pixels at which the network sees a picture of `picture_hw` pixels."""
    height, width = network.input_size_hw
    return fitted_size_hw(picture_hw, height * width) if network.keep_aspect else (height, width)


class Target(NamedTuple):
    """The gaze on one frame as two maps (h, w)."""

    density: Map
    """(h, w) float32, sums to 1; all zero where nobody looked."""
    fixations: NDArray[np.bool_]
    """(h, w): True where somebody looked."""


def target(
    dataset: GazeDataset, video: str, gaze: FrameGaze, sigma: float | None, view: View, size_hw: tuple[int, int]
) -> Target:
    """The gaze seen through a view, as maps of `size_hw` pixels.

    Args:
        dataset: gives the density where `sigma` is None.
        video: name of the video or picture in the dataset.
        gaze: the gaze on one frame of it.
        sigma: of the density as a share of the view's width. The blur stands for the fovea, which does not grow when
            the picture is seen closer.
        view: the part of the frame that is seen.
        size_hw: size of the maps.
    """
    fixations = view.of_fixations(gaze.fixations)
    if sigma is not None:
        density = density_map(fixations, size_hw, sigma * size_hw[1])
    else:
        # At the size at which the view covers size_hw pixels, so that it is cut out and not resampled.
        whole_hw = (round(size_hw[0] / view.height), round(size_hw[1] / view.width))
        density = view.of_density(dataset.density(video, gaze, whole_hw), size_hw)
    return Target(density, fixation_map(fixations, size_hw))


def truth(dataset: GazeDataset, video: str, gaze: FrameGaze, sigma: float | None) -> GroundTruth:
    """What a prediction for this whole frame is scored against, `TRUTH_WIDTH_PIXELS` wide."""
    width, height = gaze.fixations.size_wh
    size_hw = (max(round(TRUTH_WIDTH_PIXELS * height / width), 1), TRUTH_WIDTH_PIXELS)
    whole = target(dataset, video, gaze, sigma, View(), size_hw)
    return GroundTruth(fixation_map_HW=whole.fixations, density_HW=whole.density)
