"""The paper's block table, shape by shape, and what the config switches change."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from gfsalnet.network import Deconv, GFSalNet, NetworkConfig, mobile, paper
from gfsalnet.network.fusion import ConvolutionFusion


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope="module")
def paper_net() -> GFSalNet:
    """Shapes alone, without numbers."""
    with torch.device("meta"):
        return GFSalNet().eval()


@pytest.fixture(scope="module")
def small_net() -> GFSalNet:
    torch.manual_seed(0)
    return GFSalNet(mobile()).eval()


def test_every_block_of_the_paper_has_its_shape(paper_net: GFSalNet) -> None:
    """At 480x640, as in the shape table of docs/architecture.md."""
    stream = paper_net.appearance
    seen: dict[str, tuple[int, ...]] = {}

    def note(name: str):
        return lambda module, args, output: seen.__setitem__(name, tuple(output.shape[1:]))

    blocks = {
        "conv1": stream.backbone.conv1,
        **{f"layer{n}": getattr(stream.backbone, f"layer{n}") for n in (1, 2, 3, 4)},
        "attention": stream.spatial_attention,
        **{f"merge{n}": getattr(stream.multilevel, f"merge{n}") for n in (3, 2, 1)},
        **{f"side{n}": stream.side[2 * n + 1] for n in range(3)},
        **{f"main{n}": stream.main[2 * n + 1] for n in range(2)},
        "channels": stream.channel_attention,
        "last": stream.last,
    }
    handles = [block.register_forward_hook(note(name)) for name, block in blocks.items()]
    with torch.inference_mode():
        stream(torch.rand(1, 3, 480, 640, device="meta"))
    for handle in handles:
        handle.remove()
    assert seen == {
        "conv1": (64, 240, 320),
        "layer1": (256, 120, 160),
        "layer2": (512, 60, 80),
        "layer3": (1024, 30, 40),
        "layer4": (2048, 15, 20),
        "attention": (2048, 15, 20),
        "merge3": (256, 30, 40),
        "merge2": (256, 60, 80),
        "merge1": (256, 120, 160),
        "side0": (128, 120, 160),
        "side1": (64, 120, 160),
        "side2": (32, 240, 320),
        "main0": (64, 60, 80),
        "main1": (64, 240, 320),
        "channels": (96, 240, 320),
        "last": (1, 480, 640),
    }


def test_every_block_of_the_paper_has_its_parameters(paper_net: GFSalNet) -> None:
    stream = paper_net.appearance
    assert parameters(stream.backbone) == 23_508_032
    assert parameters(stream.spatial_attention) == 2_049
    assert [parameters(getattr(stream.multilevel, f"merge{n}")) for n in (3, 2, 1)] == [786_688, 196_864, 131_328]
    assert [parameters(layer) for layer in stream.side[::2]] == [295_040, 73_792, 32_800]
    assert [parameters(layer) for layer in stream.main[::2]] == [8_388_672, 262_208]
    assert parameters(stream.channel_attention) == 4_728
    assert parameters(stream.last) == 1_537
    assert parameters(stream) == 33_683_738
    assert parameters(paper_net.fusion) == 3
    assert parameters(paper_net) == 67_367_479


def test_paper_maps_have_the_size_of_the_input(paper_net: GFSalNet) -> None:
    with torch.inference_mode():
        maps = paper_net(*torch.rand(2, 2, 3, 64, 96, device="meta"))
    assert {tuple(m.shape) for m in maps} == {(2, 1, 64, 96)}
    assert paper() == NetworkConfig()


@pytest.mark.parametrize("size_hw", [(64, 64), (33, 70), (1, 1), (240, 320), (31, 95)])
def test_any_size_is_padded_and_cropped_back(small_net: GFSalNet, size_hw: tuple[int, int]) -> None:
    with torch.inference_mode():
        maps = small_net(torch.rand(1, 3, *size_hw), torch.rand(1, 3, *size_hw))
    for values in maps:
        assert values.shape == (1, 1, *size_hw)
        assert torch.isfinite(values).all()
    assert maps.saliency.sum().item() == pytest.approx(size_hw[0] * size_hw[1], rel=1e-4)  # softmax: mean 1


@pytest.mark.parametrize("streams", ["appearance", "motion"])
def test_one_stream_is_a_switch(streams: str) -> None:
    net = GFSalNet(mobile(streams)).eval()
    image = torch.rand(1, 3, 64, 64)
    maps = net(image) if streams == "appearance" else net(flow_image_B3HW=image)
    own, other = (maps.appearance, maps.motion) if streams == "appearance" else (maps.motion, maps.appearance)
    assert own is maps.saliency
    assert other is None
    assert maps.gate is None
    assert net.fusion is None


ABLATIONS = {
    "without spatial attention": {"spatial_attention": False},
    "without channel attention": {"channel_attention": False},
    "without both": {"spatial_attention": False, "channel_attention": False},
    "without multi-level": {"multilevel": False},
    "without gated fusion": {"fusion": "convolution"},
    "full": {},
}


@pytest.mark.parametrize("change", ABLATIONS.values(), ids=ABLATIONS.keys())
@pytest.mark.parametrize("preset", [mobile, pytest.param(paper, marks=pytest.mark.slow)])
def test_the_ablations_of_table_vii(change: dict[str, object], preset) -> None:
    net, full = GFSalNet(replace(preset(), **change)).eval(), GFSalNet(preset())
    with torch.inference_mode():
        maps = net(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64))
    assert maps.saliency.shape == (1, 1, 64, 64)
    assert (maps.gate is None) == isinstance(net.fusion, ConvolutionFusion)
    if change and "fusion" not in change:
        assert parameters(net) < parameters(full)


def test_the_other_reading_of_the_deconvolutions_can_be_built() -> None:
    """Branches that meet at 1/4 instead of 1/2: the last deconvolution then has 6,145 parameters."""
    half = replace(
        paper(),
        main=(Deconv(64, 8, 4, 2), Deconv(64, 4, 2, 1)),
        side=(Deconv(128, 3, 1, 1), Deconv(64, 3, 1, 1), Deconv(32, 3, 1, 1)),
        last=Deconv(1, 8, 4, 2),
    )
    with torch.device("meta"):
        stream = GFSalNet(replace(half, streams="appearance")).appearance
    assert parameters(stream.last) == 6_145


def test_branches_that_do_not_meet_are_refused() -> None:
    with pytest.raises(ValueError, match="meet only if"):
        replace(paper(), main=(Deconv(64, 4, 2, 1), Deconv(64, 4, 2, 1)))
    with pytest.raises(ValueError, match="x32 together"):
        replace(paper(), last=Deconv(1, 8, 4, 2))
    with pytest.raises(ValueError, match="multiples of 32"):
        replace(paper(), input_size_hw=(240, 320))


def test_missing_or_unequal_inputs_are_named(small_net: GFSalNet) -> None:
    with pytest.raises(ValueError, match="motion stream needs"):
        small_net(torch.rand(1, 3, 64, 64))
    with pytest.raises(ValueError, match="appearance stream needs"):
        small_net(torch.rand(1, 1, 64, 64), torch.rand(1, 3, 64, 64))
    with pytest.raises(ValueError, match="flow images one of"):
        small_net(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 96))


def test_mobile_is_small() -> None:
    """Both streams in 16-bit floats stay under the 12 MB that the package may carry."""
    assert 2 * parameters(GFSalNet(mobile())) < 12_000_000
