"""UNISAL: the whole network by its official names, and the five sequences."""

from __future__ import annotations

import math
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawn_weights import Shapes, load, read_manifest, shapes_of
from scipy.signal import correlate
from scipy.special import expit, logsumexp

from gfsalnet.errors import WeightsError
from gfsalnet.models.published.resampling import pillow_lanczos
from gfsalnet.models.published.unisal import (
    DOMAINS,
    UNISAL,
    DomainNorm,
    GRUCell,
    MobileNetV2,
    gaussian_maps,
    nearest_input_hw,
)
from gfsalnet.types import Frame
from gfsalnet.video import open_source

State = dict[str, torch.Tensor]


def randomised(shapes: Shapes) -> State:
    """Weights that keep signals alive through all layers and differ between the domains."""
    generator = torch.Generator().manual_seed(0)

    def values(name: str, shape: tuple[int, ...]) -> torch.Tensor:
        uniform, normal = torch.rand(shape, generator=generator), torch.randn(shape, generator=generator)
        if name.endswith("num_batches_tracked"):
            return torch.tensor(7)
        if "smoothing" in name:
            return uniform / 41**2
        if "gaussians" in name:
            return uniform - torch.tensor([0.0, 1.5])
        if name.endswith("running_var") or ".a_" in name or (name.endswith("weight") and len(shape) == 1):
            return uniform + 0.5
        return normal * (2 / math.prod(shape[1:])) ** 0.5 if len(shape) == 4 else normal / 10

    return {name: values(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def state() -> State:
    return randomised(shapes_of(UNISAL.make_network()))


@pytest.fixture(scope="module")
def model(state: State) -> UNISAL:
    return UNISAL(state, weights_hash="drawn")


def pictures(count: int, size_hw: tuple[int, int] = (48, 64)) -> list[Frame]:
    """Frames that differ too little for a cut."""
    rng = np.random.default_rng(1)
    ground = rng.integers(60, 160, (*size_hw, 3))
    moved = [ground + rng.integers(-25, 25, ground.shape) for _ in range(count)]
    return [Frame(rgb.astype(np.uint8), index / 30, index) for index, rgb in enumerate(moved)]


class Reference:
    """The official computation, written from the names and shapes of the weights alone."""

    def __init__(self, state: State, domain: str) -> None:
        self.state, self.domain = state, domain

    def conv(self, name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        weight, bias = self.state[f"{name}.weight"], self.state.get(f"{name}.bias")
        groups = len(x[0]) // weight.shape[1]
        return F.conv2d(x, weight, bias, stride, weight.shape[2] // 2, groups=groups)

    def norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        if f"{name}.weight" not in self.state:
            name = f"{name}.bn_{self.domain}"
        keys = ("running_mean", "running_var", "weight", "bias")
        mean, variance, weight, bias = (self.state[f"{name}.{key}"][:, None, None] for key in keys)
        return (x - mean) / torch.sqrt(variance + 1e-5) * weight + bias

    def layers(self, name: str, x: torch.Tensor, last: int, stride: int = 1) -> torch.Tensor:
        """Convolutions at 0, 3, 6, each normalised, all but the last ReLU6."""
        for at in range(0, last + 1, 3):
            x = self.norm(f"{name}.{at + 1}", self.conv(f"{name}.{at}", x, stride if at == 0 else 1))
            x = x if at == last else x.clamp(0, 6)
        return x

    def backbone(self, x: torch.Tensor) -> list[torch.Tensor]:
        seen = [self.layers("cnn.features.0", x, 0, stride=2).clamp(0, 6)]
        for index in range(1, 18):
            x = seen[-1][..., ::2, ::2] if index - 1 in (2, 4, 7, 14) else seen[-1]
            out = self.layers(f"cnn.features.{index}.conv", x, 3 if index == 1 else 6)
            repeats = index in (3, 5, 6, 8, 9, 10, 12, 13, 15, 16)
            seen.append(x + out if repeats else out)
        return [self.layers("cnn.features.18", seen[17], 0).clamp(0, 6), seen[14], seen[7]]

    def priors(self, size_hw: tuple[int, int]) -> torch.Tensor:
        y, x = (np.arange(side) / (side - 1) for side in size_hw)
        (mu_y, sy), (mu_x, sx) = (
            self.state[f"coarse_gaussians_{self.domain.lower()}"].double().numpy().transpose(1, 2, 0)
        )
        bell_y = np.exp(-(((y - mu_y[:, None]) / np.exp(sy)[:, None]) ** 2) / 2)
        bell_x = np.exp(-(((x - mu_x[:, None]) / np.exp(sx)[:, None]) ** 2) / 2)
        return torch.from_numpy(6 * np.einsum("ny,nx->nyx", bell_y, bell_x)[None]).float()

    def skip(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self.layers(f"{name}.reduction", self.layers(f"{name}.expansion", x, 0).clamp(0, 6), 0)

    def recur(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        cell = "rnn.cell_list.0."

        def product(matrix: str, norm: str, scale: str, of: torch.Tensor) -> torch.Tensor:
            hidden = self.norm(f"{cell}{matrix}.sep_bn", self.conv(f"{cell}{matrix}.conv_dw", of)).clamp(0, 6)
            out = self.norm(f"{cell}norm_{norm}", self.conv(f"{cell}{matrix}.conv_sep", hidden))
            return out * self.state[f"{cell}a_{scale}"]

        r = torch.sigmoid(product("w_r", "r_x", "r_x", x) + product("u_r", "r_h", "r_h", h) + self.state[f"{cell}b_r"])
        z = torch.sigmoid(product("w_z", "z_x", "z_x", x) + product("u_z", "z_h", "z_h", h) + self.state[f"{cell}b_z"])
        kept = r * product("u", "out_h", "h_h", h)
        return (1 - z) * h + z * torch.tanh(product("w", "out_x", "h_x", x) + kept + self.state[f"{cell}b_h"])

    def __call__(
        self, image: torch.Tensor, size_hw: tuple[int, int], h: torch.Tensor | None = None
    ) -> tuple[np.ndarray[Any, Any], torch.Tensor | None]:
        coarse, middle, fine = self.backbone(image)
        x = torch.cat([coarse, self.priors((coarse.shape[2], coarse.shape[3]))], 1)
        x = self.layers("post_cnn.inv_res.conv", x, 3)
        if self.domain != "SALICON":
            h = self.recur(x, torch.zeros_like(x) if h is None else h)
            x = x + self.layers("post_rnn", h, 0).clamp(0, 6)
        x = torch.cat([bilinear(x, middle.shape[2:]), self.skip("skip_2x", middle)], 1)
        x = bilinear(self.layers("upsampling_2.inv_res.conv", x, 6), fine.shape[2:])
        x = torch.cat([x, self.skip("skip_4x", fine)], 1)
        x = self.conv(f"adaptation_{self.domain.lower()}.0", self.layers("post_upsampling_2.inv_res.conv", x, 6))
        blocks = np.kron(x[0, 0].double().numpy(), np.ones((8, 8)))  # the nearest of 1/8
        kernel = self.state[f"smoothing_{self.domain.lower()}.weight"][0, 0].double().numpy()
        smooth = correlate(np.pad(blocks, 20, mode="edge"), kernel, mode="valid", method="fft")
        logits = bilinear(torch.from_numpy(smooth)[None, None], size_hw)[0, 0].numpy()
        return np.exp(logits - logsumexp(logits)), h


def bilinear(x: torch.Tensor, size_hw: tuple[int, ...]) -> torch.Tensor:
    """Pixel centres on pixel centres, clamped at the border: by matrices."""

    def matrix(source: int, target: int) -> torch.Tensor:
        at = ((torch.arange(target, dtype=torch.float64) + 0.5) * source / target - 0.5).clamp(0, source - 1)
        return (1 - (at[:, None] - torch.arange(source)).abs()).clamp(min=0)

    rows, columns = matrix(x.shape[2], size_hw[0]), matrix(x.shape[3], size_hw[1])
    return (rows @ x.double() @ columns.T).to(x.dtype)


def normalised(rgb: np.ndarray[Any, Any], size_hw: tuple[int, int]) -> torch.Tensor:
    image = torch.from_numpy(pillow_lanczos(rgb, size_hw)).float() / 255
    return ((image - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])).permute(2, 0, 1)[None]


@pytest.mark.shared
def test_the_official_weights_are_all_there_and_no_others(shared_dir: Path) -> None:
    shapes = read_manifest(shared_dir / "facts" / "manifests" / "unisal.tsv")
    assert len(shapes) == 835
    official = {name: value.numpy() for name, value in randomised(shapes).items()}
    network = load(UNISAL, official).network
    assert shapes_of(network) == shapes
    assert np.array_equal(network.get_parameter("rnn.cell_list.0.a_z_h").detach(), official["rnn.cell_list.0.a_z_h"])


def test_it_has_as_many_parameters_as_published() -> None:
    assert sum(parameter.numel() for parameter in UNISAL.make_network().parameters()) == 3_714_872


def test_batch_norms_are_the_official_ones() -> None:
    norms = {name: m for name, m in UNISAL.make_network().named_modules() if isinstance(m, torch.nn.BatchNorm2d)}
    assert {norm.eps for norm in norms.values()} == {1e-5}
    assert {norm.momentum for name, norm in norms.items() if name.startswith("cnn.")} == {0.1}
    assert {norm.momentum for name, norm in norms.items() if name.startswith("post_cnn.")} == {0.01}
    by_domain = [(name, norm.momentum) for name, norm in norms.items() if "bn_" in name]
    assert len(by_domain) == 4 * (12 + 1 + 2 * 2 + 2 * 3)
    assert all(momentum == (0.1 if "SALICON" in name else 0.01) for name, momentum in by_domain)


@torch.inference_mode()
def test_skips_leave_the_backbone_before_it_is_subsampled(model: UNISAL) -> None:
    """The shortcut taken for the two early blocks gives what a stride of 1 and every other pixel give."""
    backbone = deepcopy(model.network.cnn).double()  # in float32 the order of sums, which threads decide, shows
    assert isinstance(backbone, MobileNetV2)
    image = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(2)).double()
    levels = backbone(image)
    assert [tuple(level.shape[1:]) for level in levels] == [(1280, 2, 3), (160, 4, 6), (64, 8, 12)]
    slow = deepcopy(backbone.features)
    for early in (2, 4):
        slow[early].conv[3].stride = (1, 1)
    for index, layer in enumerate(slow):
        image = layer(image)
        for tap, level in ((7, levels[2]), (14, levels[1]), (18, levels[0])):
            assert index != tap or torch.allclose(image, level, rtol=1e-9, atol=1e-9)
        image = image[..., ::2, ::2] if index in (2, 4, 7, 14) else image


@pytest.mark.parametrize("domain", DOMAINS)
@torch.inference_mode()
def test_the_network_is_the_published_one(model: UNISAL, state: State, domain: str) -> None:
    first, second = torch.randn(2, 1, 3, 64, 96, generator=torch.Generator().manual_seed(3))
    reference = Reference(state, domain)
    expected, h = reference(first, (50, 90))
    log_density, carried = model.network(first, (50, 90), domain)
    assert log_density.shape == (1, 1, 50, 90)
    assert np.allclose(log_density[0, 0].exp(), expected, rtol=1e-4, atol=0)
    if domain == "SALICON":
        assert h is None
        assert carried is None
    else:
        expected_next, _ = reference(second, (50, 90), h)
        following, _ = model.network(second, (50, 90), domain, carried)
        assert np.allclose(following[0, 0].exp(), expected_next, rtol=1e-4, atol=0)
        forgetful, _ = model.network(second, (50, 90), domain)
        assert not np.allclose(forgetful[0, 0].exp(), expected_next, rtol=1e-2, atol=0)


@torch.inference_mode()
def test_the_cell_is_a_gru() -> None:
    """Where each product is the identity, its gates are those of torch's own GRU with diagonal matrices."""
    cell = GRUCell(3).eval()
    with torch.no_grad():
        for matrix in (cell.w_r, cell.w_z, cell.w, cell.u_r, cell.u_z, cell.u):
            matrix.conv_dw.weight.zero_()[:, :, 1, 1] = 1
            matrix.conv_sep.weight.copy_(torch.eye(3)[:, :, None, None])
        scales = torch.randn(6, 3, 1, 1, generator=torch.Generator().manual_seed(4))
        names = ("a_r_x", "a_z_x", "a_h_x", "a_r_h", "a_z_h", "a_h_h")
        for name, scale in zip(names, scales, strict=True):
            cell.get_parameter(name).copy_(scale)
        for name, bias in (("b_r", 0.3), ("b_z", -0.2), ("b_h", 0.1)):
            cell.get_parameter(name).fill_(bias)
    for norm in (module for module in cell.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.eps = 0.0
    x, h = torch.rand(2, 1, 3, 1, 1, generator=torch.Generator().manual_seed(5))  # ReLU6 leaves 0…6 alone
    torch_cell = torch.nn.GRUCell(3, 3)
    torch_cell.weight_ih.copy_(torch.cat([scale.flatten().diag() for scale in scales[:3]]))
    torch_cell.weight_hh.copy_(torch.cat([scale.flatten().diag() for scale in scales[3:]]))
    torch_cell.bias_ih.copy_(torch.tensor([0.3] * 3 + [0.2] * 3 + [0.1] * 3))
    torch_cell.bias_hh.zero_()
    torch_cell.weight_ih[3:6] *= -1  # torch's update gate keeps the old, this one lets in the new
    torch_cell.weight_hh[3:6] *= -1
    assert torch.allclose(cell(x, h)[0, :, 0, 0], torch_cell(x[:, :, 0, 0], h[:, :, 0, 0])[0], atol=1e-6)
    reset = expit((scales[0] * x + scales[3] * h + 0.3).numpy())
    assert 0.1 < reset.min() < reset.max() < 0.9


def test_priors_are_bells_down_and_across() -> None:
    bells = gaussian_maps(torch.tensor([[[0.5, math.log(0.25)], [1.0, math.log(0.5)]]]), (3, 5))
    down, across = [math.exp(-2), 1, math.exp(-2)], [math.exp(-((1 - x / 4) ** 2) * 2) for x in range(5)]
    assert np.allclose(bells[0], [[6 * y * x for x in across] for y in down])


def test_priors_and_smoothing_start_as_published() -> None:
    network = UNISAL.make_network()
    priors = network.get_parameter("coarse_gaussians_hollywood").detach()
    maps = gaussian_maps(priors, (41, 41))
    peaks = [divmod(int(prior.argmax()), 41) for prior in maps[:9]]
    assert peaks == [(10 * row, 10 * column) for row in (1, 2, 3) for column in (1, 2, 3)]
    ends = [[float(prior[0, 20]), float(prior[20, 0])] for prior in maps[[10, 13, 15]]]
    wide, narrow = 6 * math.exp(-1 / 8), 6 * math.exp(-((0.5 / math.exp(-1.5)) ** 2) / 2)
    assert np.allclose(ends, [[wide, narrow], [narrow, wide], [wide, wide]], rtol=1e-4)
    kernel = network.get_parameter("smoothing_salicon.weight").detach()[0, 0]
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-5)
    assert float(kernel[20, 20] / kernel[20, 0]) == pytest.approx(math.exp((0.5 / math.exp(-2)) ** 2 / 2), rel=1e-4)


@pytest.mark.slow
@torch.inference_mode()
def test_every_fifth_frame_carries_on_a_sequence_of_its_own(model: UNISAL, state: State) -> None:
    """Frames 1 and 6 of a clip of 7 are one sequence; the size is that of 100 to 120 squares of 32 pixels."""
    clip = pictures(7)
    densities = [prediction.density for prediction in model.stream(clip)]
    assert len(densities) == 7
    reference, h = Reference(state, "DHF1K"), None
    for index in (1, 6):
        expected, h = reference(normalised(clip[index].rgb, (288, 384)), (48, 64), h)
        assert np.allclose(densities[index], expected, rtol=1e-4, atol=1e-9)


@pytest.mark.slow
@torch.inference_mode()
def test_one_frame_alone_is_a_still_image(model: UNISAL, state: State) -> None:
    clip = pictures(2)
    (alone,) = model.stream(clip[:1])
    expected, _ = Reference(state, "SALICON")(normalised(clip[0].rgb, (288, 384)), (48, 64))
    assert np.allclose(alone.density, expected, rtol=1e-4, atol=1e-9)
    first, _ = model.stream(clip)
    assert not np.allclose(first.density, alone.density, rtol=0.1)


@pytest.mark.parametrize(
    ("frame_hw", "squares"),
    [
        ((1000, 1300), (9, 12)),
        ((700, 1300), (8, 13)),
        ((1300, 700), (13, 8)),
        ((50, 50), (10, 10)),
        ((90, 1300), (8, 13)),
    ],
)
def test_frames_are_brought_to_100_to_120_squares(frame_hw: tuple[int, int], squares: tuple[int, int]) -> None:
    """10x13 and 7x13 would suit the first two better, but are 130 and 91."""
    assert nearest_input_hw(frame_hw) == (32 * squares[0], 32 * squares[1])


@pytest.mark.parametrize(("count", "input_hw"), [(2, (224, 384)), (1, (256, 416))])
def test_videos_of_dhf1ks_size_have_its_input_size(count: int, input_hw: tuple[int, int], monkeypatch: Any) -> None:
    model = UNISAL(UNISAL.make_network().state_dict(), weights_hash="drawn")
    seen = []

    def spy(image: torch.Tensor, size_hw: tuple[int, int], *_: object) -> tuple[torch.Tensor, None]:
        seen.append(tuple(image.shape[2:]))
        return torch.zeros(1, 1, *size_hw), None

    monkeypatch.setattr(model.network, "forward", spy)
    assert [prediction.map_density.shape for prediction in model.stream(pictures(count, (360, 640)))] == [
        (360, 640)
    ] * count
    assert seen == [input_hw] * count


@pytest.fixture
def small_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ninth of the published area."""
    monkeypatch.setattr("gfsalnet.models.published.unisal.nearest_input_hw", lambda frame_hw: (96, 128))


@pytest.mark.usefixtures("small_input")
def test_a_cut_starts_a_new_sequence(model: UNISAL) -> None:
    """Six frames after a cut are predicted as if they were the whole clip."""
    after = pictures(6)
    dark = [Frame(np.zeros((48, 64, 3), np.uint8), 0.0, 0)] * 2
    alone, following = list(model.stream(after)), list(model.stream([*dark, *after]))[2:]
    assert following[0].starts_shot
    assert all(np.array_equal(one.density, two.density) for one, two in zip(alone, following, strict=True))


def test_weights_of_another_network_are_refused(state: State) -> None:
    without = {name: value for name, value in state.items() if name != "post_rnn.1.bn_UCFSports.bias"}
    with pytest.raises(WeightsError, match=r"1 missing: post_rnn\.1\.bn_UCFSports\.bias"):
        UNISAL(without, weights_hash="drawn")
    with pytest.raises(WeightsError, match="1 not expected: fc"):
        UNISAL({**state, "fc": torch.zeros(1)}, weights_hash="drawn")


@pytest.mark.usefixtures("small_input")
def test_weights_that_are_no_numbers_are_noticed(state: State) -> None:
    broken = {**state, "adaptation_dhf1k.0.bias": torch.tensor([math.nan])}
    with pytest.raises(WeightsError, match="no numbers, first for frame 0"):
        list(UNISAL(broken, weights_hash="drawn").stream(pictures(2)))


def test_a_domain_has_its_own_norm() -> None:
    norm = DomainNorm(1).eval()
    norm.get_submodule("bn_UCFSports").get_parameter("bias").data.fill_(3)
    assert float(norm(torch.zeros(1, 1, 1, 1)).detach()) == 0
    norm.domain = "UCFSports"
    assert float(norm(torch.zeros(1, 1, 1, 1)).detach()) == 3


@pytest.mark.slow
@pytest.mark.shared
@torch.inference_mode()
def test_a_real_clip_from_decoding_to_density(shared_dir: Path, model: UNISAL, state: State) -> None:
    with open_source(str(shared_dir / "data" / "dhf1k_0002" / "video.avi")) as reader:
        clip = list(islice(reader, 6))
    predictions = list(model.stream(clip))
    reference = Reference(state, "DHF1K")
    _, h = reference(normalised(clip[0].rgb, (224, 384)), (360, 640))
    expected, _ = reference(normalised(clip[5].rgb, (224, 384)), (360, 640), h)
    assert np.allclose(predictions[5].density, expected, rtol=1e-4, atol=1e-9)
    assert not np.allclose(predictions[0].density, expected, rtol=0.1)
