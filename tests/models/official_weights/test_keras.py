"""Keras's HDF5 files, written here as Keras 2.2 lays them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from gfsalnet.errors import WeightsError
from gfsalnet.models.official_weights.read import read_official

WEIGHTS: dict[str, Any] = {
    "conv1/conv1/kernel:0": np.arange(36, dtype="f4").reshape(3, 3, 1, 4),
    "conv1/conv1/bias:0": np.arange(4, dtype="f4"),
    "time_distributed_1/time_distributed_1/kernel:0": np.ones((1, 1, 4, 2), ">f4"),
}


def write_layers(group: h5py.Group) -> None:
    group.attrs["layer_names"] = [b"input_1", b"conv1", b"time_distributed_1"]
    group.create_group("input_1").attrs["weight_names"] = []
    for path, values in WEIGHTS.items():
        group[path] = values


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A model with its optimiser, as `model.save` writes it."""
    path = tmp_path / "ACL.h5"
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.2.2"
        write_layers(file.create_group("model_weights"))
        file["optimizer_weights/Adam/iterations:0"] = np.int64(9)
        file["optimizer_weights/training/Adam/Variable:0"] = np.zeros((3, 3, 1, 4))
    return path


def assert_the_weights(arrays: dict[str, Any]) -> None:
    assert arrays.keys() == WEIGHTS.keys()
    for name, values in WEIGHTS.items():
        np.testing.assert_array_equal(arrays[name], values)


def test_a_whole_model_without_its_optimiser(whole: Path) -> None:
    assert_the_weights(read_official(whole))


def test_weights_alone(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "weights", "w") as file:
        write_layers(file)
    assert_the_weights(read_official(tmp_path / "weights"))


@pytest.mark.parametrize("share", [0.01, 0.5, 0.98])
def test_a_file_that_is_cut_off_is_refused(whole: Path, share: float) -> None:
    data = whole.read_bytes()
    whole.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match=r"ACL\.h5: not a readable"):
        read_official(whole)


def test_a_file_of_texts_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "notes.h5", "w") as file:
        file["note"] = "no weights"
    with pytest.raises(WeightsError, match="holds no numbers in note"):
        read_official(tmp_path / "notes.h5")


def test_a_file_of_nothing_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file.create_group("model_weights")
    with pytest.raises(WeightsError, match="holds no weights"):
        read_official(tmp_path / "empty.h5")
