"""Photographs with gaze, held in memory at about the network's size as long as there is room."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from threading import Lock
from typing import Any

import numpy as np

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import GazeDataset, View
from gfsalnet.metrics import GroundTruth
from gfsalnet.network import NetworkConfig
from gfsalnet.training.data.examples import Augmentation, Example, Source, input_size_hw, target, truth
from gfsalnet.types import RGB

_SPARE = 1.25
"""Photographs are kept this much larger than the network's input, so that crops stay sharp."""
_HELD_BYTES = 2 << 30
"""Memory for pictures, all photographs of one source together."""
_HASHED_PICTURES = 64
"""Number of pictures, evenly spread, whose pixels go into the fingerprint; of all others only names and gaze do."""


class Photographs(Source):
    """A dataset of pictures. Nothing in them moves, so they have no flow image (a batch makes it white).

    Args:
        dataset: holds pictures; their gaze is read at once, their pixels when first needed.
        network: says how large pictures are seen.
        augmentation: how pictures are varied.
        sigma: sigma of the density, as a share of the picture's width; None: the dataset's own density.
        names: of the pictures to use; None: all.
        held_bytes: memory for pictures; those beyond it are read again each time, to the same examples.

    Raises:
        DatasetError: if the dataset holds videos, or its gaze is missing or damaged.
    """

    def __init__(
        self,
        dataset: GazeDataset,
        *,
        network: NetworkConfig,
        augmentation: Augmentation,
        sigma: float | None,
        names: Sequence[str] | None = None,
        held_bytes: int = _HELD_BYTES,
    ) -> None:
        if dataset.kind != "image":
            raise DatasetError(dataset.root, "it holds videos, not photographs", "Leave compose out for videos.")
        self.name = dataset.name
        self._dataset, self._network, self._augmentation, self._sigma = dataset, network, augmentation, sigma
        self._names = dataset.videos if names is None else list(names)
        self._gaze = [dataset.gaze(name)[0] for name in self._names]
        self._held: dict[int, RGB] = {}
        self._room_bytes, self._lock = held_bytes, Lock()

    def __len__(self) -> int:
        return len(self._names)

    def input_size_hw(self, index: int) -> tuple[int, int]:
        """(height, width) in pixels: the network's size for the aspect of the original picture."""
        width, height = self._gaze[index].fixations.size_wh
        return input_size_hw(self._network, (height, width))

    def train_example(self, index: int, size_hw: tuple[int, int], rng: np.random.Generator) -> Example:
        """A random crop (h, w, 3) of `size_hw` pixels in random colours, and its maps (h, w)."""
        view = self._augmentation.random_view(self._gaze[index].fixations, rng)
        seen = target(self._dataset, self._names[index], self._gaze[index], self._sigma, view, size_hw)
        rgb = self._augmentation.recoloured(view.of_image(self._picture(index), size_hw), rng)
        return Example(rgb, None, *seen)

    def eval_example(self, index: int) -> tuple[Example, GroundTruth]:
        """The whole picture (h, w, 3) and its gaze (h, w) at the network's size, and what is scored against it."""
        name, gaze, size_hw = self._names[index], self._gaze[index], self.input_size_hw(index)
        seen = target(self._dataset, name, gaze, self._sigma, View(), size_hw)
        example = Example(View().of_image(self._picture(index), size_hw), None, *seen)
        return example, truth(self._dataset, name, gaze, self._sigma)

    def fingerprint(self) -> dict[str, Any]:
        """The number of photographs, and a hash of their names, their gaze and some of their pixels."""
        digest = blake2b(digest_size=16)
        for name, gaze in zip(self._names, self._gaze, strict=True):
            digest.update(json.dumps([name, gaze.fixations.size_wh]).encode())
            digest.update(gaze.fixations.x.tobytes() + gaze.fixations.y.tobytes())
        # Rounded up: at most as many as that, and at least one.
        for index in range(0, len(self), -(-len(self) // _HASHED_PICTURES)):
            digest.update(self._picture(index).tobytes())
        return {
            "name": self.name,
            "split": self._dataset.split,
            "photographs": len(self),
            "blake2b": digest.hexdigest(),
        }

    def _picture(self, index: int) -> RGB:
        """(h, w, 3): the picture at `_SPARE` times the network's size."""
        # Read without the lock: entries are added whole, and neither changed nor removed.
        held = self._held.get(index)
        if held is not None:
            return held
        height, width = self.input_size_hw(index)
        frame = next(iter(self._dataset.frames(self._names[index])))
        picture = View().of_image(frame.rgb, (round(height * _SPARE), round(width * _SPARE)))
        # Two threads may read one picture at once: both get the same pixels, and those of the first are kept. The lock
        # is not held while reading, or the workers would wait for each other.
        with self._lock:
            if index not in self._held and picture.nbytes <= self._room_bytes:
                self._held[index] = picture
                self._room_bytes -= picture.nbytes
        return picture
