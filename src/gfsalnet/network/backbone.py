"""The backbones (Sec. III): feature maps of four levels, at 1/4, 1/8, 1/16 and 1/32 of the input.

`ResNet50` is the paper's: average pooling and the classifier are removed, names are torchvision's, so that its public
ImageNet weights load (He et al. 2016). `MobileNetV2` (Sandler et al. 2018) is the compact one; its batch-norms are
folded into the convolutions and its padding is TensorFlow's SAME, as the weights it starts from were trained.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

Levels = tuple[Tensor, Tensor, Tensor, Tensor]


class Bottleneck(nn.Module):
    """1x1 → 3x3 → 1x1 with a shortcut; the stride sits in the 3x3 (torchvision's "v1.5")."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width
        # No biases: the batch-norms behind have them. The names are torchvision's, or its weights would not load.
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        # The shortcut is convolved only where the shapes differ, as in torchvision, whose file has no other keys.
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, 4 · width, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.relu(self.bn3(self.conv3(x)) + shortcut)


def _resblock(channels: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    rest = [Bottleneck(4 * width, width, 1) for _ in range(blocks - 1)]
    return nn.Sequential(Bottleneck(channels, width, stride), *rest)


class ResNet50(nn.Module):
    """ResNet-50 without its head; `layer1` to `layer4` are the paper's ResBlock1 to ResBlock4."""

    channels = (256, 512, 1024, 2048)
    # Of ImageNet's pixels, which torchvision's weights were trained on; the motion stream starts from the same weights.
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _resblock(64, 64, 3, 1)
        self.layer2 = _resblock(256, 128, 4, 2)
        self.layer3 = _resblock(512, 256, 6, 2)
        self.layer4 = _resblock(1024, 512, 3, 2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image_B3HW: Tensor) -> Levels:
        """Normalised (B, 3, H, W) → maps of 256, 512, 1024 and 2048 channels."""
        x = F.relu(self.bn1(self.conv1(image_B3HW)))
        # (B, 64, H/2, W/2) → (B, 64, H/4, W/4): the first block keeps the size, and every later one halves it.
        x = F.max_pool2d(x, 3, 2, 1)
        level1 = self.layer1(x)
        level2 = self.layer2(level1)
        level3 = self.layer3(level2)
        return level1, level2, level3, self.layer4(level3)


class _SameConv(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding on even sizes: a stride of 2 pads right and bottom only."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        # PyTorch's own padding is the same on both sides: every halving would sample one pixel further up and left.
        return super().forward(x if self.stride[0] == 1 else F.pad(x, (0, 1, 0, 1)))


class InvertedResidual(nn.Module):
    """1x1 expand → 3x3 depthwise → 1x1 project, added to its input where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = inputs * expand
        widen = [] if expand == 1 else [_SameConv(inputs, wide, 1), nn.ReLU6()]
        self.conv = nn.Sequential(
            *widen, _SameConv(wide, wide, 3, stride, groups=wide), nn.ReLU6(), _SameConv(wide, outputs, 1)
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, outputs, H / stride, W / stride)."""
        out: Tensor = self.conv(x)
        return x + out if self.adds else out


class MobileNetV2(nn.Module):
    """MobileNetV2 1.0 up to its last inverted residual block; `features.N` are its public names."""

    channels = (24, 32, 96, 320)
    # 0…1 becomes -1…1, as TensorFlow's weights expect.
    mean, std = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
    # (expansion, channels, blocks, stride), Table 2 of the MobileNetV2 paper
    plan = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    # The last layers at 1/4, 1/8, 1/16 and 1/32: the stem is layer 0.
    taps = (3, 6, 13, 17)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Sequential(_SameConv(3, 32, 3, 2), nn.ReLU6())]
        inputs = 32
        for expand, outputs, blocks, first_stride in self.plan:
            for block in range(blocks):
                layers.append(InvertedResidual(inputs, outputs, first_stride if block == 0 else 1, expand))
                inputs = outputs
        self.features = nn.Sequential(*layers)
        # Without batch-norm, PyTorch's default start would let signals die out on the way down.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, image_B3HW: Tensor) -> Levels:
        """Normalised (B, 3, H, W), sides even at every level → maps of 24, 32, 96 and 320 channels."""
        x, levels = image_B3HW, []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                levels.append(x)
        level1, level2, level3, level4 = levels
        return level1, level2, level3, level4


def make_backbone(name: Literal["resnet50", "mobilenet_v2"]) -> ResNet50 | MobileNetV2:
    """The backbone of that name, randomly initialised."""
    return ResNet50() if name == "resnet50" else MobileNetV2()


def current_name(key: str) -> str:
    """The name that a parameter has today: streams called their backbone `trunk` when the first weights were made.

    >>> current_name("appearance.trunk.features.0.0.weight"), current_name("trunk.conv1.weight")
    ('appearance.backbone.features.0.0.weight', 'backbone.conv1.weight')
    """
    return re.sub(r"(^|\.)trunk\.", r"\1backbone.", key)


def take_former_names(stream: nn.Module) -> None:
    """Let `load_state_dict` of a stream, and of whatever holds it, take weights and checkpoints under former names."""

    def rename(module: nn.Module, state: MutableMapping[str, Any], prefix: str, *_: Any) -> None:
        # A list of its own, since the loop changes the dictionary.
        for key in [key for key in state if key.startswith(f"{prefix}trunk.")]:
            state[current_name(key)] = state.pop(key)

    stream.register_load_state_dict_pre_hook(rename)  # type: ignore[no-untyped-call]  # torch has no types for it
