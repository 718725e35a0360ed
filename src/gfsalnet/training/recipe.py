"""A training run in one typed tree, saved beside the weights it made. `recipe_file` reads it, `presets` holds ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import TypeAdapter

from gfsalnet.metrics import PAPER_METRICS
from gfsalnet.network import NetworkConfig, mobile

_STRICT = {"extra": "forbid"}  # a misspelt key is an error


@dataclass(frozen=True, kw_only=True)
class Part:
    """One dataset, or one split of it, to learn from or to validate on."""

    __pydantic_config__: ClassVar = _STRICT

    dataset: str
    """A reader's name: `folder`, `salicon`, `ucf-sports`, …; or `toy`, which the run draws itself."""
    root: Path
    """Relative paths start at the recipe's folder; that of `toy` at the run's."""
    split: str
    """One of the reader's."""
    sigma: float | None = None
    """Of the fixation density, as a share of the picture's width; None: the dataset's own density."""
    compose: bool = False
    """Photographs as the material of composed motion."""
    draws: float = 1.0
    """How often each frame is drawn in an epoch: 2 is twice, 0.5 another random half each time."""
    every: int = 1
    """Of a recording, each so many-th frame."""

    def __post_init__(self) -> None:
        if self.draws <= 0 or self.every < 1 or (self.sigma is not None and self.sigma <= 0):
            raise ValueError("draws and sigma must be positive, every at least 1")


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where the weights begin; nothing set: at random."""

    __pydantic_config__: ClassVar = _STRICT

    backbone_weights: Path | None = None
    """ImageNet weights for the backbones (see `gfsalnet.network.weights.load_trunk`)."""
    single_stream: Path | None = None
    """A model folder of stage 1; every stream starts from its one stream (Sec. IV-B)."""
    appearance_share: float = 0.0
    """Of its start in the appearance stream that is validated and kept, 0…1. Fine-tuned weights averaged with those
    they started from keep more of what these knew (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022)."""

    def __post_init__(self) -> None:
        if not 0 <= self.appearance_share <= 1:
            raise ValueError("appearance_share must be in 0…1")
        if self.backbone_weights is not None and self.single_stream is not None:
            raise ValueError("set backbone_weights or single_stream, not both: the stream brings its backbone")


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What the motion stream sees; saved beside the weights, so that prediction does the same."""

    __pydantic_config__: ClassVar = _STRICT

    estimator: str = "dis"
    """One of `gfsalnet.flow.ESTIMATORS`."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the estimator, such as `preset` and `size_wh` of DIS."""
    scale_pixels: float | None = None
    """The speed in full colour, in pixels of the flow field; None: each frame's fastest pixel, the likely reading."""


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Eq. 6, and what we may add to it."""

    __pydantic_config__: ClassVar = _STRICT

    alpha: float = 1.0
    """Of KL."""
    beta: float = 0.1
    """Of NSS."""
    streams: float = 0.0
    """Of each stream's own loss beside that of the fused map; the paper has none."""
    gate: float = 0.0
    """Of the gate's own loss, where it is known how far motion draws looks: in composed motion and in photographs."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How a frame is varied; 0 switches a kind off."""

    __pydantic_config__: ClassVar = _STRICT

    mirror: bool = True
    crop: float = 0.0
    """The largest share of each side that a random crop leaves out."""
    scale: float = 0.0
    """Batches are trained at 1 - scale, 1 or 1 + scale times the input's sides."""
    colour: float = 0.2
    """The largest relative change of brightness and contrast; saturation changes by twice as much."""


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """How fast, and how the rate changes over the run."""

    __pydantic_config__: ClassVar = _STRICT

    kind: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = 1e-3
    backbone_factor: float = 0.2
    """The backbones' rate relative to the rest."""
    appearance_factor: float = 1.0
    """The appearance stream's rate relative to the rest; 0 freezes it."""
    weight_decay: float = 0.01
    """On kernels; vectors are left alone."""
    warm_up: float = 0.15
    """Share of all steps over which the rate rises from 0."""
    clip_norm: float = 1.0
    """The longest the gradient may be; 0: any."""
    ema_decay: float = 0.995
    """Of the moving average of the weights: it is what is validated and kept. 0: the weights as they are."""
    schedule: Literal["cosine", "step"] = "cosine"
    """`cosine` falls to 1 % over the run; `step` by `step_factor` every `step_every` steps (Sec. IV-B)."""
    step_every: int = 3000
    step_factor: float = 0.1
    floor: float = 1e-7
    """A learning rate: steps lead no lower."""

    def __post_init__(self) -> None:
        if self.step_every < 1 or not 0 <= self.ema_decay < 1:
            raise ValueError("step_every must be at least 1, ema_decay in 0…1 without 1")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run of either stage (Sec. IV-B): one stream on photographs, then both on video."""

    __pydantic_config__: ClassVar = _STRICT

    name: str
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
    accumulate: int = 1
    """A step's batch is worked through in that many pieces, which takes less memory."""
    seed: int = 0
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps`."""
    precision: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Of the network's arithmetic; weights and loss stay float32."""
    workers: int = 2
    """Threads that make examples."""
    save_every_seconds: float = 120.0
    """How long a killed run may have to repeat."""
    select: str = "nss"
    """The validation metric by which the best epoch is known. NSS sees the fixations themselves; all others but AUC
    depend on how far a dataset's density is blurred."""
    loss: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimiser: Optimiser = field(default_factory=Optimiser)

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.accumulate, self.workers) < 1:
            raise ValueError("epochs, batch_size, accumulate and workers must be at least 1")
        if not self.train:
            raise ValueError("train must name at least one dataset")
        if self.select not in PAPER_METRICS:
            raise ValueError(f"select must be one of {', '.join(PAPER_METRICS)}")


def to_json(recipe: Recipe) -> dict[str, Any]:
    """The resolved recipe as JSON values."""
    tree: dict[str, Any] = TypeAdapter(Recipe).dump_python(recipe, mode="json")
    return tree
