"""The whole network (Fig. 2): an appearance stream, a motion stream, and the gate between them."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gfsalnet.network.config import NetworkConfig
from gfsalnet.network.fusion import ConvolutionFusion, GatedFusion
from gfsalnet.network.light import LightStream
from gfsalnet.network.stream import Stream, StreamOutput

MULTIPLE = 32
"""The backbone halves five times."""


class Maps(NamedTuple):
    """What the network says; each (B, 1, H, W) at the input's size, not negative, of any scale."""

    saliency: Tensor
    appearance: Tensor | None
    """S_A; None in a motion-only model."""
    motion: Tensor | None
    """S_T; None in an appearance-only model."""
    gate: Tensor | None
    """P, the share of appearance, 0…1; None without gated fusion. saliency = S_A · P + S_T · (1 - P), eq. 3."""


def _padded(image_B3HW: Tensor) -> Tensor:
    # Below and to the right: pixel (0, 0) stays in its place. The edge is repeated, as black would be an edge itself.
    height, width = image_B3HW.shape[-2:]
    bottom, right = -height % MULTIPLE, -width % MULTIPLE
    return F.pad(image_B3HW, (0, right, 0, bottom), mode="replicate") if bottom or right else image_B3HW


def _made(config: NetworkConfig) -> Stream | LightStream:
    return Stream(config) if config.stream == "paper" else LightStream()


class GFSalNet(nn.Module):
    """Gated Fusion Network for dynamic saliency (Kocak, Erdem, Erdem 2021, Sec. III).

    Sizes that do not divide by 32 are padded by repeating the edge, and the maps cropped back.

    Args:
        config: the paper's preset when left out.
    """

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        self.appearance = _made(config) if config.streams != "motion" else None
        self.motion = _made(config) if config.streams != "appearance" else None
        self.fusion: GatedFusion | ConvolutionFusion | None = None
        if self.appearance is not None and self.motion is not None:
            gate_channels = self.appearance.channels if config.gate_on == "features" else 1
            self.fusion = GatedFusion(gate_channels) if config.fusion == "gated" else ConvolutionFusion()

    def forward(self, rgb_B3HW: Tensor | None = None, flow_image_B3HW: Tensor | None = None) -> Maps:
        """Predict one frame each.

        Args:
            rgb_B3HW: (B, 3, H, W) in 0…1; not used by a motion-only model.
            flow_image_B3HW: (B, 3, H, W) in 0…1, the colour-coded flow; not used by an appearance-only model.

        Raises:
            ValueError: if a needed input is missing or the two differ in shape.
        """
        appearance = self._stream("appearance", self.appearance, rgb_B3HW)
        motion = self._stream("motion", self.motion, flow_image_B3HW)
        if appearance is None or motion is None:
            saliency = appearance[1] if appearance else motion[1] if motion else None
            assert saliency is not None
            return Maps(saliency, appearance and appearance[1], motion and motion[1], None)
        return self._fused(appearance, motion)

    def _stream(
        self, name: str, stream: Stream | LightStream | None, image: Tensor | None
    ) -> tuple[StreamOutput, Tensor] | None:
        """A stream's raw output at the padded size, and its map at the image's own size."""
        if stream is None:
            return None
        if image is None or image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(
                f"the {name} stream needs a (B, 3, H, W) image, not {None if image is None else image.shape}"
            )
        # Cropped before the activation: a softmax is to be over the picture alone.
        output = stream(_padded(image))
        height, width = image.shape[-2:]
        return output, self._activated(output.scores[..., :height, :width])

    def _activated(self, scores_B1HW: Tensor) -> Tensor:
        if self.config.final == "relu":
            return F.relu(scores_B1HW)
        if self.config.final == "softplus":
            return F.softplus(scores_B1HW)
        # Mean 1 instead of sum 1 keeps values away from the smallest numbers of 16-bit floats.
        pixels = scores_B1HW.shape[-2] * scores_B1HW.shape[-1]
        return torch.softmax(scores_B1HW.float().flatten(1), 1).view_as(scores_B1HW) * pixels

    def _fused(self, appearance: tuple[StreamOutput, Tensor], motion: tuple[StreamOutput, Tensor]) -> Maps:
        (output_A, map_A), (output_T, map_T) = appearance, motion
        if map_A.shape != map_T.shape:
            raise ValueError(f"frames give a map {tuple(map_A.shape)}, flow images one of {tuple(map_T.shape)}")
        if isinstance(self.fusion, ConvolutionFusion):
            return Maps(self.fusion(map_A, map_T), map_A, map_T, None)
        assert self.fusion is not None
        height, width = map_A.shape[-2:]
        if self.config.gate_on == "maps":
            gate = self.fusion.gate(map_A, map_T, (height, width))
        else:
            # Features cover the padded picture, so their gate is made at its size and cropped as the maps were.
            padded_hw = (output_A.scores.shape[-2], output_A.scores.shape[-1])
            gate = self.fusion.gate(output_A.features, output_T.features, padded_hw)[..., :height, :width]
        return Maps(self.fusion.fuse(gate, map_A, map_T), map_A, map_T, gate)
