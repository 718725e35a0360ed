"""VGG-16's convolutions: indices, sizes, and the numbers of the first block worked out by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import nn

from gfsalnet.models.published.vgg import caffe_input, vgg16_layers

CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
CHANNELS = dict(zip(CONVOLUTIONS, [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6, strict=True))
POOLS = (4, 9, 16, 23)


@pytest.fixture(scope="module")
def backbone() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(*vgg16_layers(last_pool=nn.MaxPool2d(2)))


def test_indices_are_torchvision_s(backbone: nn.Sequential) -> None:
    kinds = {index: type(layer) for index, layer in enumerate(backbone)}
    assert len(kinds) == 30
    for index, kind in kinds.items():
        expected = nn.Conv2d if index in CHANNELS else nn.MaxPool2d if index in POOLS else nn.ReLU
        assert kind is expected, index
    assert {index: backbone[index].out_channels for index in CHANNELS} == CHANNELS
    assert sum(p.numel() for p in backbone.parameters()) == 14_714_688


def test_only_the_last_pooling_can_be_another() -> None:
    with torch.device("meta"):
        backbone = nn.Sequential(*vgg16_layers(last_pool=nn.Identity()))
        x, sizes_hw = torch.empty(1, 3, 64, 96), []
        for index, layer in enumerate(backbone):
            x = layer(x)
            if index in POOLS:
                sizes_hw.append(tuple(x.shape[2:]))
    assert sizes_hw == [(32, 48), (16, 24), (8, 12), (8, 12)]
    assert x.shape == (1, 512, 8, 12)


@torch.inference_mode()
def test_first_block_by_hand(backbone: nn.Sequential) -> None:
    x = np.random.default_rng(0).normal(size=(3, 6, 8))
    maps = x
    for index in (0, 2):
        weight, bias = backbone[index].weight.double().numpy(), backbone[index].bias.double().numpy()
        maps = np.stack(
            [
                np.maximum(sum(correlate2d(m, w, mode="same") for m, w in zip(maps, kernels, strict=True)) + b, 0)
                for kernels, b in zip(weight, bias, strict=True)
            ]
        )
    pooled = maps.reshape(64, 3, 2, 4, 2).max(axis=(2, 4))
    ours = backbone[:5](torch.from_numpy(x).float()[None])
    np.testing.assert_allclose(ours[0].numpy(), pooled, atol=1e-5)
    assert pooled.max() > 0.1


def test_input_is_blue_first_without_the_means() -> None:
    rgb = np.zeros((2, 3, 3), np.uint8)
    rgb[1, 2] = (200, 100, 50)
    x = caffe_input(rgb)
    assert x.shape == (1, 3, 2, 3)
    assert x.dtype == torch.float32
    assert x[0, :, 1, 2].tolist() == pytest.approx([50 - 103.939, 100 - 116.779, 200 - 123.68], abs=1e-5)
    assert x[0, :, 0, 0].tolist() == pytest.approx([-103.939, -116.779, -123.68], abs=1e-5)
    assert caffe_input(rgb, (1, 2, 3))[0, :, 1, 2].tolist() == [49, 98, 197]
