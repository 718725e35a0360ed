"""SalGAN: stages, Lasagne's flipped kernels, the way back to the frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import correlate1d
from scipy.signal import convolve2d
from torch import nn
from torch.func import functional_call

from gfsalnet.errors import WeightsError
from gfsalnet.models.published.salgan import Generator, SalGAN, area_input, at_frame_size
from gfsalnet.network.weights import compare_keys
from gfsalnet.types import Frame

ENCODER = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
DECODER = (30, 32, 34, 37, 39, 41, 44, 46, 48, 51, 53, 56, 58, 60)
UPSAMPLES = (36, 43, 50, 55)

# Index of a stage's last layer → channels, height, width for an input of 192x256.
STAGES = {
    **dict(zip((4, 9, 16, 23), [(64, 96, 128), (128, 48, 64), (256, 24, 32), (512, 12, 16)], strict=True)),
    **dict(zip((29, 36, 43, 50), [(512, 12, 16), (512, 24, 32), (512, 48, 64), (256, 96, 128)], strict=True)),
    **dict(zip((55, 59, 61), [(128, 192, 256), (64, 192, 256), (1, 192, 256)], strict=True)),
}


@pytest.fixture(scope="module")
def model() -> SalGAN:
    torch.manual_seed(0)
    return SalGAN(Generator().state_dict(), weights_hash="random")


def lasagne(network: nn.Module) -> dict[str, np.ndarray]:
    """An official file of this network's sizes that holds nothing yet, and so takes no memory."""
    shapes = [value.shape for value in network.state_dict().values()]
    return {f"arr_{i}": np.broadcast_to(np.float32(0), shape) for i, shape in enumerate(shapes)}


def test_names_and_count_are_the_official_ones(model: SalGAN) -> None:
    names = [f"salgan.{index}.{kind}" for index in ENCODER + DECODER for kind in ("weight", "bias")]
    assert list(model.network.state_dict()) == names
    assert sum(p.numel() for p in model.network.parameters()) == 31_787_009
    layers = model.network.salgan
    assert [i for i, layer in enumerate(layers) if isinstance(layer, nn.Upsample)] == list(UPSAMPLES)
    assert {layers[i].mode for i in UPSAMPLES} == {"nearest"}


def test_every_stage_has_the_published_size() -> None:
    with torch.device("meta"):
        x, shapes = torch.empty(1, 3, 192, 256), {}
        for index, layer in enumerate(Generator().salgan):
            x = layer(x)
            shapes[index] = tuple(x.shape[1:])
    assert {index: shapes[index] for index in STAGES} == STAGES
    assert len(shapes) == 62


def test_an_official_file_fits_strictly(model: SalGAN) -> None:
    official = lasagne(model.network)
    assert len(official) == 54
    found = {name: torch.empty(value.shape) for name, value in SalGAN.from_official(official).items()}
    assert compare_keys(model.network.state_dict(), found).fits
    more = SalGAN.from_official({**official, "arr_54": np.zeros(1)})
    assert compare_keys(found, {k: torch.empty(v.shape) for k, v in more.items()}).unexpected == ("arr_54",)


@torch.inference_mode()
def test_decoder_kernels_are_true_convolutions(model: SalGAN) -> None:
    """The last three layers in Lasagne's algebra: kernels as in the file, flipped by the convolution itself."""
    rng = np.random.default_rng(5)
    shapes = {key: values.shape for key, values in lasagne(model.network).items()}
    official = {f"arr_{i}": rng.normal(size=shapes[f"arr_{i}"], scale=0.1).astype(np.float32) for i in range(48, 54)}
    maps = x = rng.normal(size=(128, 4, 5))
    for weight, bias in (("arr_48", "arr_49"), ("arr_50", "arr_51")):
        maps = np.stack(
            [
                np.maximum(sum(convolve2d(m, k, mode="same") for m, k in zip(maps, kernels, strict=True)) + b, 0)
                for kernels, b in zip(official[weight], official[bias], strict=True)
            ]
        )
    logit = np.tensordot(official["arr_52"][0, :, 0, 0], maps, axes=1) + official["arr_53"][0]
    tail = model.network.salgan[56:]
    converted = SalGAN.from_official(official)
    state = {name.removeprefix("salgan."): torch.from_numpy(values.copy()) for name, values in converted.items()}
    ours = functional_call(tail, state, torch.from_numpy(x).float()[None], strict=True)[0, 0].numpy()
    np.testing.assert_allclose(ours, 1 / (1 + np.exp(-logit)), atol=1e-5)
    assert ours.std() > 0.01


def test_the_decoder_begins_after_the_thirteenth_convolution(model: SalGAN) -> None:
    official = lasagne(model.network)
    kernel = np.random.default_rng(0).normal(size=(512, 512, 3, 3)).astype(np.float32)
    state = SalGAN.from_official({**official, "arr_24": kernel, "arr_26": kernel})
    np.testing.assert_array_equal(state["salgan.28.weight"], kernel)
    np.testing.assert_array_equal(state["salgan.30.weight"], np.rot90(kernel, 2, axes=(2, 3)))


@torch.inference_mode()
def test_input_is_an_area_mean_blue_first() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    means = rgb.reshape(8, 3, 10, 4, 3).mean(axis=(1, 3))
    expected = means[..., ::-1] - (103.939, 116.779, 123.68)
    x = area_input(rgb, (8, 10))
    assert x.shape == (1, 3, 8, 10)
    np.testing.assert_allclose(x[0].permute(1, 2, 0).numpy(), expected, atol=0.51)  # uint8 in between


def test_back_to_the_frame_is_cubic_with_a_binomial_blur() -> None:
    saliency = np.random.default_rng(2).random((6, 8), dtype=np.float32) ** 6
    cubic = F.interpolate(torch.from_numpy(saliency)[None, None], (18, 24), mode="bicubic")[0, 0].numpy()
    blurred = cubic
    for axis in (0, 1):
        blurred = correlate1d(blurred, np.array([1, 4, 6, 4, 1]) / 16, axis=axis, mode="mirror")
    assert blurred.min() < 0
    ours = at_frame_size(saliency, (18, 24))
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, np.maximum(blurred, 0), atol=1e-5)


def test_every_frame_by_itself(model: SalGAN, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SalGAN, "input_size_hw", (32, 48))
    rng = np.random.default_rng(3)
    frames = [Frame(rng.integers(0, 256, (30, 44, 3), dtype=np.uint8), i / 25, i) for i in range(3)]
    together = list(model.stream(frames))
    assert [p.frame_index for p in together] == [0, 1, 2]
    for frame, prediction in zip(frames, together, strict=True):
        (alone,) = model.stream([frame])
        np.testing.assert_array_equal(prediction.map_density, alone.map_density)
        assert alone.map_density.shape == (30, 44)
        assert alone.map_density.sum() == pytest.approx(1, abs=1e-5)
    assert np.abs(together[0].map_density - together[1].map_density).max() > 0


def test_damaged_weights_are_reported(model: SalGAN, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SalGAN, "input_size_hw", (16, 16))
    state = dict(model.network.state_dict())
    state["salgan.60.bias"] = torch.full((1,), torch.nan)
    damaged = SalGAN(state, weights_hash="nan")
    with pytest.raises(WeightsError, match="no numbers"):
        list(damaged.stream([Frame(np.zeros((16, 16, 3), np.uint8))]))
