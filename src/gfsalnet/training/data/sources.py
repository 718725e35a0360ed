"""The data sections of a recipe, opened as sources of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from gfsalnet.flow import FlowEstimator
from gfsalnet.gaze import GazeDataset, open_dataset
from gfsalnet.network import NetworkConfig
from gfsalnet.training.data.composed import ComposedMotion
from gfsalnet.training.data.examples import Augmentation, Source
from gfsalnet.training.data.photographs import Photographs
from gfsalnet.training.data.recordings import Recordings
from gfsalnet.training.data.toy import TOY, ToyClips, draw_toy


@dataclass(frozen=True, kw_only=True)
class Part:
    """One dataset, or one split of it, to learn from or to validate on."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    dataset: str
    """A reader's name: `folder`, `salicon`, `ucf-sports`, …; or `toy`, which the run draws itself."""
    root: Path
    """Relative to the recipe's `data_root`; that of `toy` to the run's folder."""
    split: str
    """One of the reader's splits."""
    sigma: float | None = None
    """Sigma of the fixation density, as a share of the picture's width; None: the dataset's own density."""
    compose: bool = False
    """Use photographs as the material of composed motion."""
    draws: float = 1.0
    """How often each frame is drawn in an epoch: 2 is twice, 0.5 another random half each time."""
    every: int = 1
    """Use every n-th frame with gaze of a recording."""

    def __post_init__(self) -> None:
        if self.draws <= 0 or self.every < 1 or (self.sigma is not None and self.sigma <= 0):
            raise ValueError("draws and sigma must be positive, every at least 1")

    def open(self, data_root: Path, run_folder: Path) -> GazeDataset:
        """The dataset; that of `toy` must have been drawn (`draw_toys`).

        Raises:
            DatasetError, SourceError: if it is missing or damaged.
        """
        if self.dataset == TOY:
            return open_dataset("folder", run_folder / self.root, self.split)
        return open_dataset(self.dataset, data_root / self.root, self.split)


class WeightedSource(NamedTuple):
    """A source, and how often each of its frames is drawn in an epoch."""

    source: Source
    draws: float


def build_sources(
    parts: Sequence[Part],
    *,
    data_root: Path,
    run_folder: Path,
    network: NetworkConfig,
    flow: FlowEstimator,
    scale_pixels: float | None,
    augmentation: Augmentation,
) -> list[WeightedSource]:
    """Pictures as `Photographs`, videos as `Recordings`, all photographs with `compose` as one `ComposedMotion`.

    Args:
        parts: sections of the recipe; those with `compose` have the same `draws`.
        data_root: the folder that relative roots start at.
        run_folder: the folder that holds toy data.
        network: says how large frames are seen, and whether flow is needed.
        flow: the estimator of inference.
        scale_pixels: speed in full colour of the flow image, in pixels of the flow field; None: the fastest pixel's.
        augmentation: how frames are varied.

    Raises:
        DatasetError, SourceError: if a dataset is missing or damaged.
    """
    sources: list[WeightedSource] = []
    scenery: list[tuple[GazeDataset, float | None]] = []
    draws = 1.0
    for part in parts:
        data = part.open(data_root, run_folder)
        if part.compose:
            scenery.append((data, part.sigma))
            draws = part.draws
        elif data.kind == "image":
            photographs = Photographs(data, network=network, augmentation=augmentation, sigma=part.sigma)
            sources.append(WeightedSource(photographs, part.draws))
        else:
            kind = ToyClips if part.dataset == TOY else Recordings
            recordings = kind(
                data,
                network=network,
                flow=flow,
                scale_pixels=scale_pixels,
                augmentation=augmentation,
                sigma=part.sigma,
                every=part.every,
            )
            sources.append(WeightedSource(recordings, part.draws))
    if scenery:  # one source for all of them: its scenes take objects from every dataset
        composed = ComposedMotion(
            scenery, network=network, flow=flow, scale_pixels=scale_pixels, augmentation=augmentation
        )
        sources.append(WeightedSource(composed, draws))
    return sources


def draw_toys(parts: Sequence[Part], run_folder: Path) -> None:
    """Draw the toy data that parts ask for into the run's folder."""
    for part in parts:
        if part.dataset == TOY:
            draw_toy(run_folder / part.root.parent)
