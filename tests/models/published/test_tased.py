"""TASED-Net: the official state, unpooling by hand, the decoder from the names of a state, and the way in and out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawn_weights import Sparing, State, load, random_state, read_manifest, shapes_of
from torch import Tensor

from gfsalnet.errors import WeightsError
from gfsalnet.models.published.tased import TASEDNet, TASEDNetwork, unpool
from gfsalnet.types import RGB, Frame


class Small(TASEDNet):
    input_size_hw = (32, 32)


@pytest.fixture(scope="module")
def state() -> State:
    with torch.device("meta"):
        return random_state(shapes_of(TASEDNetwork()))


@pytest.fixture(scope="module")
def small(state: State) -> TASEDNet:
    return load(Small, state)


@pytest.mark.slow
@pytest.mark.shared
def test_the_official_state_loads_strictly(shared_dir: Path) -> None:
    manifest = read_manifest(shared_dir / "facts" / "manifests" / "tased.tsv")
    assert len(manifest) == 513
    official = random_state(manifest)
    loaded = load(TASEDNet, official).network.state_dict()
    assert list(loaded) == list(manifest)
    assert all(np.array_equal(loaded[name].numpy(), value) for name, value in official.items())
    with pytest.raises(WeightsError, match="1 missing: base4"):
        load(TASEDNet, {name: value for name, value in official.items() if name != "base4.1.branch0.0.conv.weight"})
    with pytest.raises(WeightsError, match="1 not expected: extra"):
        load(TASEDNet, {**official, "extra": np.zeros(1)})


def test_parameter_count_is_the_published_one() -> None:
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in TASEDNetwork().parameters()) == 21_260_693


def unpooled_by_hand(x: np.ndarray, level: np.ndarray, kernel: int) -> np.ndarray:
    """(t, h, w) values laid where (T, 2h, 2w) has its maxima; of two that fall together, the later one stays."""
    steps, height, width = x.shape
    frames = level.shape[0] // steps
    result = np.zeros((steps, 2 * height, 2 * width))
    for t, y, x_ in np.ndindex(x.shape):
        of_time = level[t * frames : (t + 1) * frames].max(axis=0)
        top, left = (2 * at - (kernel - 1) // 2 for at in (y, x_))
        places = [
            (row, column)
            for row in range(max(top, 0), min(top + kernel, 2 * height))
            for column in range(max(left, 0), min(left + kernel, 2 * width))
        ]
        result[(t, *max(places, key=lambda place: of_time[place]))] = x[t, y, x_]
    return result


@pytest.mark.parametrize(("kernel", "frames"), [(2, 2), (3, 4), (3, 1)])
def test_values_go_to_where_the_maxima_lay(kernel: int, frames: int) -> None:
    rng = np.random.default_rng(0)
    x, level = rng.normal(size=(2, 3, 2, 3, 4)), rng.normal(size=(2, 3, 2 * frames, 6, 8))
    level[0, 0] = 0  # a flat map: the first place of every window
    found = unpool(torch.from_numpy(x), torch.from_numpy(level), kernel).numpy()
    for b, c in np.ndindex(2, 3):
        assert np.array_equal(found[b, c], unpooled_by_hand(x[b, c], level[b, c], kernel))


def transposed(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """(1, I, T, H, W) by (I, O, 1, k, k): every value spreads its kernel; the outermost row and column are cut off."""
    side = weight.shape[-1]
    cut = (side - 1) // 2
    _, _, steps, height, width = x.shape
    out = x.new_zeros(1, weight.shape[1], steps, (height - 1) * stride + side, (width - 1) * stride + side)
    for row in range(height):
        for column in range(width):
            spread = torch.einsum("bit,iokl->botkl", x[..., row, column], weight[:, :, 0])
            out[..., row * stride : row * stride + side, column * stride : column * stride + side] += spread
    return out[..., cut : out.shape[-2] - cut, cut : out.shape[-1] - cut]


class DecoderByHand:
    """The decoder once more, from the names of a state."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self.state = state

    def normed(self, x: Tensor, name: str) -> Tensor:
        mean, var, gain, shift = (
            self.state[f"{name}.{kind}"].view(-1, 1, 1, 1) for kind in ("running_mean", "running_var", "weight", "bias")
        )
        return F.relu((x - mean) / torch.sqrt(var + 1e-3) * gain + shift)

    def up(self, x: Tensor, name: str, bn: str, stride: int = 1) -> Tensor:
        return self.normed(transposed(x, self.state[f"{name}.weight"], stride), bn)

    def pairs(self, x: Tensor, name: str, bn: str) -> Tensor:
        """Every two steps of time to one."""
        weight = self.state[f"{name}.weight"][..., 0, 0]
        steps = [torch.einsum("oik,bikhw->bohw", weight, x[:, :, at : at + 2]) for at in range(0, x.shape[2], 2)]
        return self.normed(torch.stack(steps, 2), bn)

    def __call__(self, levels: list[Tensor]) -> Tensor:
        level1, level2, level3, x = levels
        x = self.normed(F.conv3d(x, self.state["convtsp1.0.weight"]), "convtsp1.1")
        x = placed(self.up(x, "convtsp1.3", "convtsp1.4"), level3, 2)
        x = placed(self.up(x, "convtsp2.0", "convtsp2.1"), level2, 3)
        x = placed(self.up(x, "convtsp3.0", "convtsp3.1"), level1, 3)
        x = self.up(x, "convtsp4.0", "convtsp4.1", 2)
        x = self.pairs(x, "convtsp4.3", "convtsp4.4")
        x = self.up(x, "convtsp4.6", "convtsp4.7")
        x = self.pairs(x, "convtsp4.9", "convtsp4.10")
        x = transposed(x, self.state["convtsp4.12.weight"], 2)
        x = F.conv3d(x, self.state["convtsp4.13.weight"], self.state["convtsp4.13.bias"])
        return 1 / (1 + torch.exp(-x[:, 0, 0]))


def placed(x: Tensor, level: Tensor, kernel: int) -> Tensor:
    maps = zip(x[0].numpy(), level[0].numpy(), strict=True)
    return torch.from_numpy(np.array([unpooled_by_hand(values, of, kernel) for values, of in maps]))[None]


@pytest.mark.slow
def test_the_decoder_by_hand(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    network = TASEDNetwork().double().eval()
    network.load_state_dict({name: torch.from_numpy(np.asarray(value)) for name, value in state.items()})
    rng = np.random.default_rng(1)
    sizes = [(192, 16, 8, 16), (480, 16, 4, 8), (832, 8, 2, 4), (1024, 4, 1, 2)]
    levels = [torch.from_numpy(rng.normal(size=(1, *size))).relu() for size in sizes]
    monkeypatch.setattr(network, "encode", lambda clip: levels)
    with torch.inference_mode():
        found, expected = network(torch.zeros(1)), DecoderByHand(network.state_dict())(levels)
    assert found.shape == (1, 32, 64)
    assert found.std() > 1e-3
    assert torch.allclose(found, expected, rtol=1e-9)


def test_pictures_are_sampled_between_four_pixels() -> None:
    """Without a wider filter for shrinking: what lies between the samples is not seen."""
    model = Small.__new__(Small)
    rgb = np.random.default_rng(2).integers(0, 256, (90, 150, 3), dtype=np.uint8)
    ys, xs = ((np.arange(count) + 0.5) * size / count - 0.5 for count, size in ((32, 90), (32, 150)))
    top, left = np.floor(ys).astype(int), np.floor(xs).astype(int)
    down, right = (ys - top)[:, None, None], (xs - left)[None, :, None]
    corners = [rgb[np.ix_(top + y, left + x)] for y in (0, 1) for x in (0, 1)]
    upper, lower = ((1 - right) * corners[at] + right * corners[at + 1] for at in (0, 2))
    found = model.resize(rgb)
    assert np.abs(found - ((1 - down) * upper + down * lower)).max() <= 1
    assert np.array_equal(found[..., ::-1], cv2.resize(rgb[..., ::-1].copy(), (32, 32)))  # as read in BGR


def test_colours_run_from_minus_one_to_one(small: TASEDNet) -> None:
    assert small.normalise(torch.tensor([0.0, 51.0, 127.5, 255.0])).tolist() == pytest.approx([-1, -0.6, 0, 1])


def test_maps_are_cut_to_256_steps_and_smoothed(small: TASEDNet) -> None:
    flat = small.finish(np.full((8, 8), 0.4999, np.float32), (8, 8))
    assert flat == pytest.approx(127 / 255)
    spike = np.zeros((81, 81), np.float32)
    spike[40, 40] = 0.9999
    squared = (np.mgrid[-28:29, -28:29] ** 2).sum(axis=0)
    gaussian = np.exp(-squared / (2 * 7**2))
    found = small.finish(spike, (81, 81))
    assert found.dtype == np.float64
    assert np.allclose(found[12:69, 12:69], 254 / 255 * gaussian / gaussian.sum())


def pictures(count: int) -> list[RGB]:
    rng = np.random.default_rng(3)
    ground = rng.integers(0, 256, (40, 90 + count, 3), dtype=np.uint8)
    return [np.ascontiguousarray(ground[:, at : at + 90]) for at in range(count)]


@pytest.mark.slow
def test_each_map_comes_from_the_window_that_ends_with_its_frame(
    small: TASEDNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    rgbs = pictures(33)
    smalls = [cv2.resize(rgb, (32, 32)) for rgb in rgbs]
    orders = {0: range(31, -1, -1), 1: range(32, 0, -1), 31: range(32), 32: range(1, 33)}
    network = small.network
    monkeypatch.setattr(small, "network", Sparing(network, orders))
    with torch.inference_mode():
        maps = list(small.predict_shot((rgb, None) for rgb in rgbs))
        assert len(maps) == 33
        for at, order in orders.items():
            clip = torch.from_numpy(np.stack([smalls[number] for number in order])).permute(3, 0, 1, 2)[None]
            raw = network(clip.float().mul(2).sub(255).div(255))[0].numpy()
            assert np.array_equal(maps[at], small.finish(raw, (40, 90)))
    assert len({values.tobytes() for values in maps}) == 33


def test_one_frame_is_a_clip(small: TASEDNet) -> None:
    (prediction,) = small.stream([Frame(pictures(1)[0])])
    assert prediction.map_density.shape == (32, 32)
    assert prediction.density.shape == (40, 90)
    assert prediction.starts_shot


def test_damaged_weights_are_an_error_not_a_map(state: State) -> None:
    model = load(Small, {**state, "base1.0.conv_s.weight": np.full((64, 3, 1, 7, 7), np.nan, np.float32)})
    with pytest.raises(WeightsError, match="tased-net: predicts values that are no numbers, first for frame 0"):
        list(model.stream([Frame(pictures(1)[0])]))
