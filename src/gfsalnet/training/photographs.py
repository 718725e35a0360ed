"""Photographs with gaze as batches: grouped by shape, varied, pixels and fixations together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import View, density_map, fixation_map, open_dataset
from gfsalnet.network import NetworkConfig
from gfsalnet.training.recipe import Augmentation, Recipe
from gfsalnet.types import RGB, Fixations
from gfsalnet.video import fitted_size_hw

_FEWEST = 3
"""A crop with fewer fixations than this says too little about where people look."""
_SPARE = 1.25
"""Photographs are kept this much larger than the network's input, so that crops stay sharp."""


@dataclass(frozen=True)
class Photograph:
    """One training or validation sample, held in memory at about the network's size."""

    dataset: str
    name: str
    rgb: RGB
    fixations: Fixations
    input_hw: tuple[int, int]
    """What the network sees of the whole picture."""


class Batch(NamedTuple):
    """(B, 3, H, W) in 0…1, then two (B, 1, H, W)."""

    rgb: Tensor
    density: Tensor
    fixations: Tensor


def input_size_hw(network: NetworkConfig, picture_hw: tuple[int, int]) -> tuple[int, int]:
    """The size at which the network sees a picture."""
    height, width = network.input_size_hw
    return fitted_size_hw(picture_hw, height * width) if network.keep_aspect else (height, width)


def load_photographs(recipe: Recipe) -> tuple[list[Photograph], list[Photograph]]:
    """All photographs of the recipe's folders, for training and for validation.

    Raises:
        DatasetError, SourceError: if a folder or a picture is missing or damaged.
    """
    train: list[Photograph] = []
    validation: list[Photograph] = []
    every = recipe.data.validate_every
    for folder in recipe.data.folders:
        gaze = open_dataset("folder", folder)
        if gaze.kind != "image":
            raise DatasetError(folder, "it holds videos, not photographs", "Give folders with images/ and fixations.")
        for index, sample in enumerate(sample for name in gaze.videos for sample in gaze.samples(name)):
            input_hw = input_size_hw(recipe.network, sample.frame.size_hw)
            kept_hw = (round(input_hw[0] * _SPARE), round(input_hw[1] * _SPARE))
            kept = View().of_image(sample.frame.rgb, kept_hw)
            photograph = Photograph(gaze.name, sample.name, kept, sample.fixations, input_hw)
            (validation if index % every == every - 1 else train).append(photograph)
    return train, validation


def batches_of_epoch(photographs: list[Photograph], recipe: Recipe, epoch: int) -> Iterator[Batch]:
    """The batches of one epoch, always the same for the same recipe and epoch."""
    for number, (group, size_hw) in enumerate(_plan(photographs, recipe, epoch)):
        rng = np.random.default_rng((recipe.seed, epoch, number))
        yield _collate([_varied(photograph, size_hw, recipe, rng) for photograph in group])


def batches_per_epoch(photographs: list[Photograph], recipe: Recipe) -> int:
    """How many batches `batches_of_epoch` yields."""
    return len(_plan(photographs, recipe, 0))


def _plan(photographs: list[Photograph], recipe: Recipe, epoch: int) -> list[tuple[list[Photograph], tuple[int, int]]]:
    """Shuffled batches of photographs of one shape, each with the size it is trained at."""
    rng = np.random.default_rng((recipe.seed, epoch))
    by_shape: dict[tuple[int, int], list[Photograph]] = {}
    for photograph in photographs:
        by_shape.setdefault(photograph.input_hw, []).append(photograph)
    plan = []
    for input_hw, group in sorted(by_shape.items()):
        order = rng.permutation(len(group))
        for start in range(0, len(group), recipe.batch_size):
            scale = rng.choice((-1, 0, 1)) * recipe.augmentation.scale + 1
            size_hw = (_to_multiple(input_hw[0] * scale), _to_multiple(input_hw[1] * scale))
            plan.append(([group[i] for i in order[start : start + recipe.batch_size]], size_hw))
    return [plan[i] for i in rng.permutation(len(plan))]


def _to_multiple(side: float, multiple: int = 32) -> int:
    return max(round(side / multiple), 1) * multiple


def _varied(
    photograph: Photograph, size_hw: tuple[int, int], recipe: Recipe, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    view = _random_view(photograph.fixations, recipe.augmentation, rng)
    fixations = view.of_fixations(photograph.fixations)
    rgb = _recoloured(view.of_image(photograph.rgb, size_hw), recipe.augmentation.colour, rng)
    # The blur stands for the fovea, which does not grow when the picture is seen closer.
    density = density_map(fixations, size_hw, recipe.data.sigma * size_hw[1])
    return rgb, density, fixation_map(fixations, size_hw)


def _random_view(fixations: Fixations, how: Augmentation, rng: np.random.Generator) -> View:
    mirrored = how.mirror and bool(rng.random() < 0.5)
    if how.crop:
        kept = 1 - how.crop * rng.random()
        left, top = rng.random(2) * (1 - kept)
        view = View(left, top, kept, kept, mirrored)
        if view.of_fixations(fixations).inside.sum() >= _FEWEST:
            return view
    return View(mirrored=mirrored)


def _recoloured(rgb: RGB, amount: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """0…1, with brightness, contrast and saturation changed at random."""
    image = rgb.astype(np.float32) / 255
    brightness, contrast, saturation = 1 + amount * rng.uniform(-1, 1, 3) * (1, 1, 2)
    image *= brightness
    mean = image.mean()
    image = (image - mean) * contrast + mean
    grey = image.mean(2, keepdims=True)
    return np.asarray(np.clip((image - grey) * saturation + grey, 0, 1), dtype=np.float32)


def _collate(samples: list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]]) -> Batch:
    rgb, density, fixations = (np.stack(arrays) for arrays in zip(*samples, strict=True))
    images = torch.from_numpy(rgb).permute(0, 3, 1, 2)  # stays channels-last in memory, which is faster
    return Batch(images, torch.from_numpy(density)[:, None], torch.from_numpy(fixations)[:, None])
