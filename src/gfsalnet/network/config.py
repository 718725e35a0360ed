"""One typed description of the network: every reading of the paper that changes shapes or results is a field here.

The defaults are the paper's preset (Secs. III and IV-B). Where the paper is silent or contradicts itself the field's
text says which reading it is; docs/architecture.md gives the reasons.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple


class Deconv(NamedTuple):
    """A transposed convolution; in a branch it is followed by ReLU."""

    channels: int
    kernel: int
    stride: int
    padding: int


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Everything needed to build the network.

    Raises:
        ValueError: if the two branches of a stream do not meet at one size, the input size does not divide by 32, or a
            light stream is given another backbone or activation than its own.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}  # a misspelt key in a config.json is an error

    backbone: Literal["resnet50", "mobilenet_v2"] = "resnet50"
    stream: Literal["paper", "light"] = "paper"
    """The graph of a stream: Fig. 2, or `LightStream` with its backbone, which none of the fields below about branches,
    attention and levels change."""
    streams: Literal["both", "appearance", "motion"] = "both"
    """`appearance` and `motion` are the paper's "Spatial" and "Temporal" single-stream models (Table I)."""
    input_size_hw: tuple[int, int] = (480, 640)
    """The size frames are resized to (Sec. IV-B); the network itself takes any size."""
    keep_aspect: bool = False
    """False: every frame is resized to `input_size_hw`, as the paper does. True: to that area at the frame's aspect."""

    multilevel_channels: int = 256
    """Width of each merge of the multi-level block; the paper gives none."""
    multilevel_relu: bool = False
    """ReLU after each merge; the paper names none."""
    main: tuple[Deconv, ...] = (Deconv(64, 8, 4, 2), Deconv(64, 8, 4, 2))
    """The main branch, from the attended ResBlock4 (1/32) to where the branches meet; Fig. 2 draws two."""
    side: tuple[Deconv, ...] = (Deconv(128, 3, 1, 1), Deconv(64, 3, 1, 1), Deconv(32, 4, 2, 1))
    """The side branch, from the multi-level block (1/4) to the same place; Fig. 2 draws three. 64 + 32 gives the 96 of
    Sec. III-B."""
    last: Deconv = Deconv(1, 4, 2, 1)  # noqa: RUF009  # a named tuple cannot change
    """The last deconvolution, from the meeting point to the map."""
    final: Literal["relu", "softplus", "softmax"] = "relu"
    """After the last deconvolution. `relu` is Fig. 2; `softmax` turns scores into a density of mean 1 over the map."""
    channel_attention_final: Literal["relu", "sigmoid"] = "relu"
    """After the second layer of channel attention; the text and Fig. 4(b) say ReLU."""
    gate_on: Literal["maps", "features"] = "maps"
    """What the gate sees: the two maps S_A and S_T (Figs. 5 and 6), or the features before the last deconvolution."""

    spatial_attention: bool = True
    channel_attention: bool = True
    multilevel: bool = True
    """These three and `fusion` are the ablations of Table VII."""
    fusion: Literal["gated", "convolution"] = "gated"
    """`convolution`: a 1x1 convolution of both maps instead of the gate (Sec. IV-E)."""

    def __post_init__(self) -> None:
        if self.stream == "light" and (self.backbone, self.final) != ("mobilenet_v2", "softmax"):
            raise ValueError("a light stream has the backbone mobilenet_v2, and its final activation is softmax")
        # Sizes by stride alone: kernels and paddings are to keep to multiples of it, as all of the presets do.
        main, side = _stride(self.main), _stride(self.side)
        if self.multilevel and main != 8 * side:
            raise ValueError(
                f"the main branch grows x{main} from 1/32 and the side branch x{side} from 1/4: they meet only if "
                f"main = 8 · side. Change the strides."
            )
        if main * self.last.stride != 32:
            raise ValueError(f"main (x{main}) and last (x{self.last.stride}) must grow x32 together")
        if any(side % 32 for side in self.input_size_hw) or min(self.input_size_hw) < 32:
            raise ValueError(f"input_size_hw {self.input_size_hw} must be multiples of 32")


def _stride(branch: tuple[Deconv, ...]) -> int:
    return math.prod(deconv.stride for deconv in branch)


def paper() -> NetworkConfig:
    """`gfsalnet`: the paper's network, 67,367,479 parameters, 480x640."""
    return NetworkConfig()


def mobile(streams: Literal["both", "appearance", "motion"] = "both") -> NetworkConfig:
    """`gfsalnet-mobile`: the same blocks on MobileNetV2 backbones with a light decoder, at about 320x256.

    Departures from the paper, for speed: narrower branches that meet at 1/4 of the input; for stable training on little
    data: a softmax over the map, channel weights through a sigmoid, a gate that sees features.
    """
    return NetworkConfig(
        backbone="mobilenet_v2",
        streams=streams,
        input_size_hw=(256, 320),
        keep_aspect=True,
        multilevel_channels=48,
        multilevel_relu=True,
        # 1/32 times 2 and 4, and 1/4 times 1: both branches end at 1/4, and the last deconvolution does the rest.
        main=(Deconv(64, 4, 2, 1), Deconv(64, 8, 4, 2)),
        side=(Deconv(32, 3, 1, 1),),
        last=Deconv(1, 8, 4, 2),
        final="softmax",
        channel_attention_final="sigmoid",
        gate_on="features",
    )


def light() -> NetworkConfig:
    """The appearance stream of `gfsalnet-mobile`, 3.2 million parameters, at about 320x256."""
    return NetworkConfig(
        backbone="mobilenet_v2",
        stream="light",
        streams="appearance",
        input_size_hw=(256, 320),
        keep_aspect=True,
        final="softmax",
    )
