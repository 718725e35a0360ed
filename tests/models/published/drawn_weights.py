"""Weights drawn at random, laid out as in official files, and models made of them."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gfsalnet.models.published.base import PublishedModel

State = dict[str, NDArray[Any]]
Shapes = dict[str, tuple[int, ...]]
Model = TypeVar("Model", bound=PublishedModel)


def random_state(shapes: Shapes, seed: int = 0) -> State:
    """Of networks whose layers are normalised or kept alive by their start; gains and variances are not near 0."""
    rng = np.random.default_rng(seed)
    state = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = np.array(3, np.int64)
        elif len(shape) > 1:
            scale = np.float32((2 / math.prod(shape[1:])) ** 0.5)
            state[name] = rng.standard_normal(shape, np.float32) * scale
        else:
            state[name] = rng.uniform(0.5, 1.5, shape).astype(np.float32)
    return state


def shapes_of(network: nn.Module) -> Shapes:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def read_manifest(path: Path) -> Shapes:
    """Name, shape and type of every array of an official state dict, a row each."""
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    return {name: () if shape == "scalar" else tuple(map(int, shape.split("x"))) for name, shape, _ in rows}


def load(kind: type[Model], official: Mapping[str, NDArray[Any]], **options: Any) -> Model:
    """The model with weights from an official file, strictly."""
    converted = kind.from_official(official)
    state = {name: torch.from_numpy(np.asarray(values, order="C")) for name, values in converted.items()}
    with NotInitialised():
        return kind(state, weights_hash="drawn", **options)


class Sparing(nn.Module):
    """A network that only looks at the clips of these calls; of others its map is their mean over time and colours.

    Args:
        network: (1, 3, T, H, W) → (1, H, W).
        calls: numbers, the first is 0.
    """

    def __init__(self, network: nn.Module, calls: Container[int]) -> None:
        super().__init__()
        self.network, self.calls, self.count = network, calls, count()

    def forward(self, clip_13THW: Tensor) -> Tensor:
        return self.network(clip_13THW) if next(self.count) in self.calls else clip_13THW.mean((1, 2))


class NotInitialised(TorchFunctionMode):
    """Networks whose weights are loaded next: to draw tens of millions of others first takes as long again."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))
