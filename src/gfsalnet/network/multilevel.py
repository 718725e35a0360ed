"""Multi-level information block (Sec. III-A, Fig. 3): low-, mid- and high-level features guide together."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gfsalnet.network.backbone import Levels


class MultiLevelInformation(nn.Module):
    """Top-down merges: expand bilinearly to the previous residual block's size, concatenate, fuse by a 1x1 convolution.

    Args:
        level_channels: channels of the four levels, finest first.
        channels: width of every merge.
        relu: whether a ReLU follows each merge.
    """

    def __init__(self, level_channels: tuple[int, int, int, int], channels: int, relu: bool) -> None:
        super().__init__()
        self.level_channels = level_channels
        level1, level2, level3, level4 = level_channels
        self.merge3 = nn.Conv2d(level4 + level3, channels, 1)
        self.merge2 = nn.Conv2d(channels + level2, channels, 1)
        self.merge1 = nn.Conv2d(channels + level1, channels, 1)
        self.activation = nn.ReLU() if relu else nn.Identity()

    def forward(self, levels: Levels) -> Tensor:
        """Levels at 1/4, 1/8, 1/16, 1/32 of the input, the last one attended → (B, channels, H/4, W/4)."""
        level1, level2, level3, x = levels
        # Corners are not aligned: pixel centres of both grids then stand for the same places of the frame.
        for merge, finer in ((self.merge3, level3), (self.merge2, level2), (self.merge1, level1)):
            expanded = F.interpolate(x, finer.shape[-2:], mode="bilinear", align_corners=False)
            x = self.activation(merge(torch.cat((expanded, finer), 1)))
        return x
