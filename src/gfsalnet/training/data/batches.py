"""Which frames make which batch, a pure function of seed, epoch and step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gfsalnet.flow import white_image
from gfsalnet.maps import Map
from gfsalnet.training.data.examples import Example, WeightedSource
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.recipe import Recipe

FrameNumbers = NDArray[np.intp]
"""(N, 2): index of the source, index of the frame in it."""


class PlannedStep(NamedTuple):
    """The frames that one optimiser step learns from."""

    number: int
    """Number of the step in its epoch, from 0."""
    frames: FrameNumbers
    size_hw: tuple[int, int]
    """The size in pixels at which the network sees them."""

    @property
    def images(self) -> int:
        """Number of frames."""
        return len(self.frames)


class Batch(NamedTuple):
    """Examples of one size as tensors; what the network sees is uint8 until it is on the device."""

    rgb: Tensor
    """(B, 3, H, W) uint8, channels last in memory."""
    flow_image: Tensor
    """(B, 3, H, W) uint8; white where nothing is known to move."""
    density: Tensor
    """(B, 1, H, W) float32; each sums to 1, or is all zero where nobody looked."""
    fixations: Tensor
    """(B, 1, H, W) bool."""
    still_density: Tensor
    """(B, 1, H, W) float32: the target of the appearance stream; the density where no other is known."""
    still_fixations: Tensor
    """(B, 1, H, W) bool: the fixations, but none where `still_density` is another: nobody was shown the still frame."""
    motion_share: Tensor
    """(B, 1, H, W) float32 0…1: how far looks are drawn by motion, NaN where unknown; 0 in photographs."""

    def to(self, device: torch.device) -> Batch:
        """The batch on the device, shapes and types unchanged; the copy from pinned memory runs beside what follows."""
        return Batch(*(part.to(device, non_blocking=True) for part in self))

    def pinned(self) -> Batch:
        """The batch in page-locked memory, from which a GPU copies while the CPU works on."""
        return Batch(*(part.pin_memory() for part in self))


class Plan:
    """The steps of every epoch.

    Args:
        sources: what frames are drawn from.
        recipe: gives seed, batch size and scales.
    """

    def __init__(self, sources: Sequence[WeightedSource], recipe: Recipe) -> None:
        self._recipe = recipe
        self._groups: dict[tuple[int, int], list[tuple[float, FrameNumbers]]] = {}
        for number, (source, draws) in enumerate(sources):
            of_size: dict[tuple[int, int], list[tuple[int, int]]] = {}
            for index in range(len(source)):
                of_size.setdefault(source.input_size_hw(index), []).append((number, index))
            for size_hw, frames in of_size.items():
                self._groups.setdefault(size_hw, []).append((draws, np.array(frames, np.intp)))

    def epoch(self, epoch: int) -> list[PlannedStep]:
        """Shuffled batches of frames of one size; as many in every epoch, which the schedule relies on."""
        # A generator of its own for each epoch: a run that is resumed need not draw those before.
        recipe, rng = self._recipe, np.random.default_rng((self._recipe.seed, epoch))
        batches: list[tuple[FrameNumbers, tuple[int, int]]] = []
        # Sorted: the order must not depend on which source happened to hold which size first.
        for input_hw, parts in sorted(self._groups.items(), key=lambda item: item[0]):
            # Shuffled within a size, cut into batches, and these shuffled: sizes alternate, none is mixed in a batch.
            frames = rng.permutation(np.concatenate([_drawn(part, draws, rng) for draws, part in parts]))
            for start in range(0, len(frames), recipe.batch_size):
                scale = rng.choice((-1, 0, 1)) * recipe.augmentation.scale + 1
                size_hw = (_to_multiple(input_hw[0] * scale), _to_multiple(input_hw[1] * scale))
                batches.append((frames[start : start + recipe.batch_size], size_hw))
        return [PlannedStep(number, *batches[i]) for number, i in enumerate(rng.permutation(len(batches)))]


def _drawn(frames: FrameNumbers, draws: float, rng: np.random.Generator) -> FrameNumbers:
    """(K, 2): each of N frames `draws` times; a fractional rest is drawn for a random part of them."""
    times, rest = divmod(draws, 1)
    some = rng.permutation(frames)[: round(rest * len(frames))]
    return np.concatenate([np.tile(frames, (int(times), 1)), some])


def _to_multiple(side: float, multiple: int = 32) -> int:
    """A side in pixels that the backbone can halve five times."""
    return max(round(side / multiple), 1) * multiple


def make_step(
    sources: Sequence[WeightedSource], recipe: Recipe, ranks: Ranks, epoch: int, step: PlannedStep
) -> list[Batch]:
    """The examples of one process in a step, in up to `recipe.accumulate` pieces.

    Every example has its own random numbers, so that it does not depend on how the batch is cut. A process for which
    no example is left takes the first without its gaze: such a frame weighs nothing in the loss, and the process still
    takes part when gradients are averaged, without which the others would wait for ever.

    Args:
        sources: what the step's frames are in.
        recipe: gives the seed and the number of pieces.
        ranks: the processes of the run, and which of them this is.
        epoch: number of the epoch.
        step: the step of that epoch.
    """

    def example(position: int) -> Example:
        number, index = (int(value) for value in step.frames[position])
        # By its place in the whole batch, and not in this process's part of it.
        rng = np.random.default_rng((recipe.seed, epoch, step.number, position))
        return sources[number].source.train_example(index, step.size_hw, rng)

    positions = range(ranks.rank, len(step.frames), ranks.world)
    examples = [example(position) for position in positions] or [_without_gaze(example(0))]
    # Every piece holds an example: a process makes as many pieces as it has examples, at most.
    pieces = min(recipe.accumulate, len(examples))
    batches = [collate(examples[i::pieces]) for i in range(pieces)]
    return [batch.pinned() for batch in batches] if ranks.device.type == "cuda" else batches


def _without_gaze(example: Example) -> Example:
    # A density of zeros counts for no loss of a map, a share that is NaN for none of the gate.
    nobody = np.zeros_like(example.density)
    unknown = np.full_like(nobody, np.nan)
    return Example(example.rgb, example.flow_image, nobody, np.zeros_like(example.fixations), None, unknown)


def collate(examples: Sequence[Example]) -> Batch:
    """Examples of one size (h, w) as a batch; what is not known is filled in as `Batch` says."""
    # Where nothing says how a moving scene would be looked at if it stood still, the density itself stands in.
    still = [example.density if example.still_density is None else example.still_density for example in examples]
    shown = [example.fixations & (example.still_density is None) for example in examples]
    return Batch(
        _images([example.rgb for example in examples]),
        _images([white_image(e.density.shape) if e.flow_image is None else e.flow_image for e in examples]),
        _maps([example.density for example in examples]),
        _maps([example.fixations for example in examples]),
        _maps(still),
        _maps(shown),
        _maps([_motion_share(example) for example in examples]),
    )


def _motion_share(example: Example) -> Map:
    if example.motion_share is not None:
        return example.motion_share
    return np.full_like(example.density, 0 if example.flow_image is None else np.nan)  # a photograph does not move


def _images(images: Sequence[NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)  # stays channels-last in memory, which is faster


def _maps(maps: Sequence[NDArray[np.generic]]) -> Tensor:
    # (B, H, W) → (B, 1, H, W).
    return torch.from_numpy(np.stack(maps))[:, None]
