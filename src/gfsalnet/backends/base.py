"""What every backend is, and how far its maps may be from PyTorch's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gfsalnet.network.config import NetworkConfig

NetworkInputs: TypeAlias = "tuple[NDArray[np.uint8], ...]"
"""What the network's streams look at, each (B, H, W, 3) uint8 RGB with sides that are multiples of 32 pixels: frames
for the appearance stream, flow images for the motion stream, in this order."""
Precision = Literal["fp32", "bf16", "fp16", "int8"]
StreamName = Literal["appearance", "motion"]
WEIGHTS_KEY = "weights"
"""The key of a graph's metadata under which the `weights_hash` of its weights stands."""


def input_names(config: NetworkConfig) -> list[str]:
    """`rgb` for the appearance stream, `flow_image` for the motion stream."""
    return [name for name, without in (("rgb", "motion"), ("flow_image", "appearance")) if config.streams != without]


def output_names(config: NetworkConfig) -> list[str]:
    """The maps that this network gives, as `MapArrays` names them."""
    if config.streams != "both":
        return ["saliency", config.streams]
    return ["saliency", "appearance", "motion", *(["gate"] if config.fusion == "gated" else [])]


def only_stream(outputs: Sequence[str]) -> StreamName | None:
    """The stream of a graph that has only one, whose map is its saliency too; None for a graph of both."""
    streams: list[StreamName] = [name for name in ("appearance", "motion") if name in outputs]
    return streams[0] if len(streams) == 1 else None


class MapArrays(NamedTuple):
    """What a network gives for a batch, as arrays: each (B, 1, H, W) float32, ≥ 0 and of any scale, the gate 0…1.

    `gfsalnet.network.Maps` are the same as tensors, `gfsalnet.maps.FrameMaps` what becomes of them for one frame.
    """

    saliency: NDArray[np.float32]
    appearance: NDArray[np.float32] | None
    """None in a network of motion alone."""
    motion: NDArray[np.float32] | None
    """None in a network of appearance alone."""
    gate: NDArray[np.float32] | None
    """The share of appearance; None without gated fusion."""

    @classmethod
    def named(cls, names: Sequence[str], arrays: Sequence[NDArray[np.float32]]) -> MapArrays:
        """The maps of a network, (B, 1, H, W) each, by the names of its outputs."""
        by_name = dict(zip(names, arrays, strict=True))
        return cls(by_name["saliency"], by_name.get("appearance"), by_name.get("motion"), by_name.get("gate"))

    @classmethod
    def of_stream(cls, stream: StreamName, array: NDArray[np.float32]) -> MapArrays:
        """The maps of one stream alone, whose map (B, 1, H, W) is also the saliency."""
        return cls.named(("saliency", stream), (array, array))


class Backend(Protocol):
    """Runs one network."""

    @property
    def name(self) -> str:
        """The name that `--backend` takes, such as `openvino-bf16`."""

    @property
    def batch(self) -> int:
        """B, the number of frames in a batch, at which it is fastest."""

    def __call__(self, pictures: NetworkInputs) -> MapArrays:
        """The maps of a batch, (B, 1, H, W) float32 each; safe to call from several threads."""


LEAST_AGREEMENT: dict[Precision, float] = {"fp32": 1 - 1e-6, "bf16": 0.97, "fp16": 0.97, "int8": 0.95}
"""Correlation with the maps of PyTorch in float32 under which a backend is not used: rounding moves a map a little, a
fault of a kernel or a graph much."""


def agreement(maps: MapArrays, reference: MapArrays) -> float:
    """The lowest correlation, -1…1, of a map (B, 1, H, W) with that of the reference; 0 where one is not a number.

    Maps that the reference has and the other lacks, or of another shape, count as 0.
    """
    # All maps count, not the saliency alone: a fault in one stream may hardly show in what the gate makes of both.
    lowest = 1.0
    for found, expected in zip(maps, reference, strict=True):
        if expected is None:
            continue
        if found is None or found.shape != expected.shape or not np.isfinite(found).all():
            return 0.0
        # Frame by frame: maps of other frames of the same batch must not make up for each other.
        lowest = min(lowest, *(_correlation(a, b) for a, b in zip(found, expected, strict=True)))
    return lowest


def max_rel_diff(maps: MapArrays, reference: MapArrays) -> float:
    """The largest difference at any pixel of any map that both have, as a share of the reference map's maximum."""
    return max(
        float(np.abs(found - expected).max() / np.abs(expected).max())
        for found, expected in zip(maps, reference, strict=True)
        if found is not None and expected is not None
    )


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    # In float64: densities are small, and sums over many of them lose digits in float32.
    centred_a, centred_b = (values.astype(np.float64).ravel() - values.mean(dtype=np.float64) for values in (a, b))
    norms = np.linalg.norm(centred_a) * np.linalg.norm(centred_b)
    # Constant maps have no correlation, but may still be the same map.
    return float(centred_a @ centred_b / norms) if norms > 0 else float(np.allclose(a, b))
