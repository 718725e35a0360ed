"""PWC-Net in plain PyTorch (Sun, Yang, Liu and Kautz, CVPR 2018), the estimator of the paper (Sec. IV-B).

The architecture and the parameter names of the authors' PyTorch release, so that its weights load: three
convolutions per level, where the CVPR paper has two and 8.75 million parameters. Only for estimating, not for training.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_PYRAMID = (3, 16, 32, 64, 96, 128, 196)
"""Channels of the input and of the six levels."""
_ESTIMATOR = (128, 128, 96, 64, 32)
_CONTEXT = ((128, 1), (128, 2), (128, 4), (96, 8), (64, 16), (32, 1))
"""Channels and dilation."""
_COARSEST, _FINEST = 6, 2
_RADIUS = 4
_TRAINED_SCALE = 20.0
"""The network was trained on flow divided by this."""
_WHOLLY_INSIDE = 0.9999
"""A sample counts as inside the picture if the pixels it is interpolated from have this total weight."""


class PWCNet(nn.Module):
    """Pyramid, warping, cost volume, DenseNet estimators and a dilated context network: 9,374,340 parameters."""

    def __init__(self) -> None:
        super().__init__()
        for level, (below, channels) in enumerate(pairwise(_PYRAMID), 1):
            first, second, third = _pyramid_names(level)
            self.add_module(first, _conv(below, channels, stride=2))
            self.add_module(second, _conv(channels, channels))
            self.add_module(third, _conv(channels, channels))
        for level in range(_COARSEST, _FINEST - 1, -1):
            self._add_estimator(level)
        self._add_context()

    def _input_channels(self, level: int) -> int:
        """Costs; below the coarsest level also features of the previous frame, and flow and features from above."""
        costs = (2 * _RADIUS + 1) ** 2
        # 4: two channels of flow and two of features.
        return costs if level == _COARSEST else costs + _PYRAMID[level] + 4

    def _add_estimator(self, level: int) -> None:
        widths = list(accumulate(_ESTIMATOR, initial=self._input_channels(level)))
        for number, (width, channels) in enumerate(zip(widths, _ESTIMATOR, strict=False)):
            self.add_module(f"conv{level}_{number}", _conv(width, channels))
        self.add_module(f"predict_flow{level}", nn.Conv2d(widths[-1], 2, 3, padding=1))
        # The release has a deconv2 that nothing uses.
        self.add_module(f"deconv{level}", nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1))
        if level > _FINEST:
            self.add_module(f"upfeat{level}", nn.ConvTranspose2d(widths[-1], 2, 4, stride=2, padding=1))

    def _add_context(self) -> None:
        below = self._input_channels(_FINEST) + sum(_ESTIMATOR)
        for number, (channels, dilation) in enumerate(_CONTEXT, 1):
            self.add_module(f"dc_conv{number}", _conv(below, channels, dilation=dilation))
            below = channels
        self.add_module(f"dc_conv{len(_CONTEXT) + 1}", nn.Conv2d(below, 2, 3, padding=1))

    def forward(self, previous_B3HW: Tensor, current_B3HW: Tensor) -> Tensor:
        """The motion from the previous to the current frame.

        Args:
            previous_B3HW: blue first, 0…1; both sides are multiples of 64.
            current_B3HW: the same.

        Returns:
            (B, 2, H/4, W/4): (dx, dy) in pixels of the input.
        """
        before, after = self._pyramid(previous_B3HW), self._pyramid(current_B3HW)
        features = self._estimate(_COARSEST, functional.leaky_relu(correlation(before[-1], after[-1]), 0.1))
        for level in range(_COARSEST - 1, _FINEST - 1, -1):
            flow = self._run(f"deconv{level + 1}", self._run(f"predict_flow{level + 1}", features))
            upfeat = self._run(f"upfeat{level + 1}", features)
            # From units of 1/20 pixel of the input to pixels of this level, which is 1/2**level of its size.
            warped = warp(after[level - 1], flow * (_TRAINED_SCALE / 2**level))
            costs = functional.leaky_relu(correlation(before[level - 1], warped), 0.1)
            features = self._estimate(level, torch.cat((costs, before[level - 1], flow, upfeat), 1))
        # At the finest level the context network says what to add to the flow.
        flow = self._run(f"predict_flow{_FINEST}", features)
        for number in range(1, len(_CONTEXT) + 2):
            features = self._run(f"dc_conv{number}", features)
        return (flow + features) * _TRAINED_SCALE

    def _run(self, name: str, x: Tensor) -> Tensor:
        return cast(Tensor, self.get_submodule(name)(x))

    def _pyramid(self, image_B3HW: Tensor) -> list[Tensor]:
        """The features of levels 1 to 6, each half as large as the one before."""
        levels = []
        features = image_B3HW
        for level in range(1, _COARSEST + 1):
            for name in _pyramid_names(level):
                features = self._run(name, features)
            levels.append(features)
        return levels

    def _estimate(self, level: int, features: Tensor) -> Tensor:
        """All features of the level's DenseNet, the newest first."""
        for number in range(len(_ESTIMATOR)):
            # The order is that of the weights' input channels.
            features = torch.cat((self._run(f"conv{level}_{number}", features), features), 1)
        return features


def _pyramid_names(level: int) -> tuple[str, str, str]:
    """The names of a level's convolutions in the order they run; the release names the coarsest level otherwise."""
    endings = ("aa", "a", "b") if level == _COARSEST else ("a", "aa", "b")
    first, second, third = (f"conv{level}{ending}" for ending in endings)
    return first, second, third


def _conv(below: int, channels: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(below, channels, 3, stride, dilation, dilation), nn.LeakyReLU(0.1))


def correlation(before_BCHW: Tensor, after_BCHW: Tensor, radius: int = _RADIUS) -> Tensor:
    """The cost volume: how like each place before is to the places around it after.

    Returns:
        (B, (2·radius + 1)², H, W): means of products over the channels, displacements row by row from (-radius,
        -radius); 0 where one leads out of the picture.
    """
    height, width = before_BCHW.shape[2:]
    around = functional.pad(after_BCHW, (radius,) * 4)
    steps = range(2 * radius + 1)
    costs = [(before_BCHW * around[:, :, y : y + height, x : x + width]).mean(1) for y in steps for x in steps]
    return torch.stack(costs, 1)


def warp(features_BCHW: Tensor, flow_B2HW: Tensor) -> Tensor:
    """Features of the current frame where they were in the previous one; 0 where any of it lies outside the picture.

    Args:
        features_BCHW: of the current frame.
        flow_B2HW: (dx, dy) in pixels of the features.
    """
    batch, _, height, width = features_BCHW.shape
    column = torch.arange(width, device=flow_B2HW.device) + flow_B2HW[:, 0]
    row = torch.arange(height, device=flow_B2HW.device)[:, None] + flow_B2HW[:, 1]
    # -1 and 1 are the centres of the outermost pixels.
    grid = torch.stack((2 * column / max(width - 1, 1) - 1, 2 * row / max(height - 1, 1) - 1), 3)
    # PyTorch 0.2, in which the release was written, aligned the corners.
    sampled = functional.grid_sample(features_BCHW, grid, align_corners=True)
    inside = functional.grid_sample(features_BCHW.new_ones(batch, 1, height, width), grid, align_corners=True)
    return sampled * (inside >= _WHOLLY_INSIDE)
