"""Batches for one step: random views that teachers and student see alike, a pure function of seed and step."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from student.clips import Clip
from student.pictures import RGB, Photograph, blurred, fixations_seen, random_view, read_rgb, recoloured, seen
from student.teachers import Static, log_density
from torch import Tensor

Domain = Literal["still", "video"]
DOMAINS: tuple[Domain, ...] = ("still", "video")
STILL_SIZES = (((256, 320), 0.65), ((288, 288), 0.1), ((224, 384), 0.2), ((320, 256), 0.05))
VIDEO_SIZES = (((224, 384), 0.6), ((256, 320), 0.3), ((192, 416), 0.1))
"""Inputs of the network, and how often."""
BATCH = 8
STATIC_SHARE = 0.35
"""Exponent of the static teachers' mean beside those of a video."""


class Batch(NamedTuple):
    """Views of one size; targets at 1/4 of it."""

    image: Tensor
    """(B, 3, H, W) in 0…1."""
    domain: Domain
    teacher: Tensor
    """(B, h, w), log densities."""
    density: Tensor
    """(B, h, w): of the fixations, all zero where there are none."""
    fixations: Tensor
    """(B, h, w): how many."""


class Batches:
    """Everything that batches are drawn from."""

    def __init__(self, photographs: list[Photograph], clips: list[Clip], weights: Path, seed: int) -> None:
        self._photographs, self._clips, self._seed = photographs, clips, seed
        weight = np.array([clip.weight for clip in clips])
        self._chance = weight / weight.sum()
        self._static = Static(weights)
        self._pixels: dict[Path, RGB] = {}
        self._held: dict[int, tuple[list[RGB], Batch]] = {}

    def __call__(self, step: int) -> Batch:
        """Stills and video in turn. Of four steps the last two see the views of the first two again, mirrored and in
        other colours: what the teachers say costs as much as the step that learns it.
        """
        number = step // 4 * 2 + step % 2
        if number not in self._held:
            self._held = {key: held for key, held in self._held.items() if key == number - 1}
            self._held[number] = self._made(number)
        views, batch = self._held[number]
        return batch if step % 4 < 2 else _again(views, batch, np.random.default_rng((self._seed, number, 1)))

    def pair(self, step: int) -> tuple[Batch, Batch]:
        """A batch of stills and one of frames."""
        return self(2 * step), self(2 * step + 1)

    def _made(self, number: int) -> tuple[list[RGB], Batch]:
        rng = np.random.default_rng((self._seed, number))
        domain: Domain = "still" if number % 2 == 0 else "video"
        sizes, chances = zip(*(STILL_SIZES if domain == "still" else VIDEO_SIZES), strict=True)
        size_hw = sizes[rng.choice(len(sizes), p=chances)]
        grid_hw = size_hw[0] // 4, size_hw[1] // 4
        images, counts, video = [], [], []
        for _ in range(BATCH):
            if domain == "still":
                image, fixations = self._photograph(size_hw, grid_hw, rng)
                counts.append(fixations)
            else:
                clip = self._clips[rng.choice(len(self._clips), p=self._chance)]
                image, log_map = clip.drawn(size_hw, rng)
                counts.append(np.zeros(grid_hw, np.float32))
                video.append(log_map)
            images.append(image)
        tensor = _tensor([recoloured(image, rng) for image in images])
        teacher = self._static(tensor)
        if domain == "video":
            teacher = log_density(STATIC_SHARE * teacher + torch.from_numpy(np.stack(video)))
        fixations = np.stack(counts)
        density = np.stack([blurred(of_one) for of_one in fixations])
        return images, Batch(tensor, domain, teacher.clone(), torch.from_numpy(density), torch.from_numpy(fixations))

    def _photograph(
        self, size_hw: tuple[int, int], grid_hw: tuple[int, int], rng: np.random.Generator
    ) -> tuple[RGB, np.ndarray]:
        photograph = self._photographs[rng.integers(len(self._photographs))]
        if photograph.path not in self._pixels:
            self._pixels[photograph.path] = read_rgb(photograph.path)
        rgb = self._pixels[photograph.path]
        view = random_view((rgb.shape[0], rgb.shape[1]), size_hw[1] / size_hw[0], rng)
        return seen(rgb, view, size_hw), fixations_seen(photograph.xy_N2, view, grid_hw)


def _again(views: list[RGB], batch: Batch, rng: np.random.Generator) -> Batch:
    image = _tensor([recoloured(view[:, ::-1], rng) for view in views])
    return Batch(image, batch.domain, batch.teacher.flip(2), batch.density.flip(2), batch.fixations.flip(2))


def _tensor(images: list[RGB]) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
