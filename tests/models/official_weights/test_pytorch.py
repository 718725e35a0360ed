"""PyTorch's files, of both its formats and of safetensors."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gfsalnet.errors import WeightsError
from gfsalnet.models.official_weights.read import read_official

STATE = {"conv.weight": torch.arange(600.0).reshape(10, 60), "bn.num_batches_tracked": torch.tensor(7)}
BOTH_FORMATS = pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "before 1.6"])


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def write(path: Path, content: Any, is_zip: bool = True) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=is_zip)
    return path


def assert_the_state(path: Path) -> None:
    arrays = read_official(path)
    assert arrays.keys() == STATE.keys()
    for name, values in STATE.items():
        np.testing.assert_array_equal(arrays[name], values.numpy())
        assert arrays[name].dtype == values.numpy().dtype
    assert arrays["bn.num_batches_tracked"].shape == ()


@BOTH_FORMATS
def test_a_bare_state_dict(tmp_path: Path, is_zip: bool) -> None:
    assert_the_state(write(tmp_path / "w.pt", OrderedDict(STATE), is_zip))


@BOTH_FORMATS
@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model"])
def test_a_checkpoint_of_data_parallel_training(tmp_path: Path, wrapper: str, is_zip: bool) -> None:
    state = {f"module.{name}": values for name, values in STATE.items()}
    optimizer = {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(10, 60)}}, "param_groups": []}
    assert_the_state(write(tmp_path / "w.pth.tar", {"epoch": 3, wrapper: state, "optimizer": optimizer}, is_zip))


def test_parameters_and_bfloat16(tmp_path: Path) -> None:
    state = {"a": torch.nn.Parameter(torch.ones(2)), "b": torch.full((2,), 1.5, dtype=torch.bfloat16)}
    arrays = read_official(write(tmp_path / "w.pt", state))
    assert arrays["a"].tolist() == [1, 1]
    assert (arrays["b"].tolist(), arrays["b"].dtype) == ([1.5, 1.5], np.float32)


def test_safetensors(tmp_path: Path) -> None:
    save_file({f"module.{name}": values for name, values in STATE.items()}, tmp_path / "w.bin")
    assert_the_state(tmp_path / "w.bin")
    data = (tmp_path / "w.bin").read_bytes()
    (tmp_path / "w.bin").write_bytes(data[:-5])
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        read_official(tmp_path / "w.bin")


@BOTH_FORMATS
def test_a_payload_does_not_run(tmp_path: Path, is_zip: bool) -> None:
    ran = tmp_path / "ran"
    path = write(tmp_path / "w.pt", {"state_dict": STATE, "note": Payload(ran)}, is_zip)
    with pytest.raises(
        WeightsError, match=r"Python objects such as \S+, .* nothing was run\. .* save model\.state_dict"
    ):
        read_official(path)
    assert not ran.exists()
    torch.load(path, weights_only=False)
    assert ran.exists(), "the payload is harmless anyway: this test proves nothing"


def test_a_plain_pickle_does_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(Payload(ran), 2))
    with pytest.raises(WeightsError, match="nothing was run"):
        read_official(tmp_path / "w.pkl")
    assert not ran.exists()


@BOTH_FORMATS
def test_a_pickled_module_is_refused(tmp_path: Path, is_zip: bool) -> None:
    with pytest.raises(WeightsError, match=r"torch\.nn\.modules\.linear\.Linear"):
        read_official(write(tmp_path / "w.pt", torch.nn.Linear(2, 2), is_zip))


@pytest.mark.parametrize("content", [[torch.ones(2)], {"epoch": 3}, {"state_dict": {"a": "text"}}])
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(WeightsError, match="holds no state dict"):
        read_official(write(tmp_path / "w.pt", content))


@BOTH_FORMATS
@pytest.mark.parametrize("share", [0.005, 0.1, 0.5, 0.99])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, share: float, is_zip: bool) -> None:
    data = write(tmp_path / "w.pt", STATE, is_zip).read_bytes()
    (tmp_path / "w.pt").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match=r"not a readable|not a readable PyTorch file") as caught:
        read_official(tmp_path / "w.pt")
    assert "weights_only" not in str(caught.value), "torch's advice to run what the file holds is not passed on"
