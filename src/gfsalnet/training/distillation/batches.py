"""Batches of one step: random views of photographs and of clips, with what people and teachers say of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gfsalnet.gaze import GazeDataset, density_map, fixation_counts
from gfsalnet.maps import Map
from gfsalnet.training.distillation.clips import Clip, gaussian
from gfsalnet.training.distillation.config import DOMAINS, Distillation, Domain, InputSize
from gfsalnet.training.distillation.stored import StoredMaps
from gfsalnet.training.distillation.teachers import Teachers, log_density
from gfsalnet.training.distillation.views import hard_colours, random_view
from gfsalnet.training.distributed import Ranks
from gfsalnet.types import RGB, Fixations

WHOLE_SHARE = 0.5
"""How often a photograph is shown whole, where its aspect is about that of the input."""
_KEPT = 8
"""A batch stays until one is made whose number is higher by more than this: threads are not further apart."""
_HELD_BYTES = 2 << 30
"""Memory for photographs; those beyond it are read again each time."""


@dataclass(frozen=True, eq=False)
class Photograph:
    """A picture with people's gaze."""

    dataset: GazeDataset
    path: Path
    source: str
    """Its path below the data root: its name in the stored maps."""
    fixations: Fixations
    sigma: float
    """Sigma of the density, as a share of the view's width."""


class ViewBatch(NamedTuple):
    """B views of one size (H, W), all of one domain; targets at 1/4 of it, (h, w)."""

    image: Tensor
    """(B, 3, H, W) uint8, channels last in memory."""
    domain: Domain
    teacher: Tensor
    """(B, h, w) float32: log densities."""
    density: Tensor
    """(B, h, w) float32: of people's fixations; all zero where there are none, as in clips."""
    fixations: Tensor
    """(B, h, w) float32: how many."""

    def to(self, device: torch.device) -> ViewBatch:
        """The batch on the device; `domain` is no tensor."""
        image, domain, *targets = self
        return ViewBatch(image.to(device), domain, *(target.to(device) for target in targets))

    def part(self, start: int, step: int) -> ViewBatch:
        """Every `step`-th view from `start` on."""
        image, domain, *targets = self
        return ViewBatch(image[start::step], domain, *(target[start::step] for target in targets))


class _Made(NamedTuple):
    """What is this process's of a batch, and the views of all of it before they were recoloured."""

    views: list[RGB]
    batch: ViewBatch


class Batches:
    """Everything that batches are drawn from.

    Each step has a batch of either domain, and every other step sees the views of the one before again, mirrored and in
    other colours: what the teachers say costs as much as the step that learns it.

    Args:
        photographs: with gaze.
        clips: without.
        maps: the stored ones.
        teachers: the networks that see each view.
        settings: the section of the recipe.
        batch_size: number of views of each domain in a step, over all processes.
        seed: of the run.
        ranks: which part of each batch is this process's.
    """

    def __init__(
        self,
        photographs: Sequence[Photograph],
        clips: Sequence[Clip],
        maps: StoredMaps,
        teachers: Teachers,
        settings: Distillation,
        *,
        batch_size: int,
        seed: int,
        ranks: Ranks,
    ) -> None:
        self._photographs, self._clips, self._maps = photographs, clips, maps
        self._teachers, self._settings, self._ranks = teachers, settings, ranks
        self._batch_size, self._seed = batch_size, seed
        self._mine = slice(ranks.rank, None, ranks.world)
        weights = np.array([clip.weight for clip in clips])
        self._chance = weights / weights.sum()
        self._pixels: dict[Path, RGB] = {}
        self._room_bytes = _HELD_BYTES
        self._made: dict[int, _Made] = {}
        self._lock, self._making = Lock(), {domain: Lock() for domain in DOMAINS}

    def of_step(self, step: int) -> list[ViewBatch]:
        """Both batches, as far as they are this process's.

        Args:
            step: number of the step in the run; nothing else but the seed decides.
        """
        batches = []
        for place, domain in enumerate(DOMAINS):
            # Even numbers are of photographs, odd ones of clips; two steps in turn share both.
            number = step // 2 * 2 + place
            # One thread makes it, the other finds it made: two steps that follow each other share it.
            with self._making[domain]:
                made = self._made.get(number) or self._make(number, domain)
                self._made[number] = made
                for old in [key for key in list(self._made) if key % 2 == place and key < number - _KEPT]:
                    self._made.pop(old, None)
            again = np.random.default_rng((self._seed, number, 1))
            batches.append(made.batch if step % 2 == 0 else self._mirrored(made, again))
        return batches

    def _make(self, number: int, domain: Domain) -> _Made:
        rng = np.random.default_rng((self._seed, number))
        sizes = self._settings.sizes(domain)
        size = sizes[rng.choice(len(sizes), p=[size.share for size in sizes])]
        # All views are drawn in every process, so that a view does not depend on how many processes there are; only
        # those of this one are shown to the teachers.
        every = [self._view(domain, size, rng) for _ in range(self._batch_size)]
        image = _tensor([hard_colours(view.image, rng) for view in every][self._mine])
        drawn = every[self._mine]
        said = torch.from_numpy(np.stack([view.log_map for view in drawn]))
        device = self._ranks.device
        seen = self._teachers.log_map(image.to(device).float() / 255, domain)
        # A product of densities: a sum of logarithms, normalised again.
        teacher = log_density(said + (seen.cpu() if isinstance(seen, Tensor) else seen))
        density, fixations = (
            torch.from_numpy(np.stack(maps)) for maps in ([v.density for v in drawn], [v.fixations for v in drawn])
        )
        # All views are kept as they were drawn, since the next step recolours them anew.
        return _Made([view.image for view in every], ViewBatch(image, domain, teacher, density, fixations))

    def _mirrored(self, made: _Made, rng: np.random.Generator) -> ViewBatch:
        # As above: colours are drawn for all views in every process.
        image = _tensor([hard_colours(np.ascontiguousarray(view[:, ::-1]), rng) for view in made.views][self._mine])
        batch = made.batch
        return ViewBatch(image, batch.domain, batch.teacher.flip(2), batch.density.flip(2), batch.fixations.flip(2))

    def _view(self, domain: Domain, size: InputSize, rng: np.random.Generator) -> _View:
        if domain == "still":
            return self._photograph(self._photographs[int(rng.integers(len(self._photographs)))], size, rng)
        clip = self._clips[rng.choice(len(self._clips), p=self._chance)]
        image, log_map = clip.example(size, rng)
        nobody = np.zeros(size.grid_hw, np.float32)
        return _View(image, log_map + np.float32(self._settings.centre) * gaussian(size.grid_hw), nobody, nobody)

    def _photograph(self, photograph: Photograph, size: InputSize, rng: np.random.Generator) -> _View:
        rgb = self._picture(photograph)
        view = random_view((rgb.shape[0], rgb.shape[1]), size.width / size.height, rng, whole=WHOLE_SHARE)
        # One view for picture, gaze and stored maps alike: what is cut off or mirrored is so in all three.
        fixations = view.of_fixations(photograph.fixations)
        exponents = self._settings.stored.still
        stored = np.zeros(size.grid_hw, np.float32)
        if exponents:
            stored = view.of_map(self._maps.of_photograph(photograph.source, exponents), size.grid_hw)
        density = density_map(fixations, size.grid_hw, photograph.sigma * size.grid_hw[1])
        counts = fixation_counts(fixations, size.grid_hw)
        return _View(view.of_image(rgb, (size.height, size.width)), stored, density, counts)

    def _picture(self, photograph: Photograph) -> RGB:
        path = photograph.path
        if (held := self._pixels.get(path)) is not None:
            return held
        # Outside the lock: two threads may read the same picture, but none waits for another's.
        rgb = photograph.dataset.read_picture(path)
        with self._lock:
            if path not in self._pixels and rgb.nbytes <= self._room_bytes:
                self._pixels[path] = rgb
                self._room_bytes -= rgb.nbytes
        return rgb


class _View(NamedTuple):
    image: RGB
    log_map: Map
    density: Map
    fixations: Map


def _tensor(images: list[RGB]) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)  # stays channels-last in memory, which is faster
