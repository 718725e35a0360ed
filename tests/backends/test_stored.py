"""Networks on disk: the graph beside the weights is what they say, and is refused where it is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gfsalnet.backends import MapArrays, NetworkInputs, StoredNetwork, make_backend
from gfsalnet.backends.base import agreement, max_rel_diff
from gfsalnet.errors import WeightsError
from gfsalnet.models.entry import SHIPPED
from gfsalnet.network.folder import GRAPH_FILE, WEIGHTS_FILE, read_config

FOLDER = SHIPPED / "gfsalnet-mobile@1"


def stored(folder: Path = FOLDER, stream: str | None = None) -> StoredNetwork:
    return StoredNetwork(folder, read_config(folder)[0], stream)  # type: ignore[arg-type]


def pictures(seed: int = 0, size_hw: tuple[int, int] = (96, 128)) -> NetworkInputs:
    blocks = np.random.default_rng(seed).integers(0, 256, (1, size_hw[0] // 16, size_hw[1] // 16, 3), dtype=np.uint8)
    flow_image = np.full((1, *size_hw, 3), 255, np.uint8)
    flow_image[:, 20:60, 40:90] = (80, 200, 255)
    return blocks.repeat(16, 1).repeat(16, 2), flow_image


def test_the_shipped_graph_is_the_shipped_weights() -> None:
    """PyTorch reads the weights, ONNX Runtime the graph: other weights would give other maps everywhere."""
    pytest.importorskip("torch")
    for size_hw in ((96, 128), (64, 160)):
        given = pictures(size_hw[0], size_hw)
        found, expected = make_backend("onnxruntime", stored())(given), make_backend("torch", stored())(given)
        assert all(maps is not None for maps in found)
        assert max_rel_diff(found, expected) < 2e-5


def test_the_default_graph_is_the_default_weights() -> None:
    pytest.importorskip("torch")
    default = stored(SHIPPED / "gfsalnet-mobile")
    for size_hw in ((96, 128), (64, 160)):
        given = pictures(size_hw[0], size_hw)[:1]
        found, expected = make_backend("onnxruntime", default)(given), make_backend("torch", default)(given)
        assert max_rel_diff(found, expected) < 1e-4
    assert make_backend("onnxruntime", default).weights == default.weights  # type: ignore[attr-defined]


def test_it_shares_the_weights_and_says_which() -> None:
    assert (FOLDER / GRAPH_FILE).stat().st_size < 0.35 * (FOLDER / WEIGHTS_FILE).stat().st_size
    assert make_backend("onnxruntime", stored()).weights == stored().weights  # type: ignore[attr-defined]


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_graph_of_other_weights_is_refused(engine: str, tmp_path: Path) -> None:
    pytest.importorskip(engine)
    folder = tmp_path / "trained-on"
    shutil.copytree(FOLDER, folder)
    weights = bytearray((folder / WEIGHTS_FILE).read_bytes())
    weights[-1] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(weights)
    for name in (engine, "auto", "reference"):
        with pytest.raises(WeightsError, match=r"was not made from the trained-on weights.*--beside"):
            make_backend(name, stored(folder))


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("stream", ["appearance", "motion"])
def test_one_stream_is_picked_from_the_graph_of_both(engine: str, stream: str) -> None:
    pytest.importorskip(engine)
    given = pictures()
    both = make_backend("reference", stored())(given)
    alone = make_backend(engine, stored(stream=stream))(given[:1] if stream == "appearance" else given[1:])
    other = "motion" if stream == "appearance" else "appearance"
    assert agreement(
        MapArrays(alone.saliency, None, None, None), MapArrays(getattr(both, stream), None, None, None)
    ) > (1 - 1e-6)
    assert np.array_equal(getattr(alone, stream), alone.saliency)
    assert getattr(alone, other) is None
    assert alone.gate is None


def test_streams_that_a_folder_lacks(tmp_path: Path) -> None:
    about = json.loads((FOLDER / "config.json").read_text())
    about["network"]["streams"] = "appearance"
    (tmp_path / "config.json").write_text(json.dumps(about))
    with pytest.raises(WeightsError, match="has no motion stream"):
        stored(tmp_path, "motion")
    assert stored(tmp_path, "appearance").picked_stream is None


@pytest.mark.slow
def test_the_reference_runs_the_graph_and_leaves_torch_alone() -> None:
    code = (
        "import sys; from gfsalnet.models import load_model; model = load_model('gfsalnet-mobile', device='cpu'); "
        "print(model.backend_name, 'torch' in sys.modules, 'scipy' in sys.modules, 'pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["onnxruntime", "False", "False", "False"]


def test_without_a_graph_the_reference_is_torch(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for name in ("config.json", WEIGHTS_FILE):
        shutil.copy(FOLDER / name, tmp_path)
    assert make_backend("reference", stored(tmp_path)).name == "torch"
    assert make_backend("reference", stored()).name == "onnxruntime"
