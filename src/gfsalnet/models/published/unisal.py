"""UNISAL: one small network for images and videos of four datasets.

Droste, Jiao and Noble, "Unified Image and Video Saliency Modeling", ECCV 2020. A MobileNetV2 backbone, Gaussian priors,
a recurrence that still images bypass, a decoder with two skip connections. Batch-norms of recurrence and decoder,
priors, last convolution and smoothing exist once for each dataset it was trained on (Sec. 3); the rest is shared.

As published and as their program does it: the network, the resampling of frames (Pillow's Lanczos, bit for bit), the
sizes, every fifth frame for the recurrence, a softmax over the pixels of the frame, so maps come at the frame's size.
A video is seen as DHF1K, a still image (a shot of one frame) as SALICON, which is what their program does unless told
otherwise. Ours: the recurrence also forgets at a shot cut, and maps are not rounded to 8 bits. Dropout, which only
training needs, is left out.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice, product
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gfsalnet.models.classical.base import FloatArray
from gfsalnet.models.published.base import IMAGENET_MEAN, IMAGENET_STD, FrameAndFlow, Official, PublishedModel
from gfsalnet.models.published.resampling import pillow_lanczos
from gfsalnet.types import RGB

DOMAINS = ("DHF1K", "Hollywood", "UCFSports", "SALICON")
"""The datasets, under their names in the weights."""
VIDEO, STILL = "DHF1K", "SALICON"
"""What videos and still images are seen as."""
FRAME_STEP = 5
"""A frame's recurrent state comes from so many frames before: the rate at which DHF1K was sampled."""
DHF1K_FRAME_HW, DHF1K_INPUT_HW = (360, 640), (224, 384)
"""A video of the one size is brought to the other; all other frames go by `nearest_input_hw`."""
GAUSSIANS, SMOOTHING = 16, 41
"""How many prior maps there are, and the side of the smoothing kernel."""

Norm = Callable[[int], nn.Module]
"""Given a number of channels, makes what normalises them."""


class DomainNorm(nn.Module):
    """A batch-norm for each dataset, of which `domain` names the one in use (Sec. 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for domain in DOMAINS:
            self.add_module(f"bn_{domain}", nn.BatchNorm2d(channels, momentum=0.1 if domain == STILL else 0.01))
        self.domain = VIDEO

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W), normalised."""
        normalised: Tensor = self.get_submodule(f"bn_{self.domain}")(x)
        return normalised


def _named(**modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(modules))


def _pointwise(inputs: int, outputs: int, norm: Norm) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), norm(outputs), nn.ReLU6())


class InvertedResidual(nn.Module):
    """1x1 expand → 3x3 depthwise → 1x1 project, added to its input where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, expand: int, stride: int = 1, norm: Norm = nn.BatchNorm2d) -> None:
        super().__init__()
        wide = inputs * expand
        self.conv = nn.Sequential(
            *([] if expand == 1 else _pointwise(inputs, wide, norm)),
            *(nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), norm(wide), nn.ReLU6()),
            *(nn.Conv2d(wide, outputs, 1, bias=False), norm(outputs)),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, outputs, H / stride, W / stride)."""
        out: Tensor = self.conv(x)
        return x + out if self.adds else out


class MobileNetV2(nn.Module):
    """The backbone, whose skip connections leave a block before it is subsampled, not after the one before.

    The official program runs every block with a stride of 2 at a stride of 1 and drops every other row and column of
    what comes out. For the blocks that nothing else reads, a stride of 2 computes the same.
    """

    # (expansion, channels, blocks, stride); Table 2 of the MobileNetV2 paper but for the strides of the `taps`
    plan = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 1), (6, 96, 3, 1), (6, 160, 3, 1), (6, 320, 1, 1))
    taps = (7, 14)

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6())
        layers: list[nn.Module] = [stem]
        inputs = 32
        for expand, outputs, blocks, first_stride in self.plan:
            for block in range(blocks):
                layers.append(InvertedResidual(inputs, outputs, expand, first_stride if block == 0 else 1))
                inputs = outputs
        layers.append(_pointwise(inputs, 1280, nn.BatchNorm2d))
        self.features = nn.Sequential(*layers)

    def forward(self, image_B3HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised (B, 3, H, W), multiples of 32 → 1280 channels at 1/32, 160 at 1/16 and 64 at 1/8."""
        x, skips = image_B3HW, []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                skips.append(x)
                x = x[..., ::2, ::2]
        return x, skips[1], skips[0]


class MobileConv(nn.Module):
    """3x3 depthwise → 1x1: what stands for each matrix of the recurrence. Keeps (B, channels, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.sep_bn = DomainNorm(channels)
        self.conv_sep = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) → the same shape."""
        out: Tensor = self.conv_sep(F.relu6(self.sep_bn(self.conv_dw(x))))
        return out


class GRUCell(nn.Module):
    """A gated recurrent unit over maps, each of its six products normalised and scaled by channel."""

    drop_mask_1: Tensor
    """(3, channels): what the last training sequence dropped; it is in the official file, nothing reads it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.w_r, self.w_z, self.w = (MobileConv(channels) for _ in range(3))
        self.u_r, self.u_z, self.u = (MobileConv(channels) for _ in range(3))
        self.norm_r_x, self.norm_z_x, self.norm_out_x = (DomainNorm(channels) for _ in range(3))
        self.norm_r_h, self.norm_z_h, self.norm_out_h = (DomainNorm(channels) for _ in range(3))
        self.a_r_x, self.a_z_x, self.a_h_x = (nn.Parameter(torch.ones(channels, 1, 1)) for _ in range(3))
        self.a_r_h, self.a_z_h, self.a_h_h = (nn.Parameter(torch.ones(channels, 1, 1)) for _ in range(3))
        self.b_r, self.b_z, self.b_h = (nn.Parameter(torch.zeros(channels, 1, 1)) for _ in range(3))
        self.register_buffer("drop_mask_1", torch.ones(3, channels))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """(B, channels, H, W): the input and the state before → the new state."""
        r = torch.sigmoid(self.a_r_x * self.norm_r_x(self.w_r(x)) + self.a_r_h * self.norm_r_h(self.u_r(h)) + self.b_r)
        z = torch.sigmoid(self.a_z_x * self.norm_z_x(self.w_z(x)) + self.a_z_h * self.norm_z_h(self.u_z(h)) + self.b_z)
        kept = r * (self.a_h_h * self.norm_out_h(self.u(h)))
        new = torch.tanh(self.a_h_x * self.norm_out_x(self.w(x)) + kept + self.b_h)
        return (1 - z) * h + z * new


class ConvGRU(nn.Module):
    """One cell, under its official name."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cell_list = nn.ModuleList([GRUCell(channels)])

    def forward(self, x: Tensor, h: Tensor | None) -> Tensor:
        """(B, channels, H, W) and the state before, None at the start → the new state."""
        state: Tensor = self.cell_list[0](x, torch.zeros_like(x) if h is None else h)
        return state


class UNISALNetwork(nn.Module):
    """The whole network; parameter names are the official ones."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = MobileNetV2()
        self.post_cnn = _named(
            inv_res=InvertedResidual(1280 + GAUSSIANS, 256, 1, norm=partial(nn.BatchNorm2d, momentum=0.01))
        )
        self.rnn = ConvGRU(256)
        self.post_rnn = _pointwise(256, 256, DomainNorm)
        self.skip_2x = _skip(160, 128)
        self.upsampling_2 = _named(inv_res=InvertedResidual(256 + 128, 128, 2, norm=DomainNorm))
        self.skip_4x = _skip(64, 64)
        self.post_upsampling_2 = _named(inv_res=InvertedResidual(128 + 64, 64, 2, norm=DomainNorm))
        for domain in DOMAINS:
            name = domain.lower()
            self.register_parameter(f"coarse_gaussians_{name}", nn.Parameter(_first_gaussians()))
            self.add_module(f"adaptation_{name}", nn.Sequential(nn.Conv2d(64, 1, 1)))
            self.add_module(f"smoothing_{name}", _first_smoothing())

    def forward(
        self, image_B3HW: Tensor, size_hw: tuple[int, int], domain: str, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Predict a picture, after others or alone.

        Args:
            image_B3HW: normalised, sides are multiples of 32.
            size_hw: of the map.
            domain: one of `DOMAINS`. With `STILL` the recurrence is bypassed.
            state: (B, 256, H/32, W/32) from the picture before; None at the start.

        Returns:
            (B, 1, h, w), the logarithm of a density that sums to 1, and the state; None for a still image.
        """
        self.enter(domain)
        coarse, middle, fine = self.cnn(image_B3HW)
        priors = gaussian_maps(self.get_parameter(f"coarse_gaussians_{domain.lower()}"), coarse.shape[2:])
        x = self.post_cnn(torch.cat((coarse, priors.expand(len(coarse), -1, -1, -1)), 1))
        if domain != STILL:
            state = self.rnn(x, state)
            x = x + self.post_rnn(state)
        x = self.upsampling_2(torch.cat((_double(x), self.skip_2x(middle)), 1))
        x = self.post_upsampling_2(torch.cat((_double(x), self.skip_4x(fine)), 1))
        x = self.get_submodule(f"adaptation_{domain.lower()}")(x)
        x = F.interpolate(x, image_B3HW.shape[2:], mode="nearest")
        # The edge is continued, or smoothing would darken it.
        x = self.get_submodule(f"smoothing_{domain.lower()}")(F.pad(x, [SMOOTHING // 2] * 4, mode="replicate"))
        x = F.interpolate(x, size_hw, mode="bilinear", align_corners=False)
        return F.log_softmax(x.flatten(1), 1).view_as(x), state

    def enter(self, domain: str) -> None:
        """Use the batch-norms of one of `DOMAINS` from here on."""
        for module in self.modules():
            if isinstance(module, DomainNorm):
                module.domain = domain


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _skip(inputs: int, outputs: int) -> nn.Sequential:
    reduction = nn.Sequential(nn.Conv2d(2 * inputs, outputs, 1), DomainNorm(outputs))
    return _named(expansion=_pointwise(inputs, 2 * inputs, DomainNorm), reduction=reduction)


def gaussian_maps(gaussians_N22: Tensor, size_hw: tuple[int, int] | torch.Size) -> Tensor:
    """(N, H, W): bells of height 6 over a picture whose corners are 0 and 1 (Sec. 3).

    Args:
        gaussians_N22: [:, 0] down and [:, 1] across; of each the centre and the logarithm of the standard deviation.
        size_hw: of the maps.
    """

    def bells(places_N2: Tensor, length: int) -> Tensor:
        centre, log_std = places_N2[:, :1], places_N2[:, 1:]
        along = torch.linspace(0, 1, length, device=places_N2.device)
        return torch.exp(-(((along - centre) / log_std.exp()) ** 2) / 2)

    down, across = bells(gaussians_N22[:, 0], size_hw[0]), bells(gaussians_N22[:, 1], size_hw[1])
    return 6 * down[:, :, None] * across[:, None, :]


def _first_gaussians() -> Tensor:
    """(16, 2, 2): nine spots, three bands down, three across, one blob."""
    spots = [((y, -1.5), (x, -1.5)) for y, x in product((0.25, 0.5, 0.75), repeat=2)]
    down = [((0.5, 0.0), (x, -1.5)) for x in (0.25, 0.5, 0.75)]
    across = [((y, -1.5), (0.5, 0.0)) for y in (0.25, 0.5, 0.75)]
    return torch.tensor([*spots, *down, *across, ((0.5, 0.0), (0.5, 0.0))])


def _first_smoothing() -> nn.Conv2d:
    smoothing = nn.Conv2d(1, 1, SMOOTHING, bias=False)
    kernel = gaussian_maps(torch.tensor([[[0.5, -2.0], [0.5, -2.0]]]), (SMOOTHING, SMOOTHING))
    smoothing.weight.data[0] = kernel / kernel.sum()
    return smoothing


class UNISAL(PublishedModel):
    """Unified image and video saliency; fast and small."""

    name = "unisal"
    input_size_hw = DHF1K_INPUT_HW
    reach_frames = math.inf  # every fifth, back to the cut
    lookahead_frames = 1  # whether there is a second frame makes the first a video or a still image

    @classmethod
    def make_network(cls) -> nn.Module:
        """The network, randomly initialised; priors and smoothing start as published."""
        return UNISALNetwork()

    @classmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        """The names are the same."""
        return dict(official)

    def predict_shot(self, pictures: Iterator[FrameAndFlow]) -> Iterator[FloatArray]:
        """Densities at the frame's size; five sequences take turns, of every fifth frame each."""
        # Two frames tell a video from a still image, which is seen as another dataset.
        first = list(islice(pictures, 2))
        if len(first) == 1:
            yield self._density(first[0][0], STILL, None)[0]
            return
        # One state for each of the five sequences; a turn takes the oldest and puts back the new one.
        states: deque[Tensor | None] = deque([None] * FRAME_STEP)
        for rgb, _ in chain(first, pictures):
            density, state = self._density(rgb, VIDEO, states.popleft())
            states.append(state)
            yield density

    def _density(self, rgb: RGB, domain: str, state: Tensor | None) -> tuple[FloatArray, Tensor | None]:
        frame_hw = (rgb.shape[0], rgb.shape[1])
        # The program has a size of its own for the frames of DHF1K, whose aspect the rule for others would change.
        is_dhf1k = domain == VIDEO and frame_hw == DHF1K_FRAME_HW
        pixels = pillow_lanczos(rgb, DHF1K_INPUT_HW if is_dhf1k else nearest_input_hw(frame_hw))
        image = torch.from_numpy(pixels).to(self.device).permute(2, 0, 1)[None] / 255
        mean, std = (image.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
        log_density, state = self.network((image - mean) / std, frame_hw, domain, state)
        # In float64, in which tens of thousands of small numbers still sum to 1.
        return log_density[0, 0].cpu().double().exp().numpy(), state


def nearest_input_hw(frame_hw: tuple[int, int]) -> tuple[int, int]:
    """The size of 100 to 120 squares of 32 pixels whose aspect comes nearest to the frame's.

    >>> nearest_input_hw((480, 640)), nearest_input_hw((720, 1280)), nearest_input_hw((1920, 1080))
    ((288, 384), (256, 416), (416, 256))
    """
    aspect = frame_hw[0] / frame_hw[1]
    sizes = [(rows, columns) for rows, columns in product(range(7, 14), repeat=2) if 100 <= rows * columns <= 120]

    def likeness(size: tuple[int, int]) -> float:
        other = size[0] / size[1]
        return min(aspect, other) / max(aspect, other)

    rows, columns = max(sizes, key=likeness)
    return rows * 32, columns * 32
