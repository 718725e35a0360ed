"""Equations 1–6 on numbers worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.network import GFSalNet, kl_loss, mobile, nss_loss, paper, saliency_loss
from gfsalnet.network.attention import ChannelAttention, SpatialAttention
from gfsalnet.network.fusion import ConvolutionFusion, GatedFusion
from gfsalnet.network.loss import defined_frames, gate_loss


def maps(*rows: list[float]) -> torch.Tensor:
    """One (1, 1, 1, N) map a row."""
    return torch.tensor(rows, dtype=torch.float32)[:, None, None, :]


def test_spatial_attention_by_hand() -> None:
    """Two channels, one place: weight sigmoid(1·3 + 2·(-1) - 1) = 0.5."""
    block = SpatialAttention(2)
    with torch.no_grad():
        block.conv.weight.copy_(torch.tensor([1.0, 2.0]).view(1, 2, 1, 1))
        block.conv.bias.fill_(-1)
    out = block(torch.tensor([3.0, -1.0]).view(1, 2, 1, 1))
    assert out.flatten().tolist() == pytest.approx([1.5, -0.5])


def test_channel_attention_by_hand() -> None:
    """Four channels with means 1, 2, 3, 4; squeezed to ReLU(sum) = 10; excited to ReLU(0.1·10 + bias)."""
    block = ChannelAttention(4)
    with torch.no_grad():
        block.squeeze.weight.fill_(1.0)
        block.squeeze.bias.zero_()
        block.excite.weight.fill_(0.1)
        block.excite.bias.copy_(torch.tensor([0.0, 1.0, -0.5, -2.0]))
    x = torch.arange(1.0, 5.0).view(1, 4, 1, 1).expand(1, 4, 2, 3)
    weights = (block(x) / x)[0, :, 0, 0]
    assert weights.tolist() == pytest.approx([1.0, 2.0, 0.5, 0.0])


def test_channel_attention_starts_open() -> None:
    torch.manual_seed(0)
    assert (ChannelAttention(96)(torch.rand(2, 96, 4, 4)).sum((2, 3)) > 0).all()


def test_gate_by_hand() -> None:
    """Eqs. 1–3: P = sigmoid(1·S_A - 1·S_T) at S_A = 2, S_T = 1 is 0.73106; S = 2 P + 1 (1 - P)."""
    block = GatedFusion(1)
    with torch.no_grad():
        block.conv.weight.copy_(torch.tensor([1.0, -1.0]).view(1, 2, 1, 1))
        block.conv.bias.zero_()
    appearance, motion = maps([2.0, 0.0]), maps([1.0, 0.0])
    gate = block.gate(appearance, motion, (1, 2))
    assert gate.flatten().tolist() == pytest.approx([1 / (1 + math.exp(-1)), 0.5])
    assert block.fuse(gate, appearance, motion).flatten().tolist() == pytest.approx([1.7310586, 0.0])


@given(st.floats(0, 1), st.floats(0, 100), st.floats(0, 100))
def test_fusion_stays_between_the_streams(gate: float, appearance: float, motion: float) -> None:
    fused = GatedFusion.fuse(*(torch.tensor(v, dtype=torch.float64) for v in (gate, appearance, motion))).item()
    assert min(appearance, motion) - 1e-9 <= fused <= max(appearance, motion) + 1e-9


@pytest.mark.parametrize("preset", [mobile, pytest.param(paper, marks=pytest.mark.slow)])
def test_equation_3_holds_between_the_maps_of_the_network(preset) -> None:
    torch.manual_seed(1)
    with torch.inference_mode():
        out = GFSalNet(preset()).eval()(torch.rand(2, 3, 64, 96), torch.rand(2, 3, 64, 96))
    assert torch.allclose(out.saliency, out.appearance * out.gate + out.motion * (1 - out.gate), rtol=1e-5, atol=1e-7)
    assert ((out.gate > 0) & (out.gate < 1)).all()


def test_convolution_fusion_is_the_same_everywhere() -> None:
    block = ConvolutionFusion()
    assert block(maps([2.0, 4.0]), maps([0.0, 2.0])).flatten().tolist() == pytest.approx([1.0, 3.0])


@pytest.mark.parametrize("final", ["relu", "softplus", "softmax"])
def test_final_activations_are_not_negative(final: str) -> None:
    torch.manual_seed(0)
    net = GFSalNet(replace(mobile("appearance"), final=final)).eval()
    with torch.inference_mode():
        assert (net(torch.rand(1, 3, 64, 64)).saliency >= 0).all()


def test_kl_by_hand() -> None:
    """S = (½, ½, 0, 0), P = (¼, ¼, ¼, ¼): ½ log 2 + ½ log 2 = log 2, whatever the scales."""
    assert kl_loss(maps([3.0] * 4), maps([5.0, 5.0, 0.0, 0.0])).item() == pytest.approx(math.log(2), abs=1e-6)
    assert kl_loss(maps([1.0, 3.0]), maps([1.0, 1.0])).item() == pytest.approx(
        0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75), abs=1e-6
    )


def test_nss_by_hand() -> None:
    """P = (0, 0, 0, 4): mean 1, standard deviation over N - 1 is 2, so looking at the last pixel scores 1.5."""
    assert nss_loss(maps([0.0, 0.0, 0.0, 4.0]), maps([0.0, 0.0, 0.0, 1.0])).item() == pytest.approx(-1.5, abs=1e-5)
    both = nss_loss(maps([0.0, 0.0, 0.0, 4.0]), maps([1.0, 0.0, 0.0, 1.0])).item()
    assert both == pytest.approx(-(1.5 - 0.5) / 2, abs=1e-5)


def test_total_by_hand() -> None:
    """Eq. 6 with α = 1, β = 0.1."""
    saliency, density, fixations = maps([0.0, 0.0, 0.0, 4.0]), maps([0.0, 0.0, 0.0, 1.0]), maps([0.0, 0.0, 0.0, 1.0])
    loss = saliency_loss(saliency, density, fixations)
    assert loss.total.item() == pytest.approx(0.0 + 0.1 * -1.5, abs=1e-5)
    assert saliency_loss(saliency, density, fixations, alpha=2, beta=1).total.item() == pytest.approx(-1.5, abs=1e-5)


def test_frames_without_gaze_do_not_count() -> None:
    saliency = maps([0.0, 0.0, 0.0, 4.0], [1.0, 2.0, 3.0, 4.0])
    gaze = maps([0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0])
    assert nss_loss(saliency, gaze).item() == pytest.approx(-1.5, abs=1e-5)
    assert kl_loss(saliency, gaze).item() == pytest.approx(0.0, abs=1e-5)


def test_pieces_of_a_batch_add_up_to_the_whole() -> None:
    generator = torch.Generator().manual_seed(5)
    saliency, density = (torch.rand(6, 1, 4, 5, generator=generator) for _ in range(2))
    density[[0, 1, 4]] = 0
    fixations = density > 0.7
    fixations[5] = False
    frames = defined_frames(density, fixations)
    assert frames == (3, 2)
    whole = saliency_loss(saliency, density, fixations)
    for cut in (1, 2, 5):
        pieces = [
            saliency_loss(saliency[part], density[part], fixations[part], frames=frames)
            for part in (slice(cut), slice(cut, None))
        ]
        for one, *others in zip(whole, *pieces, strict=True):
            assert sum(others).item() == pytest.approx(one.item(), abs=1e-5)


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_empty_maps_and_empty_gaze_keep_loss_and_gradient_finite(level: float) -> None:
    saliency = torch.full((2, 1, 4, 4), level, requires_grad=True)
    for gaze in (torch.zeros(2, 1, 4, 4), torch.eye(4).expand(2, 1, 4, 4)):
        loss = saliency_loss(saliency, gaze, gaze)
        assert all(torch.isfinite(part) for part in loss)
        (gradient,) = torch.autograd.grad(loss.total, saliency)
        assert torch.isfinite(gradient).all()
    uniform = kl_loss(saliency, torch.eye(4).expand(2, 1, 4, 4)).item()
    assert uniform == pytest.approx(math.log(4), abs=1e-4)  # an empty map counts as uniform


@given(st.floats(1e-3, 1e3))
def test_losses_do_not_depend_on_scale(scale: float) -> None:
    generator = torch.Generator().manual_seed(3)
    saliency, density = torch.rand(1, 1, 6, 8, generator=generator), torch.rand(1, 1, 6, 8, generator=generator)
    fixations = (density > 0.8).float()
    one, other = (
        saliency_loss(saliency, density, fixations),
        saliency_loss(saliency * scale, density * scale, fixations),
    )
    assert other.total.item() == pytest.approx(one.total.item(), abs=2e-3)


def test_the_gate_loss_is_cross_entropy_where_looks_fall_and_motion_is_known() -> None:
    nan = float("nan")
    gate = torch.tensor([[[[0.9, 0.2, 0.5]]], [[[0.5, 0.5, 0.5]]]])
    share = torch.tensor([[[[0.0, 1.0, nan]]], [[[nan, nan, nan]]]])
    density = torch.tensor([[[[0.2, 0.6, 0.2]]], [[[0.4, 0.3, 0.3]]]])
    expected = -(0.25 * math.log(0.9) + 0.75 * math.log(0.8))  # the second frame tells nothing and does not count
    assert float(gate_loss(gate, share, density)) == pytest.approx(expected, rel=1e-5)
    assert float(gate_loss(gate, share, density, frames=2)) == pytest.approx(expected / 2, rel=1e-5)
    gate = torch.full((1, 1, 2, 2), 0.5, requires_grad=True)
    gate_loss(gate, torch.full((1, 1, 2, 2), nan), torch.ones(1, 1, 2, 2)).backward()
    assert not gate.grad.any()  # and no NaN reaches the weights
