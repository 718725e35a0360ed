"""S3D: its blocks against loops, its wiring against the table of the paper, its shapes at the models' size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage, signal
from torch import Tensor, nn

from gfsalnet.models.published.s3d import S3D, BasicConv, Mixed, SepConv

Array = np.ndarray


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    """In float64, every parameter and statistic drawn, so that none can be mistaken for another."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, value in module.state_dict().items():
        drawn = torch.randn(value.shape, generator=generator, dtype=torch.float64)
        if value.ndim > 1:
            drawn *= (2 / value[0].numel()) ** 0.5
        elif name.endswith("running_var"):
            drawn = 0.5 + drawn.abs()
        elif name.endswith("weight"):
            drawn = 1 + 0.1 * drawn
        state[name] = value if name.endswith("num_batches_tracked") else drawn
    module = module.double().eval()
    module.load_state_dict(state)
    return module


def normed(x_CTHW: Array, bn: nn.BatchNorm3d) -> Array:
    mean, var, gain, shift = (
        values.detach().numpy()[:, None, None, None] for values in (bn.running_mean, bn.running_var, bn.weight, bn.bias)
    )
    return np.maximum((x_CTHW - mean) / np.sqrt(var + 1e-3) * gain + shift, 0)


def separable(block: SepConv, x_CTHW: Array) -> Array:
    """Space frame by frame, then time pixel by pixel."""
    kernels_s = block.conv_s.weight.detach().numpy()[:, :, 0]
    kernels_t = block.conv_t.weight.detach().numpy()[..., 0, 0]
    pad, stride = kernels_s.shape[-1] // 2, block.conv_s.stride[1]
    padded = np.pad(x_CTHW, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    space = np.array(
        [
            [sum(signal.correlate(x, k, "valid") for x, k in zip(frame, kernel, strict=True)) for kernel in kernels_s]
            for frame in padded.swapaxes(0, 1)
        ]
    ).swapaxes(0, 1)[..., ::stride, ::stride]
    space = normed(space, block.bn_s)
    padded = np.pad(space, ((0, 0), (pad, pad), (0, 0), (0, 0)))
    steps = range(0, x_CTHW.shape[1], block.conv_t.stride[0])
    width = kernels_t.shape[-1]
    time = np.array([np.einsum("oik,ikhw->ohw", kernels_t, padded[:, at : at + width]) for at in steps])
    return normed(time.swapaxes(0, 1), block.bn_t)


def pointwise(block: BasicConv, x_CTHW: Array) -> Array:
    return normed(np.einsum("oi,ithw->othw", block.conv.weight.detach().numpy()[..., 0, 0, 0], x_CTHW), block.bn)


@pytest.mark.parametrize(("kernel", "stride", "size"), [(3, 1, (4, 5, 6)), (7, 2, (8, 8, 10)), (3, 2, (6, 4, 4))])
def test_separable_convolution_by_hand(kernel: int, stride: int, size: tuple[int, int, int]) -> None:
    block = randomised(SepConv(2, 3, kernel, stride))
    x = np.random.default_rng(1).normal(size=(2, *size))
    found = block(torch.from_numpy(x)[None])[0].detach().numpy()
    assert found.shape == (3, *(length // stride for length in size))
    assert np.allclose(found, separable(block, x))


def test_inception_block_by_hand() -> None:
    block = randomised(Mixed(3, 2, (4, 5), (2, 3), 6))
    x = np.random.default_rng(2).normal(size=(3, 4, 5, 6))
    pooled = ndimage.maximum_filter(x, size=(1, 3, 3, 3), mode="constant", cval=-np.inf)
    expected = [
        pointwise(block.branch0[0], x),
        separable(block.branch1[1], pointwise(block.branch1[0], x)),
        separable(block.branch2[1], pointwise(block.branch2[0], x)),
        pointwise(block.branch3[1], pooled),
    ]
    found = block(torch.from_numpy(x)[None])[0].detach().numpy()
    assert found.shape[0] == 2 + 5 + 3 + 6
    assert np.allclose(found, np.concatenate(expected))


class Wiring:
    """The encoder once more, from the names of a state and nothing else."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = state

    def conv(self, x: Tensor, conv: str, bn: str, stride: tuple[int, int, int] = (1, 1, 1)) -> Tensor:
        weight = self.state[f"{conv}.weight"]
        x = F.conv3d(x, weight, stride=stride, padding=tuple(side // 2 for side in weight.shape[2:]))
        mean, var, gain, shift = (
            self.state[f"{bn}.{kind}"][:, None, None, None]
            for kind in ("running_mean", "running_var", "weight", "bias")
        )
        return (((x - mean) * (var + 0.001) ** -0.5) * gain + shift).clamp(min=0)

    def separable(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        x = self.conv(x, f"{name}.conv_s", f"{name}.bn_s", (1, stride, stride))
        return self.conv(x, f"{name}.conv_t", f"{name}.bn_t", (stride, 1, 1))

    def mixed(self, x: Tensor, name: str) -> Tensor:
        def point(x: Tensor, at: str) -> Tensor:
            return self.conv(x, f"{name}.{at}.conv", f"{name}.{at}.bn")

        branches = [
            point(x, "branch0.0"),
            self.separable(point(x, "branch1.0"), f"{name}.branch1.1"),
            self.separable(point(x, "branch2.0"), f"{name}.branch2.1"),
            point(pooled(x, (3, 3, 3), (1, 1, 1)), "branch3.1"),
        ]
        return torch.cat(branches, 1)

    def levels(self, x: Tensor) -> list[Tensor]:
        x = pooled(self.separable(x, "base1.0", 2), (1, 3, 3), (1, 2, 2))
        levels = [self.separable(self.conv(x, "base1.2.conv", "base1.2.bn"), "base1.3")]
        x = pooled(levels[0], (1, 3, 3), (1, 2, 2))
        levels.append(self.mixed(self.mixed(x, "base2.0"), "base2.1"))
        x = pooled(levels[1], (3, 3, 3), (2, 2, 2))
        for number in range(5):
            x = self.mixed(x, f"base3.{number}")
        levels.append(x)
        x = pooled(pooled(x, (2, 1, 1), (2, 1, 1)), (1, 2, 2), (1, 2, 2))
        return [*levels, self.mixed(self.mixed(x, "base4.0"), "base4.1")]


def pooled(x: Tensor, sides: tuple[int, int, int], strides: tuple[int, int, int]) -> Tensor:
    """The maxima of windows; odd sides reach beyond the edges by half."""
    pads = [pad for side in reversed(sides) for pad in ([side // 2] * 2 if side % 2 else [0, 0])]
    x = F.pad(x, pads, value=-torch.inf)
    for dim, (side, stride) in enumerate(zip(sides, strides, strict=True), 2):
        x = x.unfold(dim, side, stride).amax(-1)
    return x


@pytest.mark.slow
def test_the_whole_encoder_is_wired_as_named() -> None:
    net = randomised(S3D())
    clip = torch.from_numpy(np.random.default_rng(3).normal(size=(1, 3, 16, 32, 64)))
    with torch.inference_mode():
        found = net.encode(clip)
        expected = Wiring(net.state_dict()).levels(clip)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.std() > 1e-3
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-11)


def test_shapes_at_the_size_of_the_models() -> None:
    with torch.device("meta"):
        levels = S3D().encode(torch.empty(1, 3, 32, 224, 384))
    assert [tuple(level.shape[1:]) for level in levels] == [
        (192, 16, 56, 96),
        (480, 16, 28, 48),
        (832, 8, 14, 24),
        (1024, 4, 7, 12),
    ]


def test_channels_of_every_block() -> None:
    """The widths of the branches, as the paper tabulates them for its Inception."""
    net = S3D()
    widths = [
        [
            block.branch0[0].conv.out_channels,
            *(part.out_channels for part in (block.branch1[0].conv, block.branch1[1].conv_t)),
            *(part.out_channels for part in (block.branch2[0].conv, block.branch2[1].conv_t)),
            block.branch3[1].conv.out_channels,
        ]
        for block in (*net.base2, *net.base3, *net.base4)
    ]
    assert widths == [
        [64, 96, 128, 16, 32, 32],
        [128, 128, 192, 32, 96, 64],
        [192, 96, 208, 16, 48, 64],
        [160, 112, 224, 24, 64, 64],
        [128, 128, 256, 24, 64, 64],
        [112, 144, 288, 32, 64, 64],
        [256, 160, 320, 32, 128, 128],
        [256, 160, 320, 32, 128, 128],
        [384, 192, 384, 48, 128, 128],
    ]


def test_batch_norms_and_convolutions_are_the_official_ones() -> None:
    modules = list(S3D().modules())
    norms = [module for module in modules if isinstance(module, nn.BatchNorm3d)]
    convolutions = [module for module in modules if isinstance(module, nn.Conv3d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 1e-3)}
    assert all(convolution.bias is None for convolution in convolutions)
    assert len(norms) == len(convolutions) == 2 + 1 + 2 + 9 * 8
