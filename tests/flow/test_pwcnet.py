from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from gfsalnet.errors import GFSalNetError, WeightsError
from gfsalnet.flow import PWCNetFlow
from gfsalnet.flow.pwcnet_network import PWCNet
from gfsalnet.flow.pwcnet_weights import convert_pwcnet_weights, load_pwcnet


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """Random values under the official names."""
    torch.manual_seed(0)
    return PWCNet().state_dict()


@pytest.fixture(scope="module")
def weights(state, tmp_path_factory):
    """Zeros but for the last bias: a quarter-size field that is (3, -4) pixels of the network's input everywhere."""
    path = tmp_path_factory.mktemp("pwcnet") / "constant.safetensors"
    constant = {name: torch.zeros_like(value) for name, value in state.items()}
    constant["dc_conv7.bias"] = torch.tensor([3.0, -4.0]) / 20
    save_file(constant, path)
    return path


def frames(*size_hw: int) -> tuple[np.ndarray, np.ndarray]:
    previous, current = np.random.default_rng(0).integers(0, 256, (2, *size_hw, 3), np.uint8)
    return previous, current


@pytest.mark.parametrize(
    ("size_hw", "size_wh", "field_hw", "input_hw"),
    [
        ((64, 128), None, (64, 128), (64, 128)),
        ((65, 100), None, (65, 100), (128, 128)),
        ((120, 160), (80, 60), (60, 80), (64, 128)),
        ((8, 5), None, (8, 5), (64, 64)),
    ],
)
def test_vectors_are_pixels_of_the_field(weights, size_hw, size_wh, field_hw, input_hw):
    estimator = PWCNetFlow(weights, size_wh)
    field = estimator(*frames(*size_hw))
    assert field.size_hw == estimator.field_size_hw(size_hw) == field_hw
    expected = [3 * field_hw[1] / input_hw[1], -4 * field_hw[0] / input_hw[0]]
    np.testing.assert_allclose(field.flow_pixels, np.broadcast_to(expected, (*field_hw, 2)), rtol=1e-5)


def test_the_network_sees_blue_first_from_0_to_1_and_the_previous_frame_first(weights, monkeypatch):
    seen = []
    monkeypatch.setattr(PWCNet, "forward", lambda _, *pair: seen.extend(pair) or torch.zeros(1, 2, 16, 16))
    previous = np.full((64, 64, 3), (255, 51, 0), np.uint8)
    PWCNetFlow(weights)(previous, np.zeros_like(previous))
    assert seen[0].shape == (1, 3, 64, 64)
    torch.testing.assert_close(seen[0][0, :, 5, 6], torch.tensor([0.0, 0.2, 1.0]))
    assert not seen[1].any()


@pytest.mark.slow
@pytest.mark.parametrize("zipped", [True, False], ids=["new format", "format before PyTorch 1.6"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_the_official_file_converts_and_loads(state, tmp_path, zipped, wrapped):
    official, target = tmp_path / "pwc_net.pth.tar", tmp_path / "converted" / "pwcnet.safetensors"
    content = {"epoch": 3, "state_dict": state} if wrapped else state
    torch.save(content, official, _use_new_zipfile_serialization=zipped)
    convert_pwcnet_weights(official, target)
    for name, value in load_pwcnet(target).state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)
    assert load_file(target).keys() == state.keys()
    with safe_open(target, "pt") as file:
        assert "CC BY-NC-SA 4.0" in file.metadata()["licence"]


def test_other_files_are_not_converted(state, tmp_path):
    official, target = tmp_path / "pwc_net.pth.tar", tmp_path / "pwcnet.safetensors"
    kept = {name: value for name, value in state.items() if not name.startswith("conv3aa")}
    torch.save({**kept, "conv1a.0.bias": torch.zeros(17), "extra": torch.zeros(1)}, official)
    with pytest.raises(WeightsError, match=r"2 missing: conv3aa.*1 not expected: extra.*conv1a.0.bias \(17,\) instead"):
        convert_pwcnet_weights(official, target)
    torch.save([1, 2], official)
    with pytest.raises(WeightsError, match="holds no state dict"):
        convert_pwcnet_weights(official, target)
    official.write_bytes(b"<html>")
    with pytest.raises(WeightsError, match="not a readable PyTorch file"):
        convert_pwcnet_weights(official, target)
    assert not target.exists()


class Evil:
    def __reduce__(self):
        return print, ("executed",)


def test_nothing_in_an_official_file_is_executed(tmp_path, capsys):
    official = tmp_path / "pwc_net.pth.tar"
    official.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(WeightsError):
        convert_pwcnet_weights(official, tmp_path / "pwcnet.safetensors")
    torch.save({"state_dict": Evil()}, official)
    with pytest.raises(WeightsError):
        convert_pwcnet_weights(official, tmp_path / "pwcnet.safetensors")
    assert capsys.readouterr().out == ""


def test_without_weights_the_error_says_where_they_are_and_on_what_terms(tmp_path):
    for make in (PWCNetFlow, lambda: PWCNetFlow(tmp_path / "none").version):
        with pytest.raises(WeightsError, match=r"NVlabs/PWC-Net.*not for commercial use.*weights convert pwcnet"):
            make()
    with pytest.raises(WeightsError, match="no such file"):
        PWCNetFlow(tmp_path / "none")(*frames(8, 8))


def test_damaged_weights_are_told(state, tmp_path):
    path = tmp_path / "pwcnet.safetensors"
    save_file({**state, "dc_conv7.bias": torch.tensor([0.0, float("nan")])}, path)
    with pytest.raises(WeightsError, match="no numbers"):
        PWCNetFlow(path)(*frames(8, 8))
    save_file({name: value for name, value in state.items() if name != "deconv2.bias"}, path)
    with pytest.raises(WeightsError, match=r"not those of PWC-Net \(1 missing: deconv2.bias\)"):
        PWCNetFlow(path)(*frames(8, 8))


def test_the_version_goes_with_the_weights(weights, state, tmp_path):
    save_file(state, tmp_path / "other.safetensors")
    versions = [PWCNetFlow(path).version for path in (weights, tmp_path / "other.safetensors")]
    assert versions[0] != versions[1] == PWCNetFlow(tmp_path / "other.safetensors").version
    assert torch.__version__.split("+")[0] in versions[0]


def test_travels_to_worker_processes(weights):
    estimator = PWCNetFlow(weights, (64, 64))
    again = pickle.loads(pickle.dumps(estimator))
    assert again.settings == estimator.settings


def test_wrong_settings_and_frames_are_refused(weights):
    with pytest.raises(GFSalNetError, match="width and height"):
        PWCNetFlow(weights, size_wh=(0, 240))
    previous, current = frames(8, 8)
    with pytest.raises(ValueError, match="one size"):
        PWCNetFlow(weights)(previous, current[:, 1:])
