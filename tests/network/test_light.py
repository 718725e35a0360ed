"""The light stream, and UNISAL's static path in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from gfsalnet.models.published.unisal import SMOOTHING, UNISALNetwork, gaussian_maps
from gfsalnet.network import GFSalNet
from gfsalnet.network.config import light
from gfsalnet.network.folding import absorb_batch_norms, folded
from gfsalnet.network.light import LightStream, Smoothing
from gfsalnet.network.unisal_start import start_from_unisal


def _randomised(network: torch.nn.Module) -> torch.nn.Module:
    """Weights of a trained network's kind: batch-norms with statistics of their own."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values in (module.running_mean, module.bias, module.weight):
                values.data += 0.2 * torch.randn(values.shape, generator=generator)
            module.running_var.data *= 1 + torch.rand(module.running_var.shape, generator=generator)
    return network.eval()


def _static_path(network: UNISALNetwork, image: torch.Tensor, domain: str) -> torch.Tensor:
    """UNISAL without its recurrence, at the input's size; for a still image its own forward."""
    network.enter(domain)
    coarse, middle, fine = network.cnn(image)
    priors = gaussian_maps(network.get_parameter(f"coarse_gaussians_{domain.lower()}"), coarse.shape[2:])
    x = network.post_cnn(torch.cat((coarse, priors.expand(len(coarse), -1, -1, -1)), 1))

    def double(values: torch.Tensor) -> torch.Tensor:
        return F.interpolate(values, scale_factor=2, mode="bilinear", align_corners=False)

    x = network.upsampling_2(torch.cat((double(x), network.skip_2x(middle)), 1))
    x = network.post_upsampling_2(torch.cat((double(x), network.skip_4x(fine)), 1))
    x = F.interpolate(network.get_submodule(f"adaptation_{domain.lower()}")(x), image.shape[2:], mode="nearest")
    x = network.get_submodule(f"smoothing_{domain.lower()}")(F.pad(x, [SMOOTHING // 2] * 4, mode="replicate"))
    return F.log_softmax(x.flatten(1), 1).view_as(x)


@pytest.mark.parametrize("dataset", ["SALICON", "DHF1K"])
@torch.inference_mode()
def test_starts_as_unisals_static_path(dataset: str) -> None:
    torch.manual_seed(0)
    unisal, stream = _randomised(UNISALNetwork()), LightStream().eval()
    start_from_unisal(stream, unisal.state_dict(), dataset)
    image = torch.rand(2, 3, 96, 160)
    scores = stream(image).scores
    expected = _static_path(unisal, (image - stream.mean) / stream.std, dataset)
    if dataset == "SALICON":
        assert torch.equal(expected, unisal((image - stream.mean) / stream.std, (96, 160), dataset)[0])
    torch.testing.assert_close(F.log_softmax(scores.flatten(1), 1).view_as(scores), expected, atol=2e-5, rtol=0)


def test_smoothing_is_nearest_expansion_and_convolution() -> None:
    torch.manual_seed(0)
    smoothing, cells = Smoothing(), torch.randn(2, 1, 5, 7)
    torch.nn.init.normal_(smoothing.kernel)
    expanded = F.interpolate(cells, scale_factor=8, mode="nearest")
    expected = F.conv2d(F.pad(expanded, [20] * 4, mode="replicate"), smoothing.kernel)
    torch.testing.assert_close(smoothing(cells), expected, atol=1e-3, rtol=0)


@torch.inference_mode()
def test_folded_says_the_same() -> None:
    torch.manual_seed(0)
    network = GFSalNet(light())
    _randomised(network)
    image = torch.rand(1, 3, 96, 160)
    torch.testing.assert_close(folded(network)(image).saliency, network(image).saliency, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_kernels_that_absorbed_their_norms_are_those_of_the_folded_network() -> None:
    torch.manual_seed(0)
    network = GFSalNet(light())
    _randomised(network)
    image = torch.rand(1, 3, 96, 160)
    before = network(image).saliency
    absorb_batch_norms(network)
    torch.testing.assert_close(network(image).saliency, before, atol=1e-4, rtol=1e-4)
    assert torch.equal(folded(network).appearance.main.conv[3].weight, network.appearance.main.conv[3].weight)


@torch.inference_mode()
def test_no_mesh() -> None:
    """Scores of places that a cell or half of one lies between differ as a smooth picture does, not by the place."""
    stream = LightStream().eval()
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 40), indexing="ij")
    scores = stream.smoothing(-4 * (x**2 + y**2)[None, None])[0, 0].exp()
    inner = scores[64:-64, 64:-64]
    phases = torch.stack([inner[a::4, b::4].mean() for a in range(4) for b in range(4)])
    assert float((phases / phases.mean() - 1).square().mean().sqrt()) < 0.01


def test_a_light_stream_has_its_own_backbone_and_softmax() -> None:
    with pytest.raises(ValueError, match="mobilenet_v2"):
        replace(light(), backbone="resnet50")
    assert light().streams == "appearance"
    assert sum(p.numel() for p in GFSalNet(light()).parameters()) < 3.3e6
