"""The light stream, and UNISAL's static path in it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from gfsalnet.models.deep.unisal import SMOOTHING, UNISALNetwork, gaussian_maps
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
    network._enter(domain)
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
