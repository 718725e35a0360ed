from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from gfsalnet.network import GFSalNet, mobile
from gfsalnet.network.config import NetworkConfig, paper
from gfsalnet.network.folding import PhaseConvolution, folded


def trained_like(network: GFSalNet) -> GFSalNet:
    """Batch-norms with statistics of their own: those of a new network would hide a wrong fold."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values, low in ((module.running_mean, -0.2), (module.running_var, 0.5), (module.weight, 0.5)):
                with torch.no_grad():
                    values.copy_(low + torch.rand(values.shape, generator=generator))
    return network.eval()


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        pytest.param(paper(), marks=pytest.mark.slow),
        replace(paper(), streams="appearance"),  # half of it
        mobile(),
        mobile("appearance"),
        replace(mobile(), final="relu", fusion="convolution", spatial_attention=False, channel_attention=False),
        pytest.param(replace(paper(), multilevel=False, streams="appearance"), marks=pytest.mark.slow),
        replace(mobile("appearance"), multilevel=False),
    ],
    ids=["paper", "paper appearance", "mobile", "appearance", "ablation", "paper single level", "single level"],
)
def test_a_folded_network_says_the_same(config: NetworkConfig) -> None:
    torch.manual_seed(0)
    network = trained_like(GFSalNet(config))
    rgb, flow_image = torch.rand(2, 2, 3, 64, 96, dtype=torch.float64)
    pictures = {"rgb_B3HW": rgb} if config.streams == "appearance" else {"rgb_B3HW": rgb, "flow_image_B3HW": flow_image}
    with torch.inference_mode():
        before = network.double()(**pictures)
        after = folded(network)(**pictures)
    for name, expected, found in zip(before._fields, before, after, strict=True):
        assert (expected is None) == (found is None)
        if expected is not None:
            assert torch.allclose(found, expected, rtol=1e-6, atol=1e-9), name


def test_nothing_slow_is_left_and_the_network_is_as_it_was() -> None:
    network = GFSalNet(replace(paper(), streams="appearance")).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    kinds = {type(module) for module in folded(network).modules()}
    assert not kinds & {nn.BatchNorm2d, nn.ConvTranspose2d}
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert float(network.appearance.std[0]) == pytest.approx(0.229)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(3, 1, 1), (4, 2, 1), (8, 4, 2), (8, 4, 0), (5, 2, 2), (3, 2, 0), (2, 2, 0), (7, 3, 4), (5, 1, 0)],
)
def test_a_transposed_convolution_as_a_convolution(kernel: int, stride: int, padding: int) -> None:
    torch.manual_seed(0)
    deconv = nn.ConvTranspose2d(3, 2, kernel, stride, padding).double()
    x = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(PhaseConvolution(deconv).double()(x), deconv(x), atol=1e-12)
