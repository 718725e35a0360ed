"""Composed motion as training data: every example is a frame of a new scene over one of the photographs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gfsalnet.composed import Stock, random_degradation
from gfsalnet.flow import FlowEstimator, flow_image
from gfsalnet.gaze import GazeDataset, View, fixation_map
from gfsalnet.metrics import GroundTruth
from gfsalnet.network import NetworkConfig
from gfsalnet.training.data.examples import Augmentation, Example, Source, input_size_hw, recoloured
from gfsalnet.types import RGB, Fixations
from gfsalnet.video import Resize

FRAMES = 48
"""Number of frames in a scene; an example shows one of them, and the flow from the one before."""
VIEWERS = 15
"""Number of fixations of an example, one per viewer."""
_SPARE = 1.25
"""Photographs are kept this much larger than the network's input, so that cameras can come closer."""
_VALIDATION_SEED = 0
"""Every run is validated on the same scenes, so that runs can be compared."""
_SIGMA = 0.03
"""Sigma of the density as a share of the width, where a part gives none."""


class ComposedMotion(Source):
    """Photographs as scenery of moving scenes; objects come from all of them.

    Args:
        parts: image datasets, each with the sigma of its density as a share of the picture's width.
        network: decides the size of frames; without a motion stream the gaze is that of the same scene at rest.
        flow: the estimator of inference, whose errors are learned too.
        scale_pixels: speed in full colour of the flow image, in pixels of the flow field.
        augmentation: only its colours count; views vary by the camera.

    Raises:
        DatasetError, SourceError: if a picture or its gaze is missing or damaged.
    """

    name = "composed"

    def __init__(
        self,
        parts: Sequence[tuple[GazeDataset, float | None]],
        *,
        network: NetworkConfig,
        flow: FlowEstimator,
        scale_pixels: float | None,
        augmentation: Augmentation,
    ) -> None:
        self._network, self._flow, self._scale_pixels = network, flow, scale_pixels
        self._colour = augmentation.colour
        self._sigmas: list[float] = []  # of each photograph in the stock; filled while the stock is, in its order
        self._digest = hashlib.blake2b(digest_size=16)
        self._stock = Stock(kept for dataset, sigma in parts for kept in self._photographs(dataset, sigma or _SIGMA))

    def _photographs(self, dataset: GazeDataset, sigma: float) -> Iterator[tuple[RGB, Fixations]]:
        for sample in (sample for video in dataset.videos for sample in dataset.samples(video)):
            height, width = input_size_hw(self._network, sample.frame.size_hw)
            # Shrunk once and held: an example reads several photographs, and the originals would not fit into memory.
            kept = View().of_image(sample.frame.rgb, (round(height * _SPARE), round(width * _SPARE)))
            fixations = sample.fixations
            self._sigmas.append(sigma)
            self._digest.update(json.dumps([kept.shape, fixations.size_wh, sigma]).encode())
            self._digest.update(kept.tobytes() + fixations.x.tobytes() + fixations.y.tobytes())
            yield kept, fixations

    def __len__(self) -> int:
        return len(self._stock)

    def input_size_hw(self, index: int) -> tuple[int, int]:
        """(height, width) in pixels: the network's size for the photograph behind."""
        return input_size_hw(self._network, self._stock.size_hw(index))

    def train_example(self, index: int, size_hw: tuple[int, int], rng: np.random.Generator) -> Example:
        """A frame of a new scene at `size_hw`, and the flow image from the frame before; arrays are (h, w)."""
        return self._example(index, size_hw, self._colour, rng)

    def eval_example(self, index: int) -> tuple[Example, GroundTruth]:
        """A frame (h, w, 3) of a scene that is always the same, with the density (h, w) and the viewers of it."""
        example = self._example(index, self.input_size_hw(index), 0.0, np.random.default_rng((_VALIDATION_SEED, index)))
        return example, GroundTruth(fixation_map_HW=example.fixations, density_HW=example.density)

    def _example(self, index: int, size_hw: tuple[int, int], colour: float, rng: np.random.Generator) -> Example:
        scene = self._stock.scene(index, size_hw, FRAMES, rng)
        # The order of draws from `rng` is what a seed means: another order gives other scenes, and other weights.
        time = int(rng.integers(1, FRAMES))  # not the first frame: no flow leads to it
        before, now = scene.render(time - 1), scene.render(time)
        degraded = random_degradation(rng)([before.rgb, now.rgb])
        # Both frames change alike: a change of brightness between them would be motion to the estimator.
        seed = int(rng.integers(2**31))
        previous, current = (recoloured(rgb, colour, np.random.default_rng(seed)) for rgb in degraded)
        still = self._network.streams == "appearance"
        sigma_pixels = self._sigmas[index] * size_hw[1]
        return Example(
            rgb=current,
            flow_image=None if still else self._flow_image(previous, current),
            density=now.density(sigma_pixels, still=still),
            fixations=fixation_map(now.viewers(VIEWERS, rng, still=still), size_hw),
            still_density=now.density(sigma_pixels, still=True),
            motion_share=None if still else now.motion_share(),
        )

    def _flow_image(self, previous: RGB, current: RGB) -> RGB:
        # Estimated although the true motion is known: the network shall learn with the errors it will meet. The field
        # has the size that the estimator works at, not that of the frame.
        picture = flow_image(self._flow(previous, current), self._scale_pixels)
        return Resize((picture.shape[0], picture.shape[1]), (current.shape[0], current.shape[1])).apply(picture)

    def fingerprint(self) -> dict[str, Any]:
        """The number of photographs, and a hash of their pixels and gaze."""
        return {"dataset": self.name, "photographs": len(self), "blake2b": self._digest.hexdigest()}
