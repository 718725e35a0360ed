"""What a run learns. The loop knows no more of it than what stands here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from gfsalnet.training.data.examples import Example, Source
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.recipe import Recipe
from gfsalnet.training.validation import PredictedMaps


class StepPlan(Protocol):
    """One optimiser step of an epoch."""

    @property
    def number(self) -> int:
        """Number of the step in its epoch, from 0."""

    @property
    def images(self) -> int:
        """Number of images that it learns from, over all processes."""


class Piece(Protocol):
    """A part of a step's images that goes through the network at once."""

    def to(self, device: torch.device) -> Any:  # Self, which Python 3.10 lacks
        """The same on that device."""


StepT = TypeVar("StepT", bound=StepPlan)
PieceT = TypeVar("PieceT", bound=Piece)


class Task(ABC, Generic[StepT, PieceT]):
    """What is learned from, by which losses, and what is kept of the network.

    A step's pieces are a pure function of recipe, epoch, step and process, so that a run can be stopped, resumed and
    moved between numbers of processes without changing what it learns from.
    """

    @abstractmethod
    def __init__(self, recipe: Recipe, folder: Path, ranks: Ranks) -> None:
        """Open what is learned from and validated on.

        Args:
            recipe: of the run.
            folder: of the run, which may keep what is made for it.
            ranks: the processes of the run; the main one alone opens what is validated on.
        """

    steps_per_epoch: int
    """As many in every epoch: the schedule of the learning rate relies on it."""
    val_sources: Sequence[Source]
    """What is validated on; empty in all processes but the main one."""

    @abstractmethod
    def build_network(self) -> nn.Module:
        """The network before its first step. What no file gives is drawn from torch's random numbers.

        If it has an `appearance` stream, the recipe can freeze that or keep a share of its start.
        """

    @abstractmethod
    def epoch_steps(self, epoch: int) -> Sequence[StepT]:
        """The steps of an epoch, in their order."""

    @abstractmethod
    def make_pieces(self, epoch: int, step: StepT) -> list[PieceT]:
        """The images of a step that are this process's, at least one piece; called from several threads."""

    @abstractmethod
    def count(self, pieces: Sequence[PieceT]) -> list[float]:
        """What the losses of these pieces divide by; the loop sums it over the processes."""

    @abstractmethod
    def losses(self, network: nn.Module, piece: PieceT, counts: Sequence[float]) -> Tensor:
        """(3,): the total to go down on, KL and NSS, as this piece's share of the whole step's.

        Args:
            network: as the process calls it, in training mode.
            piece: on the network's device.
            counts: those of all pieces of all processes together.
        """

    @abstractmethod
    def predict(self, network: nn.Module, example: Example) -> PredictedMaps:
        """What a network in evaluation mode says of a validation example: maps (h, w), of any scale."""

    @abstractmethod
    def data(self) -> dict[str, Any]:
        """What was learned from, as JSON values."""

    @abstractmethod
    def export(self, folder: Path, network: nn.Module, training: dict[str, Any]) -> None:
        """Write a model folder that `load_model` takes, whole or not at all.

        Args:
            folder: replaced if it is there.
            network: what `build_network` made, trained.
            training: the record of the run.
        """
