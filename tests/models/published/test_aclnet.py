"""ACLNet: Keras's layers and names, the letterbox, state from frame to frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawn_weights import load
from torch import Tensor

from gfsalnet.errors import WeightsError
from gfsalnet.models.published import aclnet
from gfsalnet.models.published.aclnet import ACLNet, SamePool
from gfsalnet.network.weights import compare_keys
from gfsalnet.types import RGB, Frame

VGG = [f"block{b}_conv{n}" for b, count in enumerate((2, 2, 3, 3, 3), start=1) for n in range(1, count + 1)]
VGG_WIDTHS = [3, *[64] * 2, *[128] * 2, *[256] * 3, *[512] * 6]
# Layer of the program → side, input and output channels of its kernel; numbers count all that it wraps.
WRAPPED = {3: (1, 512, 64), 4: (3, 64, 128), 6: (1, 128, 64), 7: (3, 64, 128), 8: (1, 128, 1), 14: (1, 256, 1)}

Keras = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def official() -> Keras:
    """Random weights under Keras's paths and in its layout, in the order in which HDF5 lists them."""
    rng, arrays = np.random.default_rng(4), {}

    def add(path: str, *shape: int, spread: float) -> None:
        arrays[path] = rng.standard_normal(shape, np.float32) * np.float32(spread)

    for layer, inputs, outputs in zip(VGG, VGG_WIDTHS, VGG_WIDTHS[1:], strict=False):
        add(f"time_distributed_1/{layer}/kernel:0", 3, 3, inputs, outputs, spread=np.sqrt(2 / (9 * inputs)))
        add(f"time_distributed_1/{layer}/bias:0", outputs, spread=0.1)
    for number, (side, inputs, outputs) in WRAPPED.items():
        path = f"time_distributed_{number}/time_distributed_{number}"
        add(f"{path}/kernel:0", side, side, inputs, outputs, spread=np.sqrt(2 / (side * side * inputs)))
        add(f"{path}/bias:0", outputs, spread=0.1)
    path = "conv_lst_m2d_1/conv_lst_m2d_1"
    add(f"{path}/kernel:0", 3, 3, 512, 4 * 256, spread=0.001)
    add(f"{path}/recurrent_kernel:0", 3, 3, 256, 4 * 256, spread=0.02)
    add(f"{path}/bias:0", 4 * 256, spread=0.1)
    return dict(sorted(arrays.items()))


@pytest.fixture(scope="module")
def model(official: Keras) -> ACLNet:
    return load(ACLNet, official)


class Published:
    """The published program's network, straight from Keras's arrays: HWIO kernels, windows of 5 frames, a state."""

    def __init__(self, arrays: Keras) -> None:
        self.arrays = {path.split("/", 1)[1]: torch.from_numpy(values) for path, values in arrays.items()}
        self.h = self.c = None

    def conv(self, x: Tensor, layer: str, kernel: str = "kernel", bias: bool = True) -> Tensor:
        weight = self.arrays[f"{layer}/{kernel}:0"].permute(3, 2, 0, 1)
        return F.conv2d(x, weight, self.arrays[f"{layer}/bias:0"] if bias else None, padding="same")

    def backbone(self, x: Tensor) -> Tensor:
        for layer in VGG:
            if layer == "block5_conv1":
                right, below = x.roll(-1, 3), x.roll(-1, 2)
                right[..., -1], below[..., -1, :] = 0, 0
                corner = right.roll(-1, 2)
                corner[..., -1, :] = 0
                x = torch.stack([x, right, below, corner]).amax(dim=0)
            elif layer.endswith("conv1") and layer != "block1_conv1":
                x = self.halved(x)
            x = self.conv(x, layer).clamp(min=0)
        return x

    @staticmethod
    def halved(x: Tensor) -> Tensor:
        return x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).amax(dim=(3, 5))

    def attended(self, x: Tensor) -> Tensor:
        a = self.halved(x)
        a = self.conv(self.conv(a, "time_distributed_3").relu(), "time_distributed_4").relu()
        a = self.halved(a)
        a = self.conv(self.conv(a, "time_distributed_6").relu(), "time_distributed_7").relu()
        a = self.conv(a, "time_distributed_8").sigmoid()
        a = a.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
        return x + x * a

    def window(self, x_T3HW: Tensor) -> list[Tensor]:
        """Up to five frames → their maps; the state is kept for the next window."""
        maps = []
        for x in self.attended(self.backbone(x_T3HW)):
            gates = self.conv(x[None], "conv_lst_m2d_1")
            if self.h is not None:
                gates = gates + self.conv(self.h, "conv_lst_m2d_1", "recurrent_kernel", bias=False)
            i, f, new, o = gates.split(256, dim=1)
            i, f, o = ((0.2 * gate + 0.5).clamp(0, 1) for gate in (i, f, o))
            self.c = i * new.tanh() + (f * self.c if self.c is not None else 0)
            self.h = o * self.c.tanh()
            saliency = self.conv(self.h, "time_distributed_14").sigmoid()
            maps.append(saliency.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3))
        return maps


def noise(count: int, size_hw: tuple[int, int]) -> list[RGB]:
    return list(np.random.default_rng(8).integers(0, 256, (count, *size_hw, 3), dtype=np.uint8))


@pytest.mark.slow
def test_count_and_sizes_are_the_published_ones() -> None:
    with torch.device("meta"):
        network = ACLNet.make_network()
        features = network.features(torch.empty(1, 3, 256, 320))
        attention = network.attention(features)
        saliency, (out, cell) = network(torch.empty(1, 3, 256, 320), None)
    assert features.shape == (1, 512, 32, 40)
    assert attention.shape == (1, 1, 32, 40)
    assert network.attention[:-1](features).shape == (1, 1, 8, 10)
    assert out.shape == cell.shape == (1, 256, 32, 40)
    assert saliency.shape == (1, 1, 128, 160)
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert parts == {"features": 14_714_688, "attention": 188_929, "temporal": 7_078_912, "readout": 257}
    assert sum(parts.values()) == 21_982_786


@torch.inference_mode()
def test_maps_are_the_published_ones(model: ACLNet, official: Keras) -> None:
    frames = torch.randn(7, 3, 32, 64, generator=torch.manual_seed(0)) * 60
    published, state = Published(official), None
    expected = published.window(frames[:5]) + published.window(frames[5:])
    for x, theirs in zip(frames, expected, strict=True):
        ours, state = model.network(x[None], state)
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    assert (expected[0] - expected[6]).abs().max() > 0.01
    assert expected[6].std() > 0.01


@torch.inference_mode()
def test_state_outlives_the_window(model: ACLNet) -> None:
    frames = torch.randn(7, 3, 32, 32, generator=torch.manual_seed(1)) * 60
    state = None
    for x in frames:
        carried, state = model.network(x[None], state)
    forgotten, _ = model.network(frames[6:], None)
    assert (carried - forgotten).abs().max() > 1e-3


def test_the_fourth_pooling_pads_right_and_bottom() -> None:
    x = -torch.arange(1.0, 13).reshape(1, 1, 3, 4)
    pooled = [[x[0, 0, r : r + 2, c : c + 2].max().item() for c in range(4)] for r in range(3)]
    assert SamePool()(x)[0, 0].tolist() == pooled
    assert pooled[2][3] == -12


def test_an_official_file_fits_whatever_its_numbers(official: Keras) -> None:
    with torch.device("meta"):
        expected = ACLNet.make_network().state_dict()
    moved = {path.replace("distributed_", "distributed_9").replace("m2d_1", "m2d_3"): v for path, v in official.items()}
    for arrays in (official, moved):
        state = ACLNet.from_official(arrays)
        assert compare_keys(expected, {name: torch.from_numpy(values) for name, values in state.items()}).fits
        for number, name in zip(WRAPPED, aclnet._WRAPPED, strict=True):
            kernel = official[f"time_distributed_{number}/time_distributed_{number}/kernel:0"]
            np.testing.assert_array_equal(state[f"{name}.weight"], kernel.transpose(3, 2, 0, 1))


def test_what_is_unknown_is_passed_on(official: Keras) -> None:
    extra = {"dense_1/dense_1/kernel:0": np.zeros((2, 3)), "time_distributed_15/x/gamma:0": np.zeros(4)}
    state = ACLNet.from_official({**official, **extra})
    assert extra.keys() <= state.keys()
    assert len(state) == len(official) + 2
    # a seventh wrapped layer, and a kernel that is no convolution's
    strange = {"time_distributed_99/time_distributed_99/kernel:0": np.zeros((1, 1, 2, 2))}
    flat = {"time_distributed_3/time_distributed_3/kernel:0": np.zeros((512, 64))}
    assert strange.keys() <= ACLNet.from_official({**official, **strange}).keys()
    assert flat.keys() <= ACLNet.from_official({**official, **flat}).keys()


def spied(model: ACLNet, monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What the network is given; it answers with a slope."""
    seen: list[Tensor] = []

    def network(x: Tensor, state: object) -> tuple[Tensor, object]:
        seen.append(x)
        return torch.linspace(0.4, 0.6, 160).expand(1, 1, 128, 160), state

    monkeypatch.setattr(model, "network", network)
    return seen


def test_channels_lose_each_other_s_means(model: ACLNet, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = spied(model, monkeypatch)
    rgb = np.full((256, 320, 3), (200, 100, 50), np.uint8)
    (saliency,) = model.predict_shot(iter([(rgb, None)]))
    assert seen[0].shape == (1, 3, 256, 320)
    assert seen[0][0, :, 9, 9].tolist() == pytest.approx([50 - 123.68, 100 - 116.779, 200 - 103.939], abs=1e-4)
    assert (saliency.min(), saliency.max()) == (0, 1)


def test_the_picture_lies_in_the_middle_of_black(model: ACLNet, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = spied(model, monkeypatch)
    (saliency,) = model.predict_shot(iter([(np.full((400, 720, 3), 255, np.uint8), None)]))
    picture = seen[0][0, 1] + 116.779 > 254
    assert picture[39:216].all()  # 400 · 320 / 720 = 177.8 rows, and (256 − 177) // 2 = 39 above
    assert picture.sum() == 177 * 320
    assert saliency.shape == (400, 720)


@pytest.mark.slow
def test_one_map_a_frame_however_short_the_clip(model: ACLNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ACLNet, "input_size_hw", (64, 96))
    pictures = noise(3, (50, 60))
    frames = [Frame(rgb, i / 25, i) for i, rgb in enumerate(pictures)]
    together = list(model.stream(frames))
    (alone,) = model.stream(frames[:1])
    assert [p.frame_index for p in together] == [0, 1, 2]
    assert together[2].map_density.shape == (50, 60)
    assert together[2].map_density.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(alone.map_density, together[0].map_density)
    (restarted,) = model.stream(frames[2:])
    assert np.abs(restarted.map_density - together[2].map_density).max() > 1e-8


def test_damaged_weights_are_reported(official: Keras, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ACLNet, "input_size_hw", (32, 32))
    nan = {"conv_lst_m2d_1/conv_lst_m2d_1/bias:0": np.full(1024, np.nan, np.float32)}
    damaged = load(ACLNet, official | nan)
    with pytest.raises(WeightsError, match="no numbers"):
        list(damaged.stream([Frame(np.zeros((32, 32, 3), np.uint8))]))
