"""ViNet and ViNet-S: the official states, the decoder from the names of a state, and the way in and out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawn_weights import Sparing, State, load, random_state, read_manifest, shapes_of
from torch import Tensor

from gfsalnet.errors import WeightsError
from gfsalnet.models.published.resampling import pillow_bilinear
from gfsalnet.models.published.vinet import Decoder, Groups, ViNet, ViNetS, ViNetwork
from gfsalnet.types import RGB, Frame

KINDS = [(ViNet, "vinet", 31_099_585), (ViNetS, "vinet_s", 9_500_737)]


class SmallViNet(ViNet):
    input_size_hw = (32, 32)


class SmallViNetS(ViNetS):
    input_size_hw = (32, 32)


def small_state(kind: type[ViNet]) -> State:
    with torch.device("meta"):
        return random_state(shapes_of(kind.make_network()))


@pytest.fixture(scope="module")
def vinet() -> ViNet:
    return load(SmallViNet, small_state(ViNet))


@pytest.fixture(scope="module")
def vinet_s() -> ViNet:
    return load(SmallViNetS, small_state(ViNetS))


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(("kind", "file", "_"), KINDS)
def test_the_official_state_loads_strictly(kind: type[ViNet], file: str, _: int, shared_dir: Path) -> None:
    manifest = read_manifest(shared_dir / "facts" / "manifests" / f"{file}.tsv")
    assert len(manifest) == 470
    official = random_state(manifest)
    loaded = load(kind, official).network.state_dict()
    assert list(loaded) == list(manifest)
    assert all(np.array_equal(loaded[name].numpy(), value) for name, value in official.items())


def test_weights_of_one_do_not_load_into_the_other() -> None:
    with pytest.raises(WeightsError, match=r"5 other shape: decoder.convtsp1.0.weight .* instead of \(832, 1024, 1"):
        load(ViNet, small_state(ViNetS))


@pytest.mark.parametrize(("kind", "_", "count"), KINDS)
def test_parameter_counts_are_the_published_ones(kind: type[ViNet], _: str, count: int) -> None:
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in kind.make_network().parameters()) == count


def test_shapes_at_the_size_of_the_models() -> None:
    """Steps of time after each join: 12, 20, 20; then 4, 2, 1."""
    seen: list[tuple[int, ...]] = []
    with torch.device("meta"):
        network = ViNetwork(ViNet.groups)
        decoder = network.decoder
        for part in (decoder.convtsp2, decoder.convtsp3, decoder.convtsp4, *list(decoder.convtsp4)[1:7]):
            part.register_forward_hook(lambda _module, inputs, _output: seen.append(tuple(inputs[0].shape[1:])))
        out = network(torch.empty(1, 3, 32, 224, 384))
    assert sorted(set(seen), key=lambda shape: (shape[2], -shape[1], -shape[0])) == [
        (832, 12, 14, 24),
        (480, 20, 28, 48),
        (192, 20, 56, 96),
        (64, 4, 56, 96),
        (64, 4, 112, 192),
        (32, 2, 112, 192),
        (32, 2, 224, 384),
    ]
    assert out.shape == (1, 224, 384)


def doubled(x: Tensor) -> Tensor:
    """Bilinear to twice the height and width: three quarters of the nearer value, a quarter of the next."""
    for dim in (3, 4):
        before = torch.cat([x.narrow(dim, 0, 1), x.narrow(dim, 0, x.shape[dim] - 1)], dim)
        after = torch.cat([x.narrow(dim, 1, x.shape[dim] - 1), x.narrow(dim, x.shape[dim] - 1, 1)], dim)
        x = torch.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], dim + 1).flatten(dim, dim + 1)
    return x


def step(x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """Every `frames` steps of time to one, each group of channels for itself; negative values out; doubled."""
    frames = weight.shape[2]
    parts = []
    for inputs, kernel in zip(x.chunk(groups, 1), weight.chunk(groups), strict=True):
        pieces = [
            F.conv3d(F.pad(inputs[:, :, at : at + frames], (1, 1, 1, 1)), kernel)
            for at in range(0, x.shape[2] - frames + 1, frames)
        ]
        parts.append(torch.cat(pieces, 2))
    return doubled(torch.cat(parts, 1).clamp(min=0))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ViNet, ViNetS])
def test_the_decoder_by_hand(kind: type[ViNet]) -> None:
    groups: Groups = kind.groups
    decoder = Decoder(groups).double()
    state = {name: torch.from_numpy(value).double() for name, value in random_state(shapes_of(decoder)).items()}
    decoder.load_state_dict(state)
    rng = np.random.default_rng(1)
    sizes = [(192, 16, 8, 16), (480, 16, 4, 8), (832, 8, 2, 4), (1024, 4, 1, 2)]
    level1, level2, level3, x = (torch.from_numpy(rng.normal(size=(1, *size))).relu() for size in sizes)
    with torch.inference_mode():
        found = decoder((level1, level2, level3, x))
        for number, level in ((1, level3), (2, level2), (3, level1)):
            x = torch.cat([step(x, state[f"convtsp{number}.0.weight"], groups[number - 1]), level], 2)
        x = step(x, state["convtsp4.0.weight"], groups[3])
        x = step(x, state["convtsp4.3.weight"], groups[4])
        x = torch.einsum("oik,bikhw->bohw", state["convtsp4.6.weight"][..., 0, 0], x).clamp(min=0)
        x = torch.einsum("i,bihw->bhw", state["convtsp4.8.weight"][0, :, 0, 0, 0], x) + state["convtsp4.8.bias"]
        expected = 1 / (1 + torch.exp(-x))
    assert found.shape == (1, 32, 64)
    assert found.std() > 1e-3
    assert torch.allclose(found, expected, rtol=1e-9)


def test_colours_are_those_of_imagenet(vinet: ViNet) -> None:
    clip = torch.tensor([0.0, 102.0, 255.0]).expand(3, 3).reshape(3, 3, 1, 1)
    expected = [
        [(value - mean) / std for value in (0, 0.4, 1)]
        for mean, std in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))
    ]
    assert np.allclose(vinet.normalise(clip)[..., 0, 0], expected, atol=1e-6)


def test_maps_are_enlarged_then_smoothed_by_two_pixels(vinet: ViNet) -> None:
    spike = np.zeros((32, 32), np.float32)
    spike[16, 16] = 1
    taps = np.exp(-(np.arange(-5.0, 6) ** 2) / (2 * 2.0**2))
    expected = np.zeros((32, 32))
    expected[11:22, 11:22] = np.outer(taps, taps) / taps.sum() ** 2
    found = vinet.finish(spike, (32, 32))
    assert found.dtype == np.float64
    assert np.allclose(found, expected, atol=1e-7)
    columns = np.tile(np.linspace(0, 1, 32, dtype=np.float32), (32, 1))
    wide = vinet.finish(columns, (48, 128))
    assert wide.shape == (48, 128)
    inside = (np.arange(128) + 0.5) / 4 - 0.5  # a ramp stays a ramp away from the edges
    assert np.allclose(wide[20, 16:-16], inside[16:-16] / 31, atol=1e-6)


def pictures(count: int) -> list[RGB]:
    rng = np.random.default_rng(3)
    ground = rng.integers(0, 256, (40, 60 + count, 3), dtype=np.uint8)
    return [np.ascontiguousarray(ground[:, at : at + 60]) for at in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vinet", "vinet_s"])
def test_each_map_comes_from_its_window(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first frames: ViNet turns time round, ViNet-S repeats the first frame."""
    model: ViNet = request.getfixturevalue(name)
    orders = {0: range(31, -1, -1), 31: range(32)} if name == "vinet" else {0: [0] * 32, 2: [0] * 30 + [1, 2]}
    rgbs = pictures(max(orders) + 1)
    smalls = np.stack([pillow_bilinear(rgb, (32, 32)) for rgb in rgbs])
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    clip = ((smalls / 255 - mean) / std).astype(np.float32)
    network = model.network
    monkeypatch.setattr(model, "network", Sparing(network, orders))
    with torch.inference_mode():
        maps = list(model.predict_shot((rgb, None) for rgb in rgbs))
        for at, order in orders.items():
            window = torch.from_numpy(clip[list(order)]).permute(3, 0, 1, 2)[None]
            raw = network(window.contiguous())[0].numpy()
            assert np.allclose(maps[at], model.finish(raw, (40, 60)), rtol=1e-4)
            assert np.std(maps[at] / maps[at].mean()) > 1e-3
    assert len({values.tobytes() for values in maps}) == len(rgbs)


def test_how_far_each_looks(vinet: ViNet, vinet_s: ViNet) -> None:
    assert (vinet.reach_frames, vinet.lookahead_frames) == (31, 31)
    assert (vinet_s.reach_frames, vinet_s.lookahead_frames) == (31, 0)
    frames = (Frame(rgb, index=index) for index, rgb in enumerate(pictures(2)))
    assert next(vinet_s.stream(frames)).frame_index == 0
    assert next(frames).index == 1  # the live model has not touched it


def test_one_frame_is_a_clip(vinet: ViNet) -> None:
    (prediction,) = vinet.stream([Frame(pictures(1)[0])])
    assert prediction.map_density.shape == prediction.density.shape == (40, 60)


def test_damaged_weights_are_an_error_not_a_map() -> None:
    state = small_state(ViNetS)
    state["decoder.convtsp3.0.weight"][0, 0, 0] = np.nan
    model = load(SmallViNetS, state)
    with pytest.raises(WeightsError, match="vinet-s: predicts values that are no numbers, first for frame 0"):
        list(model.stream([Frame(pictures(1)[0])]))
