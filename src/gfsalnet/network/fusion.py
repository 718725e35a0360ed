"""Gated fusion block (Sec. III-C, Fig. 5, eqs. 1–3): how far to trust appearance and motion, place by place."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GatedFusion(nn.Module):
    """Concatenate both streams, correlate them by a 1x1 convolution, and squash to the gate P.

    Args:
        channels: of one stream's input to the gate: 1 for maps, more for features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * channels, 1, 1)

    def gate(self, appearance_BCHW: Tensor, motion_BCHW: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """P of eq. 1, (B, 1, H, W) in 0…1: G_A = P is the share of appearance, G_T = 1 - P that of motion."""
        # Features are smaller than the maps: they are convolved at their own size, and one channel is enlarged.
        score = self.conv(torch.cat((appearance_BCHW, motion_BCHW), 1))
        if score.shape[-2:] != size_hw:
            score = F.interpolate(score, size_hw, mode="bilinear", align_corners=False)
        return torch.sigmoid(score)

    @staticmethod
    def fuse(gate_B1HW: Tensor, appearance_B1HW: Tensor, motion_B1HW: Tensor) -> Tensor:
        """Eqs. 2 and 3: S_A · P + S_T · (1 - P)."""
        return appearance_B1HW * gate_B1HW + motion_B1HW * (1 - gate_B1HW)


class ConvolutionFusion(nn.Module):
    """The ablation of Sec. IV-E: a 1x1 convolution of both maps, the same everywhere and always; there is no gate."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 1)
        # Starts as the mean of both maps: a random start may be negative everywhere and would not recover.
        nn.init.constant_(self.conv.weight, 0.5)
        nn.init.constant_(self.conv.bias, 0.0)  # type: ignore[arg-type]  # the stub thinks bias may be None

    def forward(self, appearance_B1HW: Tensor, motion_B1HW: Tensor) -> Tensor:
        """(B, 1, H, W) twice → (B, 1, H, W), not negative."""
        return F.relu(self.conv(torch.cat((appearance_B1HW, motion_B1HW), 1)))
