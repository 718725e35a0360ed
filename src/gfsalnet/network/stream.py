"""One stream (Fig. 2): backbone → spatial attention → main and side branch → channel attention → a map."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gfsalnet.network.attention import ChannelAttention, SpatialAttention
from gfsalnet.network.backbone import make_backbone, take_former_names
from gfsalnet.network.config import Deconv, NetworkConfig
from gfsalnet.network.multilevel import MultiLevelInformation


class StreamOutput(NamedTuple):
    """What one stream says."""

    features: Tensor
    """(B, C, H / s, W / s), s the stride of the last deconvolution: what channel attention let through."""
    scores: Tensor
    """(B, 1, H, W): the last deconvolution, before the final activation."""


def _branch(channels: int, deconvs: tuple[Deconv, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for deconv in deconvs:
        layers += [nn.ConvTranspose2d(channels, *deconv), nn.ReLU()]
        channels = deconv.channels
    return nn.Sequential(*layers)


class Stream(nn.Module):
    """The graph that both streams share, each with its own weights. Sides of the input must be multiples of 32."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.backbone = make_backbone(config.backbone)
        take_former_names(self)
        levels = self.backbone.channels
        self.spatial_attention = SpatialAttention(levels[3]) if config.spatial_attention else nn.Identity()
        self.main = _branch(levels[3], config.main)
        # 64 of the main branch and 32 of the side branch in the paper's preset: its 96 channels.
        channels = config.main[-1].channels
        self.multilevel: nn.Module | None = None
        if config.multilevel:
            self.multilevel = MultiLevelInformation(levels, config.multilevel_channels, config.multilevel_relu)
            self.side = _branch(config.multilevel_channels, config.side)
            channels += config.side[-1].channels
        self.channel_attention = (
            ChannelAttention(channels, config.channel_attention_final) if config.channel_attention else nn.Identity()
        )
        last = nn.ConvTranspose2d(channels, *config.last)
        # A map that starts all zero behind the final ReLU would stay so.
        nn.init.constant_(last.bias, 0.1)  # type: ignore[arg-type]  # bias is on by default, the stub says Optional
        self.last: nn.Module = last
        self.channels = channels
        # Constants of the backbone: they follow the module to its device, and are no part of the weights.
        self.register_buffer("mean", torch.tensor(self.backbone.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(self.backbone.std).view(3, 1, 1), persistent=False)

    def forward(self, image_B3HW: Tensor) -> StreamOutput:
        """(B, 3, H, W) in 0…1, RGB or a flow image → features and scores."""
        level1, level2, level3, level4 = self.backbone((image_B3HW - self.mean) / self.std)
        # Both branches see the attended level.
        level4 = self.spatial_attention(level4)
        x = self.main(level4)
        if self.multilevel is not None:
            x = torch.cat((x, self.side(self.multilevel((level1, level2, level3, level4)))), 1)
        x = self.channel_attention(x)
        return StreamOutput(x, self.last(x))
