"""VGG-16 without its classifier: the backbone of SalGAN, SalEMA and ACLNet.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, configuration D
up to conv5_3. Inputs are in the format of its Caffe weights: blue first, 0…255, the means of ImageNet taken off.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from gfsalnet.types import RGB

IMAGENET_MEANS_BGR = (103.939, 116.779, 123.68)
"""The means of ImageNet in 0…255, blue first."""

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def vgg16_layers(last_pool: nn.Module) -> list[nn.Module]:
    """The 13 convolutions, each with its ReLU, and a pooling in front of every block but the first.

    Together (B, 3, H, W) → (B, 512, H / 8 / s, W / 8 / s). In an `nn.Sequential`, indices are those of torchvision's
    `features[:30]`.

    Args:
        last_pool: the pooling between blocks 4 and 5, of stride s; VGG's own has 2.
    """
    layers: list[nn.Module] = []
    inputs = 3
    for block, widths in enumerate(_BLOCKS):
        if block:
            layers.append(last_pool if block == len(_BLOCKS) - 1 else nn.MaxPool2d(2))
        for outputs in widths:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
            inputs = outputs
    return layers


def caffe_input(rgb: RGB, means_bgr: tuple[float, float, float] = IMAGENET_MEANS_BGR) -> Tensor:
    """(H, W, 3) in 0…255, red first → (1, 3, H, W) float32, blue first, the means taken off."""
    bgr = rgb[..., ::-1].astype(np.float32) - np.array(means_bgr, np.float32)
    return torch.from_numpy(bgr).permute(2, 0, 1)[None]
