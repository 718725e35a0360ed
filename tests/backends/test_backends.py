from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import numpy as np
import onnx
import pytest
import torch

from gfsalnet.backends import BACKENDS, Backend, MapArrays, NetworkInputs, make_backend
from gfsalnet.backends.base import agreement
from gfsalnet.backends.graphs import cached_onnx, export_onnx, export_openvino
from gfsalnet.backends.pytorch import TorchBackend
from gfsalnet.backends.quantise import export_int8
from gfsalnet.errors import GFSalNetError, OutputError
from gfsalnet.network import GFSalNet
from gfsalnet.network.weights import single_stream

MOST_OFF = {"fp32": 1e-4, "bf16": 0.5, "int8": 0.6}
"""Share of a map's maximum by which a pixel may differ."""


def pictures(batch: int = 1, size_hw: tuple[int, int] = (96, 128), seed: int = 0) -> NetworkInputs:
    """Blocks of colour, and a still scene with one thing that moves."""
    rng = np.random.default_rng(seed)
    rgb = (
        rng.integers(0, 256, (batch, size_hw[0] // 16, size_hw[1] // 16, 3), dtype=np.uint8).repeat(16, 1).repeat(16, 2)
    )
    flow_image = np.full((batch, *size_hw, 3), 255, np.uint8)
    flow_image[:, 20:60, 40:90] = (80, 200, 255)
    return rgb, flow_image


def plain(network: GFSalNet, given: NetworkInputs) -> MapArrays:
    """The network as it is defined, without folding."""
    with torch.inference_mode():
        maps = network(*(torch.from_numpy(picture).permute(0, 3, 1, 2) / 255 for picture in given))
    return MapArrays(*(None if values is None else values.numpy() for values in maps))


@pytest.fixture(scope="module")
def int8_graph(network: GFSalNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("int8") / "int8.onnx"
    colours = pictures(seed=4)[0]  # flow of every colour, as in the picture that backends are checked on
    export_int8(network, [*(pictures(seed=seed) for seed in range(4)), (colours, colours)], path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BACKENDS if name != "torch-fp16"])
def test_every_backend_gives_the_maps_of_the_network(name: str, network: GFSalNet, int8_graph: Path) -> None:
    backend = make_backend(name, network, int8_graph=int8_graph)
    assert backend.name == name
    for given in (pictures(), pictures(3, (64, 160), seed=1)):
        found, expected = backend(given), plain(network, given)
        for field, values, reference in zip(MapArrays._fields, found, expected, strict=True):
            assert values is not None
            assert reference is not None
            assert values.dtype == np.float32
            assert values.shape == reference.shape
            off = np.abs(values - reference).max() / reference.max()
            assert off < MOST_OFF[BACKENDS[name][1]], field


# Each stream needs an export of its own, which takes seconds; test_stored.py picks one from that of both.
@pytest.mark.parametrize("stream", ["appearance", "motion"])
@pytest.mark.parametrize(
    "name", ["torch", *(pytest.param(name, marks=pytest.mark.slow) for name in ("onnxruntime", "openvino"))]
)
def test_one_stream_takes_one_picture(name: str, stream: str, network: GFSalNet) -> None:
    alone = single_stream(network, stream)  # type: ignore[arg-type]
    both, given = plain(network, pictures()), pictures()
    maps = make_backend(name, alone)(given[:1] if stream == "appearance" else given[1:])
    assert np.allclose(maps.saliency, getattr(both, stream), rtol=1e-3, atol=1e-4)
    assert (maps.gate, maps.motion if stream == "appearance" else maps.appearance) == (None, None)


def test_the_fastest_that_is_installed_runs_on_the_cpu(network: GFSalNet, monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_backend("auto", network).name in ("openvino-bf16", "openvino")
    find = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "openvino" else find(name))
    assert make_backend("auto", network).name == "onnxruntime"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnx" else find(name))
    assert make_backend("auto", network).name == "torch"
    with pytest.raises(GFSalNetError, match=r'needs onnx, which is not installed.*pip install "gfsalnet\[onnx\]"'):
        make_backend("onnxruntime", network)


def shuffled(model: onnx.ModelProto) -> onnx.ModelProto:
    """With the weights of each convolution in another order."""
    rng = np.random.default_rng(0)
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.ndim == 4:
            mixed = rng.permutation(values.ravel()).reshape(values.shape)
            tensor.CopyFrom(onnx.numpy_helper.from_array(mixed, tensor.name))
    return model


def test_a_backend_that_computes_something_else_is_not_used(
    network: GFSalNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph of other weights stands for a faulty kernel."""
    other = tmp_path / "other.onnx"
    onnx.save(shuffled(onnx.load(cached_onnx(network))), other)
    monkeypatch.setattr("gfsalnet.backends.graphs.cached_onnx", lambda network: other)
    with pytest.raises(GFSalNetError, match=r"its maps are not those of the reference \(correlation"):
        make_backend("openvino", network)
    with pytest.warns(UserWarning, match="is installed but does not serve") as warned:
        assert make_backend("auto", network).name == "torch"
    assert [str(warning.message).split()[0].removesuffix("-bf16") for warning in warned] == ["openvino", "onnxruntime"]


def test_errors_say_what_to_do(network: GFSalNet, tmp_path: Path) -> None:
    with pytest.raises(GFSalNetError, match=r"backend abacus: is unknown.*auto, reference, torch"):
        make_backend("abacus", network)
    with pytest.raises(GFSalNetError, match="does not run on meta"):
        make_backend("openvino", network, torch.device("meta"))
    with pytest.raises(GFSalNetError, match=r"no int8\.onnx in its folder.*--calibrate"):
        make_backend("openvino-int8", network, int8_graph=tmp_path / "int8.onnx")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        export_onnx(network, tmp_path / "file" / "network.onnx")


def test_the_graph_is_exported_once_for_the_same_weights(
    network: GFSalNet, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cached_onnx(network)
    assert path.parent == home / "graphs"
    before = path.stat().st_mtime_ns
    assert cached_onnx(network).stat().st_mtime_ns == before
    smaller = GFSalNet(replace(network.config, input_size_hw=(64, 96), keep_aspect=False))
    smaller.load_state_dict(network.state_dict())
    assert cached_onnx(smaller) == path
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path))
    monkeypatch.setattr("gfsalnet.backends.graphs._exported", lambda network: onnx.ModelProto())
    assert cached_onnx(network).name == path.name
    assert cached_onnx(single_stream(network, "motion")).name != path.name


@pytest.mark.slow
def test_of_two_that_start_together_one_exports(
    network: GFSalNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready, exports = Barrier(2), []

    def export(network: GFSalNet) -> onnx.ModelProto:
        exports.append(network)
        time.sleep(0.2)  # the other one comes meanwhile
        return onnx.ModelProto()

    def start() -> None:
        ready.wait()
        assert cached_onnx(network).is_file()

    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path))
    monkeypatch.setattr("gfsalnet.backends.graphs._exported", export)
    threads = [Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(exports) == 1


def test_an_openvino_file_holds_the_same_network(network: GFSalNet, tmp_path: Path) -> None:
    from gfsalnet.backends.open_vino import OpenVINOBackend

    export_openvino(network, tmp_path / "network.xml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.bin", "network.xml"]
    assert agreement(OpenVINOBackend(tmp_path / "network.xml")(pictures()), plain(network, pictures())) > 1 - 1e-6


@pytest.mark.parametrize("name", ["torch", "onnxruntime", "openvino"])
def test_threads_may_share_a_backend(name: str, network: GFSalNet) -> None:
    backend: Backend = make_backend(name, network)
    given = [pictures(size_hw=(64, 96 + 32 * (seed % 2)), seed=seed) for seed in range(6)]
    found: dict[int, MapArrays] = {}
    threads = [Thread(target=lambda i=i: found.update({i: backend(given[i])})) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, maps in found.items():
        assert agreement(maps, plain(network, given[index])) > 1 - 1e-6


def test_agreement_sees_what_is_wrong() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 2, 1, 8, 8), dtype=np.float32)
    same = MapArrays(a, None, None, b)
    assert agreement(same, same) == pytest.approx(1)
    assert agreement(MapArrays(2 * a + 1, None, None, b), same) == pytest.approx(1)
    assert agreement(MapArrays(a[::-1], None, None, b), same) < 0.5  # frames of a batch exchanged
    assert agreement(MapArrays(a, None, None, None), same) == 0
    assert agreement(MapArrays(a[..., :4], None, None, b), same) == 0
    assert agreement(MapArrays(np.full_like(a, np.nan), None, None, b), same) == 0


def test_torch_runs_in_bfloat16_but_answers_in_float32(network: GFSalNet) -> None:
    maps = TorchBackend(network, precision="bf16")(pictures())
    reference = TorchBackend(network)(pictures())
    assert maps.saliency.dtype == np.float32
    assert not np.array_equal(maps.saliency, reference.saliency)
    assert agreement(maps, reference) > 0.97
