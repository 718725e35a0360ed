"""TASED-Net: 32 frames in, the map of the last one out; its decoder unpools where the encoder's maxima lay.

Min and Corso, "TASED-Net: Temporally-Aggregating Spatial Encoder-Decoder Network for Video Saliency Detection", ICCV
2019, in the form that the authors released later (2.797 NSS on DHF1K).

Frames of fewer predecessors than a window: see `windows`. The authors' program turns time round there, as here, since
July 2020; before that it turned the colours round, an oversight (issue 10 of github.com/MichiganCOG/TASED-Net).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from gfsalnet.models.classical.base import FloatArray
from gfsalnet.models.published.base import Official, with_counters
from gfsalnet.models.published.s3d import S3D, batch_norm
from gfsalnet.models.published.windows import WindowModel
from gfsalnet.types import RGB

SIGMA_PIXELS = 7.0
"""The sigma of the last smoothing, in pixels of the network's map."""


class TASEDNet(WindowModel):
    """TASED-Net."""

    name = "tased-net"

    @classmethod
    def make_network(cls) -> nn.Module:
        """The architecture under its official names."""
        return TASEDNetwork()

    @classmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        """The official state as it is."""
        return with_counters(official)

    def resize(self, rgb: RGB) -> RGB:
        """(H, W, 3) to `input_size_hw`: bilinear between pixels, also when shrinking."""
        resized = cv2.resize(rgb, self.input_size_hw[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, dtype=np.uint8)

    def normalise(self, clip_3THW: Tensor) -> Tensor:
        """0…255 to −1…1.

        Where features are equal but for rounding, rounding says which is the largest, and so where the decoder puts
        what it unpools: maps are the authors' only if even the order of operations is theirs.
        """
        return (2 * clip_3THW - 255) / 255

    def finish(self, saliency_HW: NDArray[np.float32], size_hw: tuple[int, int]) -> FloatArray:
        """(h, w): cut to steps of 1/255, then smoothed."""
        return np.asarray(gaussian_filter(np.floor(saliency_HW * 255).astype(np.float64) / 255, SIGMA_PIXELS))


class TASEDNetwork(S3D):
    """Encoder and decoder; the decoder works on 4 steps of time, and on one at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.convtsp1 = nn.Sequential(
            *_normed(nn.Conv3d(1024, 1024, 1, bias=False)),
            *_normed(_deconvolution(1024, 832, 3)),
        )
        self.convtsp2 = nn.Sequential(*_normed(_deconvolution(832, 480, 3)))
        self.convtsp3 = nn.Sequential(*_normed(_deconvolution(480, 192, 3)))
        self.convtsp4 = nn.Sequential(
            *_normed(_deconvolution(192, 64, 4, stride=2)),
            *_normed(_halve_time(64)),
            *_normed(_deconvolution(64, 4, 1)),
            *_normed(_halve_time(4)),
            _deconvolution(4, 4, 4, stride=2),
            nn.Conv3d(4, 1, 1),
            nn.Sigmoid(),
        )

    def forward(self, clip_B3THW: Tensor) -> Tensor:
        """Normalised (B, 3, 32, H, W), H and W multiples of 32 → (B, H, W) in 0…1."""
        level1, level2, level3, level4 = self.encode(clip_B3THW)
        x = unpool(self.convtsp1(level4), level3, kernel=2)
        x = unpool(self.convtsp2(x), level2, kernel=3)
        x = unpool(self.convtsp3(x), level1, kernel=3)
        saliency: Tensor = self.convtsp4(x)
        return saliency[:, 0, 0]


def unpool(x_BCthw: Tensor, level_BCTHW: Tensor, kernel: int) -> Tensor:
    """Double a map's height and width: each value goes to where the level's maximum lies, 0 goes elsewhere.

    Args:
        x_BCthw: (B, C, t, H/2, W/2).
        level_BCTHW: (B, C, T, H, W) of the encoder, T a multiple of t: of T/t frames, the maximum counts.
        kernel: side of the windows that maxima are sought in, 2 or 3.
    """
    frames = level_BCTHW.shape[2] // x_BCthw.shape[2]
    level_BCtHW = F.max_pool3d(level_BCTHW, (frames, 1, 1))
    sides, strides, pads = (1, kernel, kernel), (1, 2, 2), (0, (kernel - 1) // 2, (kernel - 1) // 2)
    # Only the places of the maxima are used; their values were needed to find them.
    _, switches = F.max_pool3d(level_BCtHW, sides, strides, pads, return_indices=True)
    return F.max_unpool3d(x_BCthw, switches, sides, strides, pads, output_size=level_BCtHW.shape)


def _normed(convolution: nn.Conv3d | nn.ConvTranspose3d) -> tuple[nn.Module, nn.Module, nn.Module]:
    return convolution, batch_norm(convolution.out_channels), nn.ReLU(inplace=True)


def _deconvolution(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.ConvTranspose3d:
    pad = (side - 1) // 2
    return nn.ConvTranspose3d(inputs, outputs, (1, side, side), (1, stride, stride), (0, pad, pad), bias=False)


def _halve_time(channels: int) -> nn.Conv3d:
    return nn.Conv3d(channels, channels, (2, 1, 1), (2, 1, 1), bias=False)
