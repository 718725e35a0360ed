"""SalEMA against its published algorithm written out step by step, on drawn frames and on a real clip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gfsalnet.errors import WeightsError
from gfsalnet.models.published.salema import FIXED_ALPHA, RecurrentGenerator, SalEMA
from gfsalnet.network.weights import compare_keys
from gfsalnet.types import RGB, Frame
from gfsalnet.video import open_source

CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 30, 32, 34, 37, 39, 41, 44, 46, 48, 51, 53, 56, 58, 60)
POOLS, UPSAMPLES, AVERAGED, LAST = (4, 9, 16, 23), (36, 43, 50, 55), 30, 61
ALPHA = 0.7


@pytest.fixture(scope="module")
def official() -> dict[str, np.ndarray]:
    """Random weights under the official names, in their order, scaled so that signals live on to the end."""
    rng, state, inputs = np.random.default_rng(11), {"alpha": np.array([ALPHA], np.float32)}, 3
    widths = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 12 + [256] * 3 + [128] * 2 + [64] * 2 + [1]
    for index, outputs in zip(CONVOLUTIONS, widths, strict=True):
        side = 1 if index == CONVOLUTIONS[-1] else 3
        spread = np.sqrt(2 / (inputs * side * side)) if side == 3 else 0.01
        weight = rng.standard_normal((outputs, inputs, side, side), np.float32) * np.float32(spread)
        state[f"salgan.{index}.weight"] = weight
        state[f"salgan.{index}.bias"] = rng.normal(scale=0.1, size=outputs).astype(np.float32)
        inputs = outputs
    return state


@pytest.fixture(scope="module")
def weights(official: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(values) for name, values in official.items()}


@pytest.fixture(scope="module")
def model(weights: dict[str, Tensor]) -> SalEMA:
    return SalEMA(weights, weights_hash="random")


def layers(state: Mapping[str, Tensor], x: Tensor, first: int, last: int) -> Tensor:
    """Layers `first` to `last` by their official indices."""
    for index in range(first, last + 1):
        if index in CONVOLUTIONS:
            weight = state[f"salgan.{index}.weight"]
            x = F.conv2d(x, weight, state[f"salgan.{index}.bias"], padding=weight.shape[-1] // 2)
        elif index in POOLS:
            x = x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).amax(dim=(3, 5))
        elif index in UPSAMPLES:
            x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        else:
            x = 1 / (1 + torch.exp(-x)) if index == LAST else x.clamp(min=0)
    return x


def published_maps(state: Mapping[str, Tensor], pictures: list[RGB], size_wh: tuple[int, int]) -> list[np.ndarray]:
    """What the published program would write for these frames, as float."""
    average, maps, share = None, [], 1 / (1 + torch.exp(-state["alpha"]))
    for rgb in pictures:
        bgr = cv2.resize(np.ascontiguousarray(rgb[..., ::-1]), size_wh, interpolation=cv2.INTER_AREA)
        x = torch.tensor(bgr.astype(np.float64) - [103.939, 116.779, 123.68]).float().permute(2, 0, 1)[None]
        new = layers(state, x, 0, AVERAGED)
        average = new if average is None else share * new + (1 - share) * average
        saliency = layers(state, average, AVERAGED + 1, LAST)[0, 0]
        maps.append(((saliency - saliency.min()) / (saliency.max() - saliency.min())).numpy())
    return maps


def noise(count: int, size_hw: tuple[int, int], seed: int = 0) -> list[RGB]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, *size_hw, 3), dtype=np.uint8))


@torch.inference_mode()
def predicted(model: SalEMA, pictures: list[RGB]) -> list[np.ndarray]:
    return list(model.predict_shot((rgb, None) for rgb in pictures))


def test_names_and_count_are_the_official_ones(official: dict[str, np.ndarray]) -> None:
    with torch.device("meta"):
        ours = SalEMA.make_network().state_dict()
    assert list(ours) == list(official)
    assert sum(value.numel() for value in ours.values()) == 31_787_009 + 1


def test_maps_are_the_published_ones(
    model: SalEMA, weights: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SalEMA, "input_size_hw", (32, 48))
    pictures = noise(4, (50, 70))
    with torch.inference_mode():
        expected = published_maps(weights, pictures, (48, 32))
    for ours, theirs in zip(predicted(model, pictures), expected, strict=True):
        assert ours.dtype == np.float64
        assert ours.shape == (32, 48)
        assert (ours.min(), ours.max()) == (0, 1)
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert np.abs(expected[0] - expected[3]).max() > 0.1


@pytest.mark.slow
@pytest.mark.shared
def test_maps_of_a_real_clip_are_the_published_ones(
    model: SalEMA, weights: dict[str, Tensor], shared_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a quarter of the published area."""
    assert SalEMA.input_size_hw == (192, 256)
    monkeypatch.setattr(SalEMA, "input_size_hw", (96, 128))
    with open_source(str(shared_dir / "data" / "clips" / "sam2_01_dog.mp4")) as reader:
        frames = [frame for frame, _ in zip(reader, range(2), strict=False)]
    with torch.inference_mode():
        expected = published_maps(weights, [frame.rgb for frame in frames], (128, 96))
    for prediction, theirs in zip(model.stream(frames), expected, strict=True):
        ours = prediction.map_density * theirs.sum()
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@torch.inference_mode()
def test_the_average_is_exponential_and_before_the_relu(model: SalEMA) -> None:
    xs = [torch.randn(1, 3, 16, 16, generator=torch.manual_seed(seed)) * 50 for seed in range(4)]
    state, share = None, 1 / (1 + np.exp(-ALPHA))
    for x in xs:
        saliency, state = model.network.step(x, state)
    alone = [model.network.salgan[:31](x) for x in xs]
    factors = [(1 - share) ** 3, *(share * (1 - share) ** ago for ago in (2, 1, 0))]
    assert sum(factors) == pytest.approx(1)
    expected = sum(factor * value for factor, value in zip(factors, alone, strict=True))
    assert expected.min() < -0.1
    torch.testing.assert_close(state, expected.float(), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(saliency, model.network.salgan[31:](state))


def test_a_shot_forgets_the_one_before(model: SalEMA, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SalEMA, "input_size_hw", (16, 16))
    dark, bright = np.full((2, 20, 20, 3), [[[[10]]], [[[240]]]], np.uint8)
    dark[5:9, 5:9], bright[3:6, 8:15] = 60, 190
    cut = [Frame(rgb, i / 25, i) for i, rgb in enumerate([dark, dark, bright])]
    *_, after_cut = model.stream(cut)
    (alone,) = model.stream([cut[-1]])
    assert after_cut.starts_shot
    np.testing.assert_array_equal(after_cut.map_density, alone.map_density)
    within = predicted(model, [dark, bright])[1]
    assert np.abs(within / within.sum() - alone.map_density).max() > 1e-4


def test_a_file_without_alpha_gets_the_paper_s(official: dict[str, np.ndarray]) -> None:
    with torch.device("meta"):
        expected = RecurrentGenerator().state_dict()
    fixed = {name: values for name, values in official.items() if name != "alpha"}
    state = SalEMA.from_official(fixed)
    assert compare_keys(expected, {name: torch.from_numpy(values) for name, values in state.items()}).fits
    assert state["alpha"].tolist() == pytest.approx([FIXED_ALPHA])
    assert SalEMA.from_official(official)["alpha"] is official["alpha"]
    assert "salgan.99.weight" in SalEMA.from_official({**official, "salgan.99.weight": official["alpha"]})


def test_damaged_weights_are_reported(weights: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SalEMA, "input_size_hw", (16, 16))
    damaged = SalEMA({**weights, "alpha": torch.tensor([torch.nan])}, weights_hash="nan")
    frames = [Frame(rgb, i / 25, i) for i, rgb in enumerate([np.full((16, 16, 3), 99, np.uint8)] * 2)]
    with pytest.raises(WeightsError, match="first for frame 1"):
        list(damaged.stream(frames))
