"""The network as it is run: the same maps with fewer steps, for inference alone."""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gfsalnet.network.backbone import Levels
from gfsalnet.network.gfsalnet import GFSalNet
from gfsalnet.network.light import LightStream, Merge, Smoothing, smoothed
from gfsalnet.network.multilevel import MultiLevelInformation
from gfsalnet.network.stream import Stream


@torch.no_grad()
def folded(network: GFSalNet) -> GFSalNet:
    """A copy in evaluation mode that says the same but for rounding, and cannot be trained or saved.

    Batch-norms and the scale of the normalisation go into the convolutions beside them. (The mean does not: the zeros
    that pad a convolution would stand for another colour.) The merges of the multi-level block convolve before they
    expand, and transposed convolutions become convolutions.
    """
    network = copy.deepcopy(network).eval()
    for stream in (network.appearance, network.motion):
        if stream is not None:
            _fold(stream)
    return network


def _fold(stream: Stream | LightStream) -> None:
    # First of all: what follows moves convolutions past expansions, and must take the batch-norms' scale along.
    _fold_batch_norms(stream)
    # Modules come in the order of their definition: the first convolution is the one that sees the picture.
    first = next(module for module in stream.backbone.modules() if isinstance(module, nn.Conv2d))
    first.weight /= stream.std
    # The stream still divides by it.
    stream.std.fill_(1)
    if isinstance(stream, LightStream):
        stream.merge2, stream.merge1 = EarlyFuse(stream.merge2), EarlyFuse(stream.merge1)  # type: ignore[assignment]  # they say the same
        stream.smoothing = FixedSmoothing(stream.smoothing)  # type: ignore[assignment]  # likewise
        return
    if isinstance(stream.multilevel, MultiLevelInformation):
        stream.multilevel = EarlyMerges(stream.multilevel)
    # A list, since children are replaced on the way.
    for parent in list(stream.modules()):
        for name, module in parent.named_children():
            if isinstance(module, nn.ConvTranspose2d):
                setattr(parent, name, PhaseConvolution(module))


def _fold_batch_norms(backbone: nn.Module) -> None:
    for parent in backbone.modules():
        for (conv_name, conv), (norm_name, norm) in pairwise(list(parent.named_children())):
            # In every block here a batch-norm is defined right behind the convolution that it normalises.
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, conv_name, fuse_conv_bn_eval(conv, norm))
                # In its place and not removed: the numbers of a Sequential are parts of names.
                setattr(parent, norm_name, nn.Identity())


@torch.no_grad()
def absorb_batch_norms(network: nn.Module) -> None:
    """In place, for weights that are trained: kernels take the scale of the batch-norms behind them.

    What is left of a batch-norm is an offset. Kernels in 16 bits then are also those of the folded network's graph.
    """
    for parent in network.modules():
        for (_, conv), (_, norm) in pairwise(list(parent.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                fused = fuse_conv_bn_eval(conv.eval(), norm.eval())
                assert fused.bias is not None
                # The offset goes to the convolution if that has a bias, and else stays with the batch-norm.
                norm.bias.copy_(fused.bias if conv.bias is None else torch.zeros_like(fused.bias))
                conv.weight.copy_(fused.weight)
                if conv.bias is not None:
                    conv.bias.copy_(fused.bias)
                norm.weight.fill_(1)
                assert norm.running_mean is not None
                assert norm.running_var is not None
                norm.running_mean.zero_()
                # It divides by sqrt(variance + eps), which is to be 1.
                norm.running_var.fill_(1 - norm.eps)


class EarlyMerges(nn.Module):
    """`MultiLevelInformation` with its 1x1 convolutions before the expansion and the concatenation.

    Both are linear and the weights of a bilinear expansion sum to 1, so the order does not matter; it is less work, as
    a level is convolved at its own size.
    """

    def __init__(self, block: MultiLevelInformation) -> None:
        super().__init__()
        self.coarse, self.fine = nn.ModuleList(), nn.ModuleList()
        # What comes from below: first the channels of level 4, then those of the merge before.
        inputs = block.merge3.in_channels - block.level_channels[2]
        for merge in (block.merge3, block.merge2, block.merge1):
            coarse, fine = _split(merge, inputs)
            self.coarse.append(coarse)
            self.fine.append(fine)
            inputs = merge.out_channels
        self.activation = block.activation

    def forward(self, levels: Levels) -> Tensor:
        """The same maps as `MultiLevelInformation.forward`, but for rounding."""
        level1, level2, level3, x = levels
        for coarse, fine, level in zip(self.coarse, self.fine, (level3, level2, level1), strict=True):
            expanded = F.interpolate(coarse(x), level.shape[-2:], mode="bilinear", align_corners=False)
            x = self.activation(expanded + fine(level))
        return x


class EarlyFuse(nn.Module):
    """`Merge` whose first convolution sees what comes from below before that is expanded, as in `EarlyMerges`."""

    def __init__(self, merge: Merge) -> None:
        super().__init__()
        self.skip = merge.skip
        # Linear from here to the first ReLU6 only because the batch-norm between is folded already.
        expansion, *rest = merge.fuse.conv
        assert isinstance(expansion, nn.Conv2d)
        kept = merge.skip.get_submodule("reduction.0")
        assert isinstance(kept, nn.Conv2d)
        self.coarse, self.fine = _split(expansion, expansion.in_channels - kept.out_channels)
        self.rest = nn.Sequential(*rest)

    def forward(self, x_BCHW: Tensor, finer_BCHW: Tensor) -> Tensor:
        """The same maps as `Merge.forward`, but for rounding."""
        expanded = F.interpolate(self.coarse(x_BCHW), finer_BCHW.shape[-2:], mode="bilinear", align_corners=False)
        fused: Tensor = self.rest(expanded + self.fine(self.skip(finer_BCHW)))
        return fused


class FixedSmoothing(nn.Module):
    """`Smoothing` with its kernels summed once."""

    kernels: Tensor

    def __init__(self, smoothing: Smoothing) -> None:
        super().__init__()
        # A constant of the exported graph, so that no engine sums the kernels for every picture.
        self.register_buffer("kernels", smoothing.by_place())

    def forward(self, cells_B1HW: Tensor) -> Tensor:
        """The same maps as `Smoothing.forward`."""
        return smoothed(cells_B1HW, self.kernels)


def _split(conv: nn.Conv2d, inputs: int) -> tuple[nn.Conv2d, nn.Conv2d]:
    """Two 1x1 convolutions that sum up to this one: of its first `inputs` channels, and of the others with the bias."""
    first = nn.Conv2d(inputs, conv.out_channels, 1, bias=False)
    rest = nn.Conv2d(conv.in_channels - inputs, conv.out_channels, 1)
    first.weight = nn.Parameter(conv.weight[:, :inputs].clone())
    rest.weight = nn.Parameter(conv.weight[:, inputs:].clone())
    rest.bias = conv.bias
    return first, rest


class PhaseConvolution(nn.Module):
    """A transposed convolution as a convolution whose channels are the pixels between two inputs.

    With stride s an output row i · s + r sees only the rows r, r + s, … of the kernel: s · s small kernels, each for
    one place r, and a pixel shuffle. Transposed convolutions of few output channels are slow in PyTorch and OpenVINO,
    and in 8 bits all of them are.

    Args:
        deconv: with square kernel, stride and padding, and no output padding.
    """

    def __init__(self, deconv: nn.ConvTranspose2d) -> None:
        super().__init__()
        kernel, stride, padding = (int(both[0]) for both in (deconv.kernel_size, deconv.stride, deconv.padding))
        # Rounded up: a kernel that the stride does not divide gets rows of zeros, so that every place has as many taps.
        taps = -(-kernel // stride)
        missing = taps * stride - kernel
        weight_ioHW = F.pad(deconv.weight, (0, missing, 0, missing))
        inputs, outputs = weight_ioHW.shape[:2]
        # Row k is tap k // s of place k % s; flipped, as a transposed convolution goes through its kernel backwards.
        by_place = weight_ioHW.view(inputs, outputs, taps, stride, taps, stride).flip(2, 4)
        self.conv = nn.Conv2d(inputs, outputs * stride**2, taps, padding=taps - 1 - padding // stride)
        # (inputs, outputs, taps, s, taps, s) → (outputs · s², inputs, taps, taps), as a pixel shuffle takes it apart.
        self.conv.weight = nn.Parameter(by_place.permute(1, 3, 5, 0, 2, 4).flatten(0, 2))
        assert deconv.bias is not None
        self.conv.bias = nn.Parameter(deconv.bias.repeat_interleave(stride**2))
        # Whole strides of the padding are left out by the convolution, what remains is cut from its result.
        self.stride, self.cut = stride, padding % stride
        self.missing = missing

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) → what the transposed convolution gives."""
        whole = F.pixel_shuffle(self.conv(x_BCHW), self.stride)
        height, width = whole.shape[-2:]
        return whole[..., self.cut : height - self.cut - self.missing, self.cut : width - self.cut - self.missing]
