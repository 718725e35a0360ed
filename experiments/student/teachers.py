"""The networks that the student learns from; their weights lie outside the repository (see README.md here).

Every teacher gives log densities at 1/4 of the picture it sees, (B, h / 4, w / 4), each summing to 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gfsalnet.models.published.unisal import UNISALNetwork, gaussian_maps
from gfsalnet.network.light import Smoothing
from gfsalnet.network.weights import load_strictly, read_state

_MEAN, _STD = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
LITE_HW = (240, 320)


def log_density(scores_BHW: Tensor) -> Tensor:
    """(B, h, w) → the same, normalised."""
    return F.log_softmax(scores_BHW.flatten(1), 1).view_as(scores_BHW)


def resized(maps_BHW: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Log densities at another size."""
    if tuple(maps_BHW.shape[1:]) == size_hw:
        return maps_BHW
    return log_density(F.interpolate(maps_BHW[:, None], size_hw, mode="bilinear", align_corners=False)[:, 0])


class Unisal:
    """UNISAL, still or with its recurrence."""

    def __init__(self, path: Path) -> None:
        self.network = UNISALNetwork()
        load_strictly(self.network, read_state(path), path)
        self.network.eval().to(memory_format=torch.channels_last)
        self.smoothing = {domain: Smoothing() for domain in ("DHF1K", "SALICON")}
        for domain, smoothing in self.smoothing.items():
            smoothing.kernel.data = self.network.get_submodule(f"smoothing_{domain.lower()}").weight.data

    @torch.inference_mode()
    def encode(self, image_B3HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with torch.autocast("cpu", torch.bfloat16):
            levels = self.network.cnn((image_B3HW - _MEAN) / _STD)
        return tuple(level.float() for level in levels)  # type: ignore[return-value]

    @torch.inference_mode()
    def still(self, image_B3HW: Tensor, domain: str = "SALICON") -> Tensor:
        return self._decode(self.encode(image_B3HW), domain, None)[0]

    def watched(self, image_B3HW: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The next frame of each of B videos, and what to remember of it."""
        return self._decode(self.encode(image_B3HW), "DHF1K", state)

    @torch.inference_mode()
    def _decode(self, levels: Any, domain: str, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        network, (coarse, middle, fine) = self.network, levels
        network._enter(domain)
        priors = gaussian_maps(network.get_parameter(f"coarse_gaussians_{domain.lower()}"), coarse.shape[2:])
        x = network.post_cnn(torch.cat((coarse, priors.expand(len(coarse), -1, -1, -1)), 1))
        if domain != "SALICON":
            state = network.rnn(x, state)
            x = x + network.post_rnn(state)
        x = network.upsampling_2(torch.cat((_double(x), network.skip_2x(middle)), 1))
        x = network.post_upsampling_2(torch.cat((_double(x), network.skip_4x(fine)), 1))
        x = network.get_submodule(f"adaptation_{domain.lower()}")(x)
        x = F.avg_pool2d(self.smoothing[domain](x), 4)
        return log_density(x[:, 0]), state


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Lite(nn.Module):
    """EfficientNet-Lite with a light decoder, tuned on photographs."""

    def __init__(self, size: int) -> None:
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        trunk = nn.Module()
        trunk.n = EfficientNet.from_name(f"efficientnet-lite{size}")
        del trunk.n._fc
        self.trunk = trunk
        taps = {0: (24, 40, 112), 2: (24, 48, 120)}[size]
        self.ends = {0: (2, 4, 10), 2: (3, 6, 14)}[size]
        """The last blocks at 1/4, 1/8 and 1/16."""
        self.r4 = nn.Conv2d(1280, 128, 1)
        self.f3, self.f2, self.f1 = _block(128 + taps[2], 96), _block(96 + taps[1], 64), _block(64 + taps[0], 32)
        self.sa, self.main = nn.Conv2d(1280, 1, 1), _block(1280, 64)
        self.fc1, self.fc2 = nn.Linear(96, 24), nn.Linear(24, 96)
        self.head = nn.Sequential(
            nn.Conv2d(96, 96, 3, padding=1, groups=96),
            nn.Conv2d(96, 32, 1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 1, 5, padding=2),
        )
        self.cb = nn.Parameter(torch.zeros(1, 1, 15, 20))
        self.eval().to(memory_format=torch.channels_last)

    def start_from_imagenet(self, state: dict[str, Tensor]) -> None:
        """Take the trunk's weights as the package has them."""
        trunk = {key: value for key, value in state.items() if not key.startswith("_fc.")}
        self.trunk.n.load_state_dict(trunk)

    @classmethod
    def stored(cls, path: Path, size: int) -> Lite:
        """With the weights of a file."""
        lite, state = cls(size), read_state(path)
        counters = {k: v for k, v in lite.state_dict().items() if k.endswith("num_batches_tracked")}
        load_strictly(lite, {**counters, **state}, path)
        return lite

    def forward(self, image_B3HW: Tensor) -> Tensor:
        x = F.interpolate(image_B3HW, LITE_HW, mode="bilinear", align_corners=False, antialias=True)
        with torch.autocast("cpu", torch.bfloat16):
            levels = self._levels(x * (255 / 127.5) - 1)
        logits = self._decoded(*(level.float() for level in levels))
        return log_density((logits + F.interpolate(self.cb, logits.shape[2:], mode="bilinear"))[:, 0])

    def _levels(self, x: Tensor) -> list[Tensor]:
        n, found = self.trunk.n, []
        x = n._swish(n._bn0(n._conv_stem(x)))
        for index, block in enumerate(n._blocks):
            x = block(x)
            if index in self.ends:
                found.append(x)
        return [*found, n._swish(n._bn1(n._conv_head(x)))]

    def _decoded(self, level1: Tensor, level2: Tensor, level3: Tensor, level4: Tensor) -> Tensor:
        attended = level4 * torch.sigmoid(self.sa(level4))
        x = self.r4(attended)
        for merge, finer in ((self.f3, level3), (self.f2, level2), (self.f1, level1)):
            x = merge(torch.cat((finer, _to(x, finer)), 1))
        x = torch.cat((_to(self.main(attended), x), x), 1)
        weights = torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3))))))
        logits: Tensor = self.head(x * weights[:, :, None, None])
        return logits


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs), nn.ReLU())


def _to(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


class Static:
    """½ UNISAL tuned on photographs + ¼ Lite0 + ¼ Lite2, in the log domain."""

    def __init__(self, weights: Path) -> None:
        self.unisal = Unisal(weights / "unisal_photographs.safetensors")
        self.lites = [Lite.stored(weights / f"teacher_lite{size}.safetensors", size) for size in (0, 2)]

    @torch.inference_mode()
    def __call__(self, image_B3HW: Tensor) -> Tensor:
        tuned = self.unisal.still(image_B3HW)
        size_hw = (tuned.shape[1], tuned.shape[2])
        total = 0.5 * tuned
        for lite in self.lites:
            total = total + 0.25 * resized(lite(image_B3HW), size_hw)
        return log_density(total)
