"""Attention blocks (Sec. III-B, Fig. 4): which places, and which channels, matter for dynamic saliency."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpatialAttention(nn.Module):
    """Fig. 4(a): a 1x1 convolution and a sigmoid give each place a weight for all channels; sits after ResBlock4."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape, weighted by a (B, 1, H, W) map in 0…1."""
        return x_BCHW * torch.sigmoid(self.conv(x_BCHW))


class ChannelAttention(nn.Module):
    """Fig. 4(b): average pooling and two fully connected layers give each channel a weight.

    The paper ends in a ReLU, which can silence a channel for good; the second layer's bias starts at 1 so that training
    begins with every channel open.
    """

    def __init__(self, channels: int, final: Literal["relu", "sigmoid"] = "relu") -> None:
        super().__init__()
        # 96 → 24 → 96, the sizes that Sec. III-B gives.
        self.squeeze = nn.Linear(channels, channels // 4)
        self.excite = nn.Linear(channels // 4, channels)
        nn.init.ones_(self.excite.bias)
        self.final = nn.ReLU() if final == "relu" else nn.Sigmoid()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape, each channel scaled by its weight."""
        # One number per channel and picture: places are the other block's matter.
        weights_BC: Tensor = self.final(self.excite(F.relu(self.squeeze(x_BCHW.mean((2, 3))))))
        return x_BCHW * weights_BC[:, :, None, None]
