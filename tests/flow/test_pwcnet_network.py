from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gfsalnet.flow.pwcnet_network import PWCNet, correlation, warp

CHANNELS = (3, 16, 32, 64, 96, 128, 196)
GROWTH = (128, 128, 96, 64, 32)


def official_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes as the authors' release has them, written out apart from the network."""
    convolutions: dict[str, tuple[int, int]] = {}  # name → channels in and out
    for level in range(1, 7):
        first, second = (f"conv{level}a", f"conv{level}aa") if level < 6 else ("conv6aa", "conv6a")
        convolutions[f"{first}.0"] = CHANNELS[level - 1], CHANNELS[level]
        convolutions[f"{second}.0"] = convolutions[f"conv{level}b.0"] = CHANNELS[level], CHANNELS[level]
    for level, width in {6: 81, 5: 213, 4: 181, 3: 149, 2: 117}.items():
        for number, growth in enumerate(GROWTH):
            convolutions[f"conv{level}_{number}.0"] = width + sum(GROWTH[:number]), growth
        convolutions[f"predict_flow{level}"] = width + 448, 2
    context = (565, 128, 128, 128, 96, 64, 32)
    for number in range(6):
        convolutions[f"dc_conv{number + 1}.0"] = context[number], context[number + 1]
    convolutions["dc_conv7"] = 32, 2
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (below, above) in convolutions.items():
        shapes |= {f"{name}.weight": (above, below, 3, 3), f"{name}.bias": (above,)}
    for level, width in {6: 529, 5: 661, 4: 629, 3: 597}.items():
        shapes |= {f"upfeat{level}.weight": (width, 2, 4, 4), f"upfeat{level}.bias": (2,)}
    for level in range(2, 7):
        shapes |= {f"deconv{level}.weight": (2, 2, 4, 4), f"deconv{level}.bias": (2,)}
    return shapes


def test_has_the_official_parameters():
    with torch.device("meta"):
        state = PWCNet().state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == official_shapes()
    assert sum(value.numel() for value in state.values()) == 9_374_340  # 9.37 M


def test_correlation_is_that_of_a_naive_loop():
    before, after = torch.randn(2, 2, 5, 4, 6, generator=torch.Generator().manual_seed(0))
    costs = correlation(before, after)
    assert costs.shape == (2, 81, 4, 6)
    for channel in range(81):
        dy, dx = channel // 9 - 4, channel % 9 - 4
        for y in range(4):
            for x in range(6):
                inside = 0 <= y + dy < 4 and 0 <= x + dx < 6
                expected = (before[:, :, y, x] * after[:, :, y + dy, x + dx]).mean(1) if inside else torch.zeros(2)
                torch.testing.assert_close(costs[:, channel, y, x], expected)


def flow_of(dx: float, dy: float, size_hw: tuple[int, int] = (5, 7)) -> Tensor:
    return torch.tensor([dx, dy])[None, :, None, None].expand(1, 2, *size_hw)


def test_warping_brings_back_what_moved():
    features = torch.arange(1.0, 71).reshape(1, 2, 5, 7)
    warped = warp(features, flow_of(2, -1))
    expected = torch.zeros_like(features)
    expected[:, :, 1:, :-2] = features[:, :, :-1, 2:]
    torch.testing.assert_close(warped, expected)


def test_warping_interpolates_and_drops_what_is_partly_outside():
    features = torch.arange(1.0, 36).reshape(1, 1, 5, 7)
    expected = (features[..., :-1] + features[..., 1:]) / 2
    torch.testing.assert_close(warp(features, flow_of(0.5, 0))[..., :-1], expected)
    assert not warp(features, flow_of(0.5, 0))[..., -1].any()
    # Less than 1/10000 outside is inside.
    assert warp(features, flow_of(0.00005, 0))[..., -1].all()
    assert not warp(features, flow_of(0.0005, 0))[..., -1].any()


@torch.inference_mode()
def test_field_is_a_quarter_of_the_input():
    torch.manual_seed(0)
    frames = torch.rand(2, 2, 3, 64, 128)
    assert PWCNet().eval()(*frames).shape == (2, 2, 16, 32)


@torch.inference_mode()
def test_predictions_are_twenty_times_the_finest_and_its_correction():
    network = PWCNet().eval()
    for value in network.state_dict().values():
        value.zero_()
    network.get_submodule("predict_flow2").bias.copy_(torch.tensor([0.1, -0.2]))
    network.get_submodule("dc_conv7").bias.copy_(torch.tensor([0.05, 0.0]))
    flow = network(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64))
    torch.testing.assert_close(flow[0, :, 3, 3], torch.tensor([3.0, -4.0]))


def conv(state: dict[str, Tensor], name: str, x: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    y = functional.conv2d(x, state[f"{name}.0.weight"], state[f"{name}.0.bias"], stride, dilation, dilation)
    return functional.leaky_relu(y, 0.1)


def deconv(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return functional.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], 2, 1)


def plain(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return functional.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)


def pyramid(state: dict[str, Tensor], x: Tensor) -> list[Tensor]:
    levels = [x]
    for level in "12345":
        x = conv(state, f"conv{level}b", conv(state, f"conv{level}aa", conv(state, f"conv{level}a", x, stride=2)))
        levels.append(x)
    return [*levels, conv(state, "conv6b", conv(state, "conv6a", conv(state, "conv6aa", x, stride=2)))]


def dense(state: dict[str, Tensor], level: int, x: Tensor) -> Tensor:
    for number in range(5):
        x = torch.cat((conv(state, f"conv{level}_{number}", x), x), 1)
    return x


def written_out(state: dict[str, Tensor], previous: Tensor, current: Tensor) -> Tensor:
    """The release's computation, by names; with the factors it gives to the warped flow."""
    c1, c2 = pyramid(state, previous), pyramid(state, current)
    x = dense(state, 6, functional.leaky_relu(correlation(c1[6], c2[6]), 0.1))
    for level, factor in ((5, 0.625), (4, 1.25), (3, 2.5), (2, 5.0)):
        up_flow = deconv(state, f"deconv{level + 1}", plain(state, f"predict_flow{level + 1}", x))
        up_feat = deconv(state, f"upfeat{level + 1}", x)
        costs = functional.leaky_relu(correlation(c1[level], warp(c2[level], up_flow * factor)), 0.1)
        x = dense(state, level, torch.cat((costs, c1[level], up_flow, up_feat), 1))
    flow = plain(state, "predict_flow2", x)
    for number, dilation in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 1)):
        x = conv(state, f"dc_conv{number}", x, dilation=dilation)
    return 20 * (flow + plain(state, "dc_conv7", x))


@torch.inference_mode()
def test_computes_what_the_release_computes():
    torch.manual_seed(1)
    network = PWCNet().eval()
    state = network.state_dict()
    for value in state.values():
        value.mul_(1.8)  # at PyTorch's own start the signal dies away, and no flow would warp anything
    frames = torch.rand(2, 1, 3, 64, 128)
    expected = written_out(state, *frames)
    assert expected.std() > 1
    torch.testing.assert_close(network(*frames), expected, rtol=1e-4, atol=1e-4)
