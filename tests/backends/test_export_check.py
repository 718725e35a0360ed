"""What `gfsalnet export` says of a file: that it is the network, and how fast it is."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gfsalnet.backends import MapArrays, NetworkInputs
from gfsalnet.backends.base import LEAST_AGREEMENT
from gfsalnet.backends.export_check import TOLERANCE, check_export, run_eagerly
from gfsalnet.backends.graphs import cached_onnx, export_openvino
from gfsalnet.backends.quantise import export_int8
from gfsalnet.errors import GFSalNetError
from gfsalnet.network import GFSalNet, NetworkConfig, mobile


def pictures(seed: int = 0, size_hw: tuple[int, int] = (96, 128)) -> NetworkInputs:
    """One frame of coloured blocks, and a still scene with one thing that moves."""
    blocks = np.random.default_rng(seed).integers(0, 256, (1, size_hw[0] // 16, size_hw[1] // 16, 3), dtype=np.uint8)
    flow_image = np.full((1, *size_hw, 3), 255, np.uint8)
    flow_image[:, 20:60, 10 + 5 * seed : 60 + 5 * seed] = (80, 200, 255)
    return blocks.repeat(16, 1).repeat(16, 2), flow_image


@pytest.fixture(scope="module")
def files(network: GFSalNet, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """A file for each engine and precision."""
    folder = tmp_path_factory.mktemp("exported")
    export_openvino(network, folder / "network.xml")
    export_int8(network, [pictures(seed) for seed in range(4)], folder / "int8.onnx")
    return {
        ("onnxruntime", "fp32"): cached_onnx(network),
        ("openvino", "fp32"): folder / "network.xml",
        ("onnxruntime", "int8"): folder / "int8.onnx",
        ("openvino", "int8"): folder / "int8.onnx",
    }


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_good_file_is_accepted_and_timed(
    engine: str, precision: str, network: GFSalNet, files: dict[tuple[str, str], Path]
) -> None:
    given = [pictures(seed, size_hw) for seed, size_hw in enumerate([(96, 128), (64, 160)])]
    check = check_export(files[engine, precision], engine, precision, network, given)  # type: ignore[arg-type]
    assert check.engine == engine
    assert check.correlation >= LEAST_AGREEMENT[precision]  # type: ignore[index]
    assert (0 < check.max_rel_diff <= TOLERANCE) == (precision == "fp32")
    assert min(check.cpu_ms, check.eager_cpu_ms) > 0


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_file_of_other_weights_is_refused(
    precision: str, network: GFSalNet, files: dict[tuple[str, str], Path]
) -> None:
    torch.manual_seed(1)
    other = GFSalNet(network.config).eval()
    path = files["onnxruntime", precision]
    remedy = "Report this" if precision == "fp32" else "Calibrate it on more"
    with pytest.raises(GFSalNetError, match=rf"{path.name}: differs from PyTorch by .* \(correlation .*{remedy}"):
        check_export(path, "onnxruntime", precision, other, [pictures()])  # type: ignore[arg-type]


class Pretended:
    """An engine that runs PyTorch, takes 20 ms longer, and gets something a little wrong with the second picture."""

    network: GFSalNet

    def __init__(self, path: Path, precision: str) -> None:
        self.calls = 0

    def __call__(self, given: NetworkInputs) -> MapArrays:
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
        self.calls += 1
        saliency, *others = run_eagerly(self.network, given)
        return MapArrays(saliency * np.float32(1.01 if self.calls == 2 else 1), *others)


@pytest.fixture
def pretended(network: GFSalNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pretended, "network", network, raising=False)
    monkeypatch.setattr("gfsalnet.backends.onnx_runtime.ONNXRuntimeBackend", Pretended)


@pytest.mark.usefixtures("pretended")
def test_any_of_the_pictures_may_give_a_file_away(network: GFSalNet) -> None:
    """Also by what correlation does not see."""
    path = Path("pretended.onnx")
    assert check_export(path, "onnxruntime", "fp32", network, [pictures(0)]).max_rel_diff == 0
    with pytest.raises(GFSalNetError, match=r"differs from PyTorch by 0\.01 .*\(correlation 1\.0000\)"):
        check_export(path, "onnxruntime", "fp32", network, [pictures(0), pictures(1)])


@pytest.mark.usefixtures("pretended")
def test_times_are_of_one_frame_on_one_thread(network: GFSalNet, monkeypatch: pytest.MonkeyPatch) -> None:
    set_to = [3]
    monkeypatch.setattr(torch, "get_num_threads", lambda: set_to[-1])
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    check = check_export(Path("pretended.onnx"), "onnxruntime", "fp32", network, [pictures()])
    assert check.cpu_ms >= 20
    assert check.cpu_ms > check.eager_cpu_ms > 0
    assert set_to == [3, 1, 3]


@pytest.mark.parametrize(
    "config",
    [
        mobile(),
        mobile("appearance"),
        mobile("motion"),
        replace(mobile(), fusion="convolution"),
        replace(mobile(), gate_on="maps", final="relu"),
    ],
    ids=["both", "appearance", "motion", "without a gate", "as the paper's"],
)
def test_running_eagerly_is_calling_the_network(config: NetworkConfig) -> None:
    torch.manual_seed(0)
    network, (rgb, flow_image) = GFSalNet(config).eval(), pictures()
    given = {"both": (rgb, flow_image), "appearance": (rgb,), "motion": (flow_image,)}[config.streams]
    found = run_eagerly(network, given)
    images = {"rgb_B3HW": rgb, "flow_image_B3HW": flow_image}
    without = {"appearance": "flow_image_B3HW", "motion": "rgb_B3HW"}.get(config.streams)
    tensors = {name: torch.tensor(image / 255, dtype=torch.float32).movedim(3, 1) for name, image in images.items()}
    with torch.inference_mode():
        expected = network(**{name: tensor for name, tensor in tensors.items() if name != without})
    for name, values in zip(MapArrays._fields, found, strict=True):
        reference = getattr(expected, name)
        assert (values is None) == (reference is None), name
        if values is not None:
            assert values.shape == (1, 1, 96, 128)
            assert np.allclose(values, reference.numpy(), rtol=1e-4, atol=1e-5)
    assert (found.gate is not None) == (config.streams == "both" and config.fusion == "gated")
    assert found.saliency.std() > 0
