"""A light appearance stream: MobileNetV2, the paper's attention, a multi-level path of inverted residuals, log maps.

The blocks of Sec. III in small. The backbone ends at 1/32; spatial attention weighs its places; the main branch narrows
it, seeing bell-shaped priors beside it; the multi-level path expands it twice and merges the finer levels on the way;
channel attention weighs what comes out at 1/8. Score and smoothing make a log density of it. The graph without the two
attentions is the static path of UNISAL (Droste, Jiao, Noble, ECCV 2020), so that its weights can start this one.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gfsalnet.network.attention import ChannelAttention, SpatialAttention
from gfsalnet.network.backbone import take_former_names
from gfsalnet.network.stream import StreamOutput

STRIDE = 8
"""Width in pixels of a cell of the scores."""
PRIORS, SMOOTHING = 16, 41
"""How many prior maps there are, and the side of the smoothing kernel in pixels."""
# Cells to each side that the smoothing sees: 20 pixels, rounded up to 3 cells.
_REACH_CELLS = -(-(SMOOTHING // 2) // STRIDE)


def pointwise(inputs: int, outputs: int) -> nn.Sequential:
    """1x1 convolution, batch-norm, ReLU6."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU6())


class InvertedResidual(nn.Module):
    """1x1 expand → 3x3 depthwise → 1x1 project, each normalised; added to its input where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, expand: int, stride: int = 1) -> None:
        super().__init__()
        wide = inputs * expand
        self.conv = nn.Sequential(
            *([] if expand == 1 else pointwise(inputs, wide)),
            *(nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.ReLU6()),
            *(nn.Conv2d(wide, outputs, 1, bias=False), nn.BatchNorm2d(outputs)),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, outputs, H / stride, W / stride)."""
        out: Tensor = self.conv(x_BCHW)
        return x_BCHW + out if self.adds else out


class EarlyTapMobileNetV2(nn.Module):
    """MobileNetV2 whose finer levels leave a block before it is subsampled, not after the one before it.

    A block with a tap runs at a stride of 1, and every other row and column of what comes out goes on. For the blocks
    that nothing else reads, a stride of 2 computes the same.
    """

    # (expansion, channels, blocks, stride); Table 2 of the MobileNetV2 paper but for the strides of the `taps`
    plan = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 1), (6, 96, 3, 1), (6, 160, 3, 1), (6, 320, 1, 1))
    taps = (7, 14)
    channels = (64, 160, 1280)
    # Of ImageNet's pixels, as in UNISAL, whose weights it starts from.
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6())
        layers: list[nn.Module] = [stem]
        inputs = 32
        for expand, outputs, blocks, first_stride in self.plan:
            for block in range(blocks):
                layers.append(InvertedResidual(inputs, outputs, expand, first_stride if block == 0 else 1))
                inputs = outputs
        layers.append(pointwise(inputs, 1280))
        self.features = nn.Sequential(*layers)

    def forward(self, image_B3HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised (B, 3, H, W), multiples of 32 → 64 channels at 1/8, 160 at 1/16 and 1280 at 1/32."""
        x, levels = image_B3HW, []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                levels.append(x)
                # The even rows and columns: those that a stride of 2 with this padding would have computed.
                x = x[..., ::2, ::2]
        return levels[0], levels[1], x


class Merge(nn.Module):
    """One step of the multi-level path: expand to the finer level's size, concatenate what is new in it, fuse.

    Args:
        inputs: channels that come from below.
        finer: channels of the finer level.
        skip: channels kept of it.
        outputs: channels of the result.
    """

    def __init__(self, inputs: int, finer: int, skip: int, outputs: int) -> None:
        super().__init__()
        # With a bias in spite of the batch-norm, and without an activation: as UNISAL's skip connections are.
        reduction = nn.Sequential(nn.Conv2d(2 * finer, skip, 1), nn.BatchNorm2d(skip))
        self.skip = nn.Sequential(OrderedDict(expansion=pointwise(finer, 2 * finer), reduction=reduction))
        self.fuse = InvertedResidual(inputs + skip, outputs, 2)

    def forward(self, x_BCHW: Tensor, finer_BCHW: Tensor) -> Tensor:
        """(B, inputs, H, W) and (B, finer, 2 H, 2 W) → (B, outputs, 2 H, 2 W)."""
        expanded = F.interpolate(x_BCHW, finer_BCHW.shape[-2:], mode="bilinear", align_corners=False)
        fused: Tensor = self.fuse(torch.cat((expanded, self.skip(finer_BCHW)), 1))
        return fused


class LightStream(nn.Module):
    """A picture → its log density. Sides of the input must be multiples of 32."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EarlyTapMobileNetV2()
        take_former_names(self)
        fine, middle, coarse = self.backbone.channels
        self.spatial_attention = SpatialAttention(coarse)
        self.priors = nn.Parameter(_first_priors())
        # 1280 + 16 channels at 1/32 → 256; merged with 1/16 → 128; merged with 1/8 → 64.
        self.main = InvertedResidual(coarse + PRIORS, 256, 1)
        self.merge2 = Merge(256, middle, 128, 128)
        self.merge1 = Merge(128, fine, 64, 64)
        self.channels = 64
        self.channel_attention = ChannelAttention(self.channels, "sigmoid")
        self.score = nn.Conv2d(self.channels, 1, 1)
        self.smoothing = Smoothing()
        self._start_open()
        self.register_buffer("mean", torch.tensor(self.backbone.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(self.backbone.std).view(3, 1, 1), persistent=False)

    def forward(self, image_B3HW: Tensor) -> StreamOutput:
        """(B, 3, H, W) in 0…1 → features at 1/8; scores (B, 1, H, W), a log density but for a constant."""
        fine, middle, coarse = self.backbone((image_B3HW - self.mean) / self.std)
        coarse = self.spatial_attention(coarse)
        priors = bells(self.priors, (coarse.shape[-2], coarse.shape[-1])).to(coarse.dtype)
        x = self.main(torch.cat((coarse, priors.expand(coarse.shape[0], -1, -1, -1)), 1))
        x = self.channel_attention(self.merge1(self.merge2(x, middle), fine))
        with torch.autocast(x.device.type, enabled=False):  # sums of logarithms want more digits than bfloat16 has
            return StreamOutput(x, self.smoothing(self.score(x.float())))

    def _start_open(self) -> None:
        """Attention that lets all through: sigmoids at one half, made good for behind them."""
        nn.init.zeros_(self.spatial_attention.conv.weight)
        nn.init.zeros_(self.channel_attention.excite.weight)
        for bias in (self.spatial_attention.conv.bias, self.channel_attention.excite.bias):
            assert bias is not None
            nn.init.zeros_(bias)
        make_up_for_attention(self)


@torch.no_grad()
def make_up_for_attention(stream: LightStream) -> None:
    """Double what follows each of the two attentions, which weigh with one half when they start."""
    first = stream.main.conv[0]
    assert isinstance(first, nn.Conv2d)
    # The backbone's channels alone: the priors behind them do not pass through the spatial attention.
    first.weight[: stream.backbone.channels[2]] *= 2
    stream.score.weight *= 2


def bells(places_N22: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """(N, H, W): bells of height 6 over a picture whose corners are 0 and 1.

    Args:
        places_N22: [:, 0] down and [:, 1] across; of each the centre and the logarithm of the standard deviation.
        size_hw: of the maps.
    """

    def along(places_N2: Tensor, length: int) -> Tensor:
        centre, log_std = places_N2[:, :1], places_N2[:, 1:]
        # By the last index, so that the corners are 0 and 1; by 1 where the map has one pixel.
        pixels = torch.arange(length, device=places_N2.device, dtype=places_N2.dtype)
        return torch.exp(-(((pixels / pixels.amax(0).clamp(min=1) - centre) / log_std.exp()) ** 2) / 2)

    down, across = along(places_N22[:, 0], size_hw[0]), along(places_N22[:, 1], size_hw[1])
    return 6 * down[:, :, None] * across[:, None, :]


class Smoothing(nn.Module):
    """Each cell becomes a square of `STRIDE` pixels, and these are smoothed; the picture's edge is continued.

    A patch of equal cells stays even whatever the kernel is: no mesh of cells can show.
    """

    def __init__(self) -> None:
        super().__init__()
        kernel = bells(torch.tensor([[[0.5, -2.0], [0.5, -2.0]]]), (SMOOTHING, SMOOTHING))[None]
        self.kernel = nn.Parameter(kernel / kernel.sum())

    def forward(self, cells_B1HW: Tensor) -> Tensor:
        """Scores (B, 1, H, W) → (B, 1, H · STRIDE, W · STRIDE)."""
        return smoothed(cells_B1HW, self.by_place())

    def by_place(self) -> Tensor:
        """(STRIDE², 1, K, K): what each pixel of a cell gets from the cells around it, the kernel summed by cell."""
        # With zeros around it the kernel spans 7 cells (41 + 2 · 4 + 7 = 56 pixels), its middle on pixel (y, x) of
        # the middle one. All pixels of a cell have one value, so their weights are summed.
        square = torch.ones(1, 1, STRIDE, STRIDE, device=self.kernel.device)
        margin = _REACH_CELLS * STRIDE - SMOOTHING // 2
        before, after = margin, margin + STRIDE - 1
        shifted = [
            F.pad(self.kernel, (before + x, after - x, before + y, after - y))
            for y, x in product(range(STRIDE), repeat=2)
        ]
        return F.conv2d(torch.cat(shifted), square, stride=STRIDE)


def smoothed(cells_B1HW: Tensor, kernels_P1KK: Tensor) -> Tensor:
    """`Smoothing` by kernels that are summed already."""
    # One convolution of cells with a channel per pixel instead of one of pixels with 41 x 41 weights.
    continued = F.pad(cells_B1HW, [_REACH_CELLS] * 4, mode="replicate")
    return F.pixel_shuffle(F.conv2d(continued, kernels_P1KK), STRIDE)


def _first_priors() -> Tensor:
    """(16, 2, 2): nine spots, three bands down, three across, one blob."""
    spots = [((y, -1.5), (x, -1.5)) for y, x in product((0.25, 0.5, 0.75), repeat=2)]
    down = [((0.5, 0.0), (x, -1.5)) for x in (0.25, 0.5, 0.75)]
    across = [((y, -1.5), (0.5, 0.0)) for y in (0.25, 0.5, 0.75)]
    return torch.tensor([*spots, *down, *across, ((0.5, 0.0), (0.5, 0.0))])
