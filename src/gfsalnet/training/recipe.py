"""A training run in one typed tree, saved beside the weights it made; each section builds what it describes.

`presets` holds ours and reads those of users.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from pydantic import TypeAdapter
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from gfsalnet.errors import RecipeError, WeightsError
from gfsalnet.flow import FlowEstimator, make_estimator
from gfsalnet.gaze import GazeDataset, open_dataset
from gfsalnet.metrics import PAPER_METRICS
from gfsalnet.network import GFSalNet, NetworkConfig, mobile
from gfsalnet.network.light import LightStream
from gfsalnet.network.unisal_start import start_from_unisal
from gfsalnet.network.weights import load_backbone, load_network, read_state, start_from_single_stream
from gfsalnet.training.data.composed import ComposedMotion
from gfsalnet.training.data.examples import Augmentation, Source, WeightedSource
from gfsalnet.training.data.photographs import Photographs
from gfsalnet.training.data.recordings import Recordings
from gfsalnet.training.data.toy import TOY, ToyClips, draw_toy
from gfsalnet.training.distillation.config import Distillation

_STRICT = {"extra": "forbid", "allow_inf_nan": False}  # a misspelt key is an error
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One dataset, or one split of it, to learn from or to validate on."""

    __pydantic_config__: ClassVar = _STRICT

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

    def build(self, data_root: Path, run_folder: Path) -> GazeDataset:
        """The dataset; that of `toy` must have been drawn (`Part.draw`).

        Raises:
            DatasetError, SourceError: if it is missing or damaged.
        """
        if self.dataset == TOY:
            return open_dataset("folder", run_folder / self.root, self.split)
        return open_dataset(self.dataset, data_root / self.root, self.split)

    def draw(self, run_folder: Path) -> None:
        """Draw the data of `toy` into the run's folder; nothing is done where they are, or for other datasets."""
        if self.dataset == TOY:
            draw_toy(run_folder / self.root.parent)


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where the weights begin; nothing set: at random."""

    __pydantic_config__: ClassVar = _STRICT

    backbone_weights: Path | None = None
    """ImageNet weights for the backbones (see `gfsalnet.network.weights.load_backbone`)."""
    single_stream: Path | None = None
    """A model folder of stage 1; every stream starts from its one stream (Sec. IV-B)."""
    appearance_share: float = 0.0
    """The share 0…1 of its start in the appearance stream that is validated and kept. Fine-tuned weights averaged with
    those they started from keep more of what these knew (Wortsman et al., "Robust fine-tuning of zero-shot models",
    2022)."""

    unisal: Path | None = None
    """UNISAL's weights under their official names: a light stream starts as its static path, computed the same."""

    def __post_init__(self) -> None:
        if not 0 <= self.appearance_share <= 1:
            raise ValueError("appearance_share must be in 0…1")
        if sum(start is not None for start in (self.backbone_weights, self.single_stream, self.unisal)) > 1:
            raise ValueError("set one of backbone_weights, single_stream and unisal: each brings a backbone")

    def beside(self, folder: Path) -> Start:
        """The same, with paths that start at a folder."""
        files = {name: getattr(self, name) for name in ("backbone_weights", "single_stream", "unisal")}
        return replace(self, **{name: path and folder / path for name, path in files.items()})

    def build(self, config: NetworkConfig) -> GFSalNet:
        """The network before its first step; what no file gives is drawn from torch's random numbers.

        Raises:
            WeightsError: if a file is missing, damaged or of another network.
        """
        network = GFSalNet(config)
        if self.backbone_weights is not None:
            load_backbone(network, self.backbone_weights)
        if self.single_stream is not None:
            start_from_single_stream(network, load_network(self.single_stream)[0])
        if self.unisal is not None:
            if not isinstance(network.appearance, LightStream):
                raise WeightsError(self.unisal, "can start a light stream alone", "Set network.stream to light.")
            start_from_unisal(network.appearance, read_state(self.unisal))
        return network


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What the motion stream sees; saved beside the weights, so that prediction does the same."""

    __pydantic_config__: ClassVar = _STRICT

    estimator: str = "dis"
    """One of `gfsalnet.flow.ESTIMATORS`."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the estimator, such as `preset` and `size_wh` of DIS."""
    scale_pixels: float | None = None
    """The speed in full colour, in pixels of the flow field; None: each frame's fastest pixel, the likely reading."""

    def build(self) -> FlowEstimator:
        """The estimator."""
        return make_estimator(self.estimator, **self.settings)


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Eq. 6, and what we may add to it (see `gfsalnet.training.gaze_task`)."""

    __pydantic_config__: ClassVar = _STRICT

    alpha: float = 1.0
    """Weight of KL."""
    beta: float = 0.1
    """Weight of NSS."""
    streams: float = 0.0
    """Weight of each stream's own loss beside that of the fused map; the paper has none."""
    gate: float = 0.0
    """Weight of the gate's own loss, where it is known how far motion draws looks: in composed motion and in
    photographs."""


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """How fast weights move, and how the rate changes over the run."""

    __pydantic_config__: ClassVar = _STRICT

    kind: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = 1e-3
    backbone_factor: float = 0.2
    """The backbones' rate relative to the rest."""
    appearance_factor: float = 1.0
    """The appearance stream's rate relative to the rest; 0 freezes it."""
    factors: dict[str, float] = field(default_factory=dict)
    """The rate, relative to the rest, of parameters whose names begin like these, such as `appearance.score.`."""
    weight_decay: float = 0.01
    """Decay of kernels; biases and other vectors have none."""
    warm_up: float = 0.15
    """Share of all steps over which the rate rises from 0."""
    clip_norm: float = 1.0
    """The longest the gradient may be; 0: any."""
    ema_decay: float = 0.995
    """Decay of the moving average of the weights, which is what is validated and kept. 0: the weights as they are."""
    schedule: Literal["cosine", "step"] = "cosine"
    """`cosine` falls to 1 % over the run; `step` by `step_factor` every `step_every` steps (Sec. IV-B)."""
    step_every: int = 3000
    step_factor: float = 0.1
    floor: float = 1e-7
    """The learning rate that `step` does not go below."""

    def __post_init__(self) -> None:
        if self.step_every < 1 or not 0 <= self.ema_decay < 1:
            raise ValueError("step_every must be at least 1, ema_decay in 0…1 without 1")
        if self.learning_rate <= 0 or min(self.backbone_factor, self.appearance_factor, *self.factors.values()) < 0:
            raise ValueError("learning_rate must be positive, and no factor of it negative")

    def build(self, network: nn.Module, total_steps: int) -> tuple[Optimizer, LambdaLR]:
        """The optimiser and its schedule. A frozen stream is left out and no longer asks for gradients.

        Args:
            network: its parameters are grouped by rate and decay.
            total_steps: number of steps of the whole run, over which a cosine falls.

        Raises:
            RecipeError: if all of the network is frozen.
        """
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in network.named_parameters():
            rate = self.learning_rate * (self.backbone_factor if ".backbone." in name else 1)
            rate *= self.appearance_factor if name.startswith("appearance.") else 1
            rate *= math.prod(factor for start, factor in self.factors.items() if name.startswith(start))
            parameter.requires_grad_(rate > 0)  # a frozen stream also saves its backward pass
            if rate > 0:
                # Kernels have two axes or more; biases and norms have one.
                decay = self.weight_decay if parameter.ndim > 1 else 0.0
                groups.setdefault((rate, decay), []).append(parameter)
        if not groups:
            raise RecipeError("optimiser", "its factors freeze the whole network", "Leave one of them above 0.")
        kind = torch.optim.AdamW if self.kind == "adamw" else torch.optim.Adam
        optimiser = kind([{"params": group, "lr": rate, "weight_decay": d} for (rate, d), group in groups.items()])
        # A factor of its own for each group: the floor is a rate, and is another share of each group's rate.
        factors = [self._rate_factor(rate, total_steps) for rate, _ in groups]
        return optimiser, LambdaLR(optimiser, factors)

    def _rate_factor(self, rate: float, total_steps: int) -> Callable[[int], float]:
        """Step → the factor of a group's learning rate, 0…1."""
        # At least 1, by which the first step is divided.
        warm = max(self.warm_up * total_steps, 1)

        def factor(step: int) -> float:
            if self.schedule == "step":
                lowest = min(self.floor / rate, 1)
                return min((step + 1) / warm, 1) * max(self.step_factor ** (step // self.step_every), lowest)
            # From 1 to 0.01, not to 0: the last steps still learn.
            through = min(max(step - warm, 0) / max(total_steps - warm, 1), 1)
            return min((step + 1) / warm, 1) * (0.505 + 0.495 * math.cos(math.pi * through))

        return factor


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run of either stage (Sec. IV-B): one stream on photographs, then both on video."""

    __pydantic_config__: ClassVar = _STRICT

    name: str
    data_root: Path = Path()
    """The folder that relative roots of datasets start at; itself relative to the recipe's folder."""
    train: tuple[Part, ...]
    validate: tuple[Part, ...] = ()
    """Without any nothing is scored, and the last weights are the best."""
    network: NetworkConfig = field(default_factory=lambda: mobile("appearance"))
    freeze_batch_norm: bool = False
    """Keep the statistics that the weights came with."""
    start: Start = field(default_factory=Start)
    flow: Flow = field(default_factory=Flow)
    epochs: int = 6
    batch_size: int = 8
    """Number of frames of a step, over all processes."""
    accumulate: int = 1
    """Number of pieces that a step's batch is worked through in; more take less memory."""
    seed: int = 0
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps`."""
    precision: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Precision of the network's arithmetic; weights and loss stay float32."""
    channels_last: bool = True
    """Keep weights and pictures with their channels innermost, as convolutions on CPUs and tensor cores want them."""
    compile: bool = False
    """Compile the network with `torch.compile` for training; the first step of each input size then takes a minute. On
    a CPU it needs a C++ compiler."""
    workers: int = 2
    """Number of threads that make examples."""
    save_every_seconds: float = 120.0
    """How much work a killed run may have to repeat."""
    select: str = "nss"
    """The validation metric by which the best epoch is known. NSS sees the fixations themselves; all others but AUC
    depend on how far a dataset's density is blurred."""
    loss: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimiser: Optimiser = field(default_factory=Optimiser)
    distillation: Distillation | None = None
    """How a light stream learns from teachers, too; None: from people alone."""

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.accumulate, self.workers) < 1:
            raise ValueError("epochs, batch_size, accumulate and workers must be at least 1")
        if not self.train:
            raise ValueError("train must name at least one dataset")
        if self.select not in PAPER_METRICS:
            raise ValueError(f"select must be one of {', '.join(PAPER_METRICS)}")
        for parts in (self.train, self.validate):
            draws = sorted({part.draws for part in parts if part.compose})
            if len(draws) > 1:
                values = ", ".join(map(str, draws))
                raise ValueError(f"composed parts make one source together and need one value of draws, not {values}")

    def build_sources(self, parts: Sequence[Part], run_folder: Path) -> list[WeightedSource]:
        """Pictures as `Photographs`, videos as `Recordings`, all photographs with `compose` as one `ComposedMotion`.

        Args:
            parts: `train` or `validate`.
            run_folder: the folder that holds toy data.

        Raises:
            DatasetError, SourceError: if a dataset is missing or damaged.
        """
        network, augmentation = self.network, self.augmentation
        flow, scale_pixels = self.flow.build(), self.flow.scale_pixels
        sources: list[WeightedSource] = []
        scenery: list[tuple[GazeDataset, float | None]] = []
        draws = 1.0
        for part in parts:
            data = part.build(self.data_root, run_folder)
            source: Source
            if part.compose:
                scenery.append((data, part.sigma))
                draws = part.draws
                continue
            if data.kind == "image":
                source = Photographs(data, network=network, augmentation=augmentation, sigma=part.sigma)
            else:
                kind = ToyClips if part.dataset == TOY else Recordings
                source = kind(
                    data,
                    network=network,
                    flow=flow,
                    scale_pixels=scale_pixels,
                    augmentation=augmentation,
                    sigma=part.sigma,
                    every=part.every,
                )
            sources.append(WeightedSource(source, part.draws))
        if scenery:  # one source for all of them: its scenes take objects from every dataset
            composed = ComposedMotion(
                scenery, network=network, flow=flow, scale_pixels=scale_pixels, augmentation=augmentation
            )
            sources.append(WeightedSource(composed, draws))
        return sources

    def autocast(self, device: torch.device) -> torch.autocast:
        """A context in which the network computes in the recipe's precision."""
        dtype = _PRECISIONS[self.precision]
        return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Recipe:
        """From JSON or TOML values; paths as they stand there.

        Raises:
            pydantic.ValidationError: if a key is unknown or a value wrong.
        """
        return TypeAdapter(cls).validate_python(dict(tree))

    def to_json(self) -> dict[str, Any]:
        """The resolved recipe as JSON values."""
        tree: dict[str, Any] = TypeAdapter(Recipe).dump_python(self, mode="json")
        return tree
