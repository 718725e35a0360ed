"""Official weights into ours: what fits is written whole, what does not is refused with the reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from gfsalnet.errors import WeightsError
from gfsalnet.flow.pwcnet_network import PWCNet
from gfsalnet.models import load_model
from gfsalnet.models.classical.base import FloatArray
from gfsalnet.models.entry import ModelEntry
from gfsalnet.models.official_weights.convert import convert_weights
from gfsalnet.models.published.base import FrameAndFlow, Official, PublishedModel
from gfsalnet.network.weights import load_strictly


class Toy(PublishedModel):
    """Its official kernels are flipped, its official names are those of Lasagne."""

    name = "toy"

    @classmethod
    def make_network(cls) -> nn.Module:
        return nn.Sequential(nn.Conv2d(2, 3, 5), nn.BatchNorm2d(3))

    @classmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        ours = {name: official[f"arr_{place}"] for place, name in enumerate(NAMES)}
        return {**ours, "0.weight": ours["0.weight"][:, :, ::-1, ::-1]}

    def predict_shot(self, pictures: Iterator[FrameAndFlow]) -> Iterator[FloatArray]:
        yield from ()


NAMES = list(Toy.make_network().state_dict())


@pytest.fixture(autouse=True)
def only_toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = ModelEntry("toy", "a toy", "MIT", "fetch it from the shop", network=f"{__name__}:Toy")
    monkeypatch.setattr("gfsalnet.models.official_weights.convert.PUBLISHED", (entry,))
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path / "home"))


def arrays() -> list[NDArray[Any]]:
    rng = np.random.default_rng(0)
    return [
        rng.normal(size=value.shape).astype(">f8") if value.is_floating_point() else value.numpy()
        for value in Toy.make_network().state_dict().values()
    ]


def save(path: Path, values: list[NDArray[Any]]) -> Path:
    np.savez(path, *values)
    return path


def test_weights_are_renamed_and_cast_and_written_with_where_they_come_from(tmp_path: Path) -> None:
    official, values = tmp_path / "gen.npz", arrays()
    folder = convert_weights("toy", save(official, values))
    assert folder == tmp_path / "home" / "weights" / "toy"
    state = load_file(folder / "model.safetensors")
    assert state.keys() == set(NAMES)
    for place, name in enumerate(NAMES):
        expected = values[place][:, :, ::-1, ::-1] if name == "0.weight" else values[place]
        np.testing.assert_array_equal(state[name].numpy(), expected.astype(state[name].numpy().dtype))
    assert {str(value.dtype) for value in state.values()} == {"torch.float32", "torch.int64"}
    assert state["1.num_batches_tracked"].shape == ()
    load_strictly(Toy.make_network(), state, "test")
    assert json.loads((folder / "config.json").read_text()) == {
        "model": "toy",
        "source": "gen.npz",
        "sha256": hashlib.sha256(official.read_bytes()).hexdigest(),
        "licence": "MIT",
    }


class Adjustable(Toy):
    """Has a setting."""

    default_settings: ClassVar[dict[str, float]] = {"gain": 1.0}


@pytest.mark.parametrize(("chosen", "kept"), [({"gain": 4}, 4.0), ({}, 1.0)])
def test_settings_are_kept_beside_the_weights_and_reach_the_model(
    chosen: dict[str, float], kept: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = ModelEntry("toy", "a toy", "MIT", "fetch it from the shop", network=f"{__name__}:Adjustable")
    monkeypatch.setattr("gfsalnet.models.official_weights.convert.PUBLISHED", (entry,))
    monkeypatch.setattr("gfsalnet.models.registry.MODELS", {"toy": entry})
    folder = convert_weights("toy", save(tmp_path / "w.npz", arrays()), settings=chosen)
    assert json.loads((folder / "config.json").read_text())["settings"] == {"gain": kept}
    assert load_model(folder, device="cpu").describe()["gain"] == kept


def test_a_setting_that_the_model_does_not_have_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"has no setting gain\. Its settings: none"):
        convert_weights("toy", save(tmp_path / "w.npz", arrays()), settings={"gain": 4})
    with pytest.raises(WeightsError, match="pwcnet: has no settings"):
        convert_weights("pwcnet", tmp_path / "w.npz", settings={"gain": 4})
    assert not (tmp_path / "home").exists()


def test_another_folder(tmp_path: Path) -> None:
    assert convert_weights("toy", save(tmp_path / "w.npz", arrays()), tmp_path / "out") == tmp_path / "out"
    assert (tmp_path / "out" / "model.safetensors").is_file()
    assert not (tmp_path / "home").exists()


def test_a_second_conversion_replaces_the_first(tmp_path: Path) -> None:
    folder = convert_weights("toy", save(tmp_path / "w.npz", arrays()))
    values = [2 * value for value in arrays()]
    convert_weights("toy", save(tmp_path / "v.npz", values))
    state = load_file(folder / "model.safetensors")
    np.testing.assert_array_equal(state["0.bias"].numpy(), values[1].astype("f4"))
    assert json.loads((folder / "config.json").read_text())["source"] == "v.npz"
    assert len(list(folder.iterdir())) == 2


def refused(tmp_path: Path, values: list[NDArray[Any]], words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        convert_weights("toy", save(tmp_path / "w.npz", values))
    assert not (tmp_path / "home").exists()


def test_a_shape_that_does_not_fit_is_named(tmp_path: Path) -> None:
    values = arrays()
    values[1] = np.zeros(4)
    refused(tmp_path, values, r"not the weights of toy \(1 other shape: 0\.bias \(4,\) instead of \(3,\)\).*the shop")


def test_too_few_arrays_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, arrays()[:-1], r"not the weights of toy \(KeyError: .*arr_6")


def test_arrays_with_other_axes_are_refused(tmp_path: Path) -> None:
    values = arrays()
    values[0] = np.zeros(3)
    refused(tmp_path, values, r"not the weights of toy \(IndexError")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    values = arrays()
    values[4][1] = value
    refused(tmp_path, values, "holds values that are no numbers, first in 1.running_mean")


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"salgan-9000: is no model .* Use one of: toy, pwcnet"):
        convert_weights("salgan-9000", tmp_path / "w.npz")


def test_pwcnet(tmp_path: Path) -> None:
    state = PWCNet().state_dict()
    torch.save({"state_dict": state}, tmp_path / "pwc_net.pth.tar")
    folder = convert_weights("pwcnet", tmp_path / "pwc_net.pth.tar")
    assert folder == tmp_path / "home" / "weights" / "pwcnet"
    assert load_file(folder / "model.safetensors").keys() == state.keys()
