"""S3D, the encoder of TASED-Net and ViNet: Inception whose 3-D kernels are split into space and time.

Xie et al., "Rethinking Spatiotemporal Feature Learning: Speed-Accuracy Trade-offs in Video Classification", ECCV 2018,
without its head. Names and grouping (`base1` to `base4`) are those of both saliency models; no convolution has a bias.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Levels: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]
"""(B, 192, T/2, H/4, W/4), (B, 480, T/2, H/8, W/8), (B, 832, T/4, H/16, W/16), (B, 1024, T/8, H/32, W/32)."""


def batch_norm(channels: int) -> nn.BatchNorm3d:
    """The normalisation after every convolution of both models."""
    # TensorFlow's epsilon, with which S3D was trained: PyTorch's 1e-5 would change every map.
    return nn.BatchNorm3d(channels, eps=1e-3, momentum=1e-3)


class BasicConv(nn.Module):
    """1x1x1 convolution, batch-norm, ReLU: mixes channels only."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, 1, bias=False)
        self.bn = batch_norm(outputs)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """(B, inputs, T, H, W) → (B, outputs, T, H, W)."""
        return F.relu(self.bn(self.conv(x_BCTHW)), inplace=True)


class SepConv(nn.Module):
    """A kernel over space, then one over time, each with batch-norm and ReLU.

    Args:
        inputs: channels.
        outputs: channels, of both convolutions.
        kernel: side of either kernel, odd; padding keeps the size.
        stride: in space and in time.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        pad = kernel // 2
        space: dict[str, Any] = {"stride": (1, stride, stride), "padding": (0, pad, pad), "bias": False}
        time: dict[str, Any] = {"stride": (stride, 1, 1), "padding": (pad, 0, 0), "bias": False}
        self.conv_s = nn.Conv3d(inputs, outputs, (1, kernel, kernel), **space)
        self.bn_s = batch_norm(outputs)
        self.conv_t = nn.Conv3d(outputs, outputs, (kernel, 1, 1), **time)
        self.bn_t = batch_norm(outputs)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """(B, inputs, T, H, W) → (B, outputs, T/stride, H/stride, W/stride)."""
        x = F.relu(self.bn_s(self.conv_s(x_BCTHW)), inplace=True)
        return F.relu(self.bn_t(self.conv_t(x)), inplace=True)


class Mixed(nn.Module):
    """An Inception block: four branches side by side, their channels stacked.

    Args:
        inputs: channels.
        point: channels of the 1x1x1 branch.
        first: channels before and after the `SepConv` of one branch.
        second: the same of another.
        pooled: channels of the branch that follows a max-pool of 3x3x3.
    """

    def __init__(self, inputs: int, point: int, first: tuple[int, int], second: tuple[int, int], pooled: int) -> None:
        super().__init__()
        self.branch0 = nn.Sequential(BasicConv(inputs, point))
        self.branch1 = nn.Sequential(BasicConv(inputs, first[0]), SepConv(*first, 3))
        self.branch2 = nn.Sequential(BasicConv(inputs, second[0]), SepConv(*second, 3))
        self.branch3 = nn.Sequential(nn.MaxPool3d(3, stride=1, padding=1), BasicConv(inputs, pooled))

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """(B, inputs, T, H, W) → (B, sum of the branches, T, H, W)."""
        # In the order of their definition, which is that of the official weights' channels.
        return torch.cat([branch(x_BCTHW) for branch in self.children()], dim=1)


class S3D(nn.Module):
    """The encoder: features of four levels."""

    def __init__(self) -> None:
        super().__init__()
        self.base1 = nn.Sequential(
            SepConv(3, 64, 7, stride=2),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            BasicConv(64, 64),
            SepConv(64, 192, 3),
        )
        self.base2 = nn.Sequential(
            Mixed(192, 64, (96, 128), (16, 32), 32),
            Mixed(256, 128, (128, 192), (32, 96), 64),
        )
        self.base3 = nn.Sequential(
            Mixed(480, 192, (96, 208), (16, 48), 64),
            Mixed(512, 160, (112, 224), (24, 64), 64),
            Mixed(512, 128, (128, 256), (24, 64), 64),
            Mixed(512, 112, (144, 288), (32, 64), 64),
            Mixed(528, 256, (160, 320), (32, 128), 128),
        )
        self.base4 = nn.Sequential(
            Mixed(832, 256, (160, 320), (32, 128), 128),
            Mixed(832, 384, (192, 384), (48, 128), 128),
        )

    def encode(self, clip_B3THW: Tensor) -> Levels:
        """Normalised (B, 3, T, H, W), T a multiple of 8 and H, W of 32 → the levels, finest first."""
        level1 = self.base1(clip_B3THW)
        level2 = self.base2(F.max_pool3d(level1, (1, 3, 3), (1, 2, 2), (0, 1, 1)))
        level3 = self.base3(F.max_pool3d(level2, 3, 2, 1))
        return level1, level2, level3, self.base4(F.max_pool3d(level3, 2))
