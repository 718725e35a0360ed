"""The networks that a student learns from.

Every teacher gives log densities at 1/4 of the picture that it sees, (B, h / 4, w / 4), each summing to 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gfsalnet.models.published.base import IMAGENET_MEAN, IMAGENET_STD
from gfsalnet.models.published.unisal import STILL, VIDEO, UNISALNetwork, gaussian_maps
from gfsalnet.network.light import Smoothing
from gfsalnet.network.weights import load_strictly, read_state
from gfsalnet.packages import needed_by
from gfsalnet.training.distillation.config import Domain, Teacher

LITE_HW = (240, 320)
"""The size that EfficientNet-Lite sees a picture at."""


def log_density(scores_BHW: Tensor) -> Tensor:
    """(B, h, w) → the same, normalised: the exponentials of each sum to 1."""
    return F.log_softmax(scores_BHW.flatten(1), 1).view_as(scores_BHW)


def resized(maps_BHW: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Log densities (B, h, w) at another size: (B, *`size_hw`), normalised again."""
    if tuple(maps_BHW.shape[1:]) == size_hw:
        return maps_BHW
    return log_density(F.interpolate(maps_BHW[:, None], size_hw, mode="bilinear", align_corners=False)[:, 0])


class UnisalTeacher:
    """UNISAL, of one picture or with its recurrence.

    Args:
        path: weights under the official names.

    Raises:
        WeightsError: if they are missing, damaged or of another network.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        self.network = UNISALNetwork()
        load_strictly(self.network, read_state(path), path)
        self.network.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # a documented overload the stub lacks
        self._smoothing = {domain: Smoothing().to(device) for domain in (VIDEO, STILL)}
        for domain, smoothing in self._smoothing.items():
            own = self.network.get_submodule(f"smoothing_{domain.lower()}").get_parameter("weight")
            smoothing.kernel.data = own.data
        self._mean, self._std = (
            torch.tensor(values, device=device).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD)
        )

    def __call__(self, image_B3HW: Tensor) -> Tensor:
        """Log densities (B, H / 4, W / 4) of what people look at in pictures (B, 3, H, W) in 0…1."""
        return self._said(image_B3HW, STILL, None)[0]

    def watched(self, image_B3HW: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Log densities of the next frame (B, 3, H, W) of B videos, and the state to hand on; None at their start."""
        return self._said(image_B3HW, VIDEO, state)

    @torch.inference_mode()
    def _said(self, image_B3HW: Tensor, domain: str, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        network = self.network
        network.enter(domain)
        with torch.autocast(image_B3HW.device.type, torch.bfloat16):
            levels = network.cnn((image_B3HW - self._mean) / self._std)
        # The decoder in float32: its scores are exponents, and bfloat16 has three digits.
        coarse, middle, fine = (level.float() for level in levels)
        priors = gaussian_maps(network.get_parameter(f"coarse_gaussians_{domain.lower()}"), coarse.shape[2:])
        x = network.post_cnn(torch.cat((coarse, priors.expand(len(coarse), -1, -1, -1)), 1))
        if domain != STILL:
            state = network.rnn(x, state)
            x = x + network.post_rnn(state)
        x = network.upsampling_2(torch.cat((_double(x), network.skip_2x(middle)), 1))
        x = network.post_upsampling_2(torch.cat((_double(x), network.skip_4x(fine)), 1))
        x = network.get_submodule(f"adaptation_{domain.lower()}")(x)
        # Not by the network's own smoothing, a kernel of 41 pixels at the picture's size: this one says the same of
        # cells of 8 pixels, in a sixtieth of the products.
        x = F.avg_pool2d(self._smoothing[domain](x), 4)
        return log_density(x[:, 0]), state


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class LiteTeacher(nn.Module):
    """EfficientNet-Lite with a light decoder, tuned on photographs; the names of its weights are those of the files.

    Args:
        size: 0 or 2.

    Raises:
        MissingPackageError: without the package efficientnet-lite-pytorch.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        with needed_by("the teacher efficientnet-lite"):
            from efficientnet_lite_pytorch import EfficientNet

        backbone = EfficientNet.from_name(f"efficientnet-lite{size}")
        del backbone._fc  # the classifier
        self.trunk = nn.Module()
        self.trunk.n = backbone
        taps = {0: (24, 40, 112), 2: (24, 48, 120)}[size]
        self._ends = {0: (2, 4, 10), 2: (3, 6, 14)}[size]  # the last blocks at 1/4, 1/8 and 1/16
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
        self.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a documented overload the stub lacks

    def start_from_imagenet(self, state: dict[str, Tensor]) -> None:
        """Take the backbone's weights as the Python packages of EfficientNet-Lite have them."""
        trunk = {key: value for key, value in state.items() if not key.startswith("_fc.")}
        self.trunk.get_submodule("n").load_state_dict(trunk)

    @classmethod
    def stored(cls, path: Path, size: int) -> LiteTeacher:
        """A teacher with the weights of a file.

        Raises:
            WeightsError: if they are missing, damaged or of another network.
        """
        lite, state = cls(size), read_state(path)
        counters = {key: value for key, value in lite.state_dict().items() if key.endswith("num_batches_tracked")}
        load_strictly(lite, {**counters, **state}, path)
        return lite

    def forward(self, image_B3HW: Tensor) -> Tensor:
        """(B, 3, H, W) in 0…1 → (B, 60, 80): it sees every picture at `LITE_HW`."""
        x = F.interpolate(image_B3HW, LITE_HW, mode="bilinear", align_corners=False, antialias=True)
        with torch.autocast(x.device.type, torch.bfloat16):
            levels = self._levels(x * (255 / 127.5) - 1)
        logits = self._decoded(*(level.float() for level in levels))
        centre = F.interpolate(self.cb, logits.shape[2:], mode="bilinear", align_corners=False)
        return log_density((logits + centre)[:, 0])

    def _levels(self, x: Tensor) -> list[Tensor]:
        n, found = self.trunk.get_submodule("n"), []
        swish = n.get_submodule("_swish")
        x = swish(n.get_submodule("_bn0")(n.get_submodule("_conv_stem")(x)))
        for index, block in enumerate(cast(nn.ModuleList, n.get_submodule("_blocks"))):
            x = block(x)
            if index in self._ends:
                found.append(x)
        return [*found, swish(n.get_submodule("_bn1")(n.get_submodule("_conv_head")(x)))]

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


class Teachers:
    """All networks that see the student's views, as a product.

    Args:
        teachers: sections of the recipe.
        device: where they compute.

    Raises:
        WeightsError: if weights are missing, damaged or of another network.
        MissingPackageError: if a network's package is missing.
    """

    def __init__(self, teachers: tuple[Teacher, ...], device: torch.device) -> None:
        self._networks = [(teacher, _opened(teacher, device)) for teacher in teachers]

    @torch.inference_mode()
    def log_map(self, image_B3HW: Tensor, domain: Domain) -> Tensor | float:
        """(B, h / 4, w / 4): the sum of exponent times log density; 0 without teachers."""
        total: Tensor | float = 0.0
        size_hw = (image_B3HW.shape[2] // 4, image_B3HW.shape[3] // 4)
        for teacher, network in self._networks:
            exponent = teacher.still if domain == "still" else teacher.video
            if exponent:
                total = total + exponent * resized(network(image_B3HW), size_hw)
        return total


def _opened(teacher: Teacher, device: torch.device) -> UnisalTeacher | LiteTeacher:
    if teacher.network == "unisal":
        return UnisalTeacher(teacher.weights, device)
    return LiteTeacher.stored(teacher.weights, int(teacher.network[-1])).to(device)
