"""ViNet and ViNet-S: 32 frames in, the map of the last one out; levels are joined along time on the way up.

Jain et al., "ViNet: Pushing the Limits of Visual Modality for Audio-Visual Saliency Prediction", IROS 2021, and Girmaji
et al., "Minimalistic Video Saliency Prediction via Efficient Decoder & Spatio Temporal Action Cues", ICASSP 2025, whose
ViNet-S has the decoder's convolutions in groups.

Maps have the frame's size, since the last smoothing does. Left out: the pictures that ViNet's program writes are
stretched so that the least value is black, which would change the density; the networks were trained as it is here.
ViNet-S upsamples as when its authors evaluate; one setting of their training aligns corners instead.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gfsalnet.models.classical.base import FloatArray
from gfsalnet.models.published.base import IMAGENET_MEAN, IMAGENET_STD, Official, with_counters
from gfsalnet.models.published.resampling import pillow_bilinear
from gfsalnet.models.published.s3d import S3D, Levels
from gfsalnet.models.published.windows import WindowModel, repeating_windows
from gfsalnet.types import RGB

BLUR_PIXELS = 11
"""Side of the Gaussian of the last smoothing, at the frame's size; its sigma is OpenCV's for that side, 2 pixels."""

Groups: TypeAlias = tuple[int, int, int, int, int]
"""Groups of the decoder's convolutions over space, in order."""


class ViNet(WindowModel):
    """ViNet, the visual one."""

    name = "vinet"
    groups: ClassVar[Groups] = (1, 1, 1, 1, 1)

    @classmethod
    def make_network(cls) -> nn.Module:
        """The architecture under its official names."""
        return ViNetwork(cls.groups)

    @classmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        """The official state as it is."""
        return with_counters(official)

    def resize(self, rgb: RGB) -> RGB:
        """(H, W, 3) to `input_size_hw` as Pillow does."""
        return pillow_bilinear(rgb, self.input_size_hw)

    def normalise(self, clip_3THW: Tensor) -> Tensor:
        """0…255 to mean 0 and deviation 1 on ImageNet."""
        mean, std = (clip_3THW.new_tensor(values).view(3, 1, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        return (clip_3THW / 255 - mean) / std

    def finish(self, saliency_HW: NDArray[np.float32], size_hw: tuple[int, int]) -> FloatArray:
        """(H, W) of the frame: enlarged, then smoothed."""
        frame_map = cv2.resize(saliency_HW, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
        return cv2.GaussianBlur(frame_map, (BLUR_PIXELS, BLUR_PIXELS), 0).astype(np.float64)


class ViNetS(ViNet):
    """ViNet-S. Frames without 31 predecessors see the first frame repeated, so that it waits for nothing."""

    name = "vinet-s"
    lookahead_frames = 0
    groups: ClassVar[Groups] = (32, 16, 8, 4, 2)
    windows = staticmethod(repeating_windows)


class ViNetwork(nn.Module):
    """Encoder and decoder."""

    def __init__(self, groups: Groups) -> None:
        super().__init__()
        self.backbone = S3D()
        self.decoder = Decoder(groups)

    def forward(self, clip_B3THW: Tensor) -> Tensor:
        """Normalised (B, 3, 32, H, W), H and W multiples of 32 → (B, H, W) in 0…1."""
        saliency: Tensor = self.decoder(self.backbone.encode(clip_B3THW))
        return saliency


class Decoder(nn.Module):
    """From the coarsest level up: each step doubles height and width and has the next level follow it in time."""

    def __init__(self, groups: Groups) -> None:
        super().__init__()
        self.convtsp1 = nn.Sequential(*_step(1024, 832, 1, groups[0]))
        self.convtsp2 = nn.Sequential(*_step(832, 480, 3, groups[1]))
        self.convtsp3 = nn.Sequential(*_step(480, 192, 5, groups[2]))
        self.convtsp4 = nn.Sequential(
            *_step(192, 64, 5, groups[3]),
            *_step(64, 32, 2, groups[4]),
            nn.Conv3d(32, 32, (2, 1, 1), (2, 1, 1), bias=False),
            nn.ReLU(inplace=True),
            nn.Conv3d(32, 1, 1),
            nn.Sigmoid(),
        )

    def forward(self, levels: Levels) -> Tensor:
        """The levels of 32 frames → (B, H, W) in 0…1."""
        level1, level2, level3, level4 = levels
        x = torch.cat([self.convtsp1(level4), level3], dim=2)
        x = torch.cat([self.convtsp2(x), level2], dim=2)
        x = torch.cat([self.convtsp3(x), level1], dim=2)
        saliency: Tensor = self.convtsp4(x)
        return saliency[:, 0, 0]


def _step(inputs: int, outputs: int, frames: int, groups: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    """(B, inputs, T, H, W) → (B, outputs, T/frames, 2 H, 2 W)."""
    kernel, stride, pad = (frames, 3, 3), (frames, 1, 1), (0, 1, 1)
    convolution = nn.Conv3d(inputs, outputs, kernel, stride, pad, groups=groups, bias=False)
    return convolution, nn.ReLU(inplace=True), nn.Upsample(scale_factor=(1, 2, 2), mode="trilinear")
