"""What a run tells its caller."""

from __future__ import annotations

from dataclasses import dataclass

from gfsalnet.training.validation import ValidationScores


@dataclass(frozen=True)
class Note:
    """Something the user should know before the first step."""

    text: str


@dataclass(frozen=True)
class Step:
    """One batch has been learned from."""

    epoch: int
    step: int
    steps_per_epoch: int
    loss: float
    images_per_second: float
    """Over the epoch so far."""


@dataclass(frozen=True)
class Epoch:
    """One epoch is done and validated."""

    epoch: int
    seconds: float
    """Of training, without validation."""
    images_per_second: float
    learning_rate: float
    """The highest of all parameters, at the epoch's end."""
    kl: float
    nss: float
    """Means over the epoch's batches; nss as the metric, higher is better."""
    scores: ValidationScores
    """Empty where the recipe validates on nothing."""
    motion_share: float | None
    """How far motion was trusted where the network expects looks; None without a gate."""
    is_best: bool


Event = Note | Step | Epoch
