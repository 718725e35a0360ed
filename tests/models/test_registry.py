"""Models by name and by folder, where their weights are of others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gfsalnet.errors import GFSalNetError, WeightsError
from gfsalnet.models import MODELS, load_model
from gfsalnet.models.official_weights.store import weights_folder, write_weights
from gfsalnet.models.published.unisal import UNISAL
from gfsalnet.models.registry import stored_network
from gfsalnet.types import Frame

PUBLISHED = [entry for entry in MODELS.values() if entry.network]
FRAMES = [Frame(np.full((48, 64, 3), 60 * index, np.uint8), index / 25, index) for index in range(2)]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path / "home"))


@pytest.fixture
def unisal() -> Path:
    """UNISAL's folder, with weights drawn at random."""
    torch.manual_seed(0)
    folder = weights_folder("unisal")
    write_weights(folder, "unisal", UNISAL.make_network().state_dict(), {"source": "w.pth"})
    return folder


@pytest.mark.parametrize("entry", PUBLISHED, ids=lambda entry: entry.name)
def test_entries_say_what_is_true_of_their_classes(entry: object) -> None:
    model = entry.network_class()
    assert model.name == entry.name
    assert all((entry.what, entry.licence, entry.how_to_get, entry.paper))
    assert f"gfsalnet weights convert {entry.name} FILE" in entry.how_to_get
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in model.make_network().parameters()) == entry.parameters


@pytest.mark.parametrize("name", ["gfsalnet-mobile", "gfsalnet-mobile@1"])
def test_own_models_say_how_large_they_are(name: str) -> None:
    stored, _ = stored_network(name)
    assert sum(parameter.numel() for parameter in stored.network.parameters()) == MODELS[name].parameters
    megabytes = (stored.folder / "model.safetensors").stat().st_size / 1e6
    assert megabytes == pytest.approx(MODELS[name].megabytes, abs=0.05)


def test_the_papers_network_is_as_large_as_its_entry_says() -> None:
    from gfsalnet.network import GFSalNet

    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in GFSalNet().parameters()) == MODELS["gfsalnet"].parameters


def test_listing_does_not_import_what_the_compared_models_need() -> None:
    heavy = "sorted({'torch', 'scipy'} & set(sys.modules))"
    code = f"import sys; from gfsalnet.models import MODELS; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_weights_a_model_says_how_to_get_them() -> None:
    assert not any(entry.ready for entry in PUBLISHED)
    with pytest.raises(
        WeightsError, match=r"vinet: has no weights in the package.*gfsalnet weights convert vinet FILE"
    ):
        load_model("vinet", device="cpu")


@pytest.mark.slow
def test_converted_weights_are_found_by_name_and_by_folder(unisal: Path, tmp_path: Path) -> None:
    assert MODELS["unisal"].ready
    elsewhere = tmp_path / "elsewhere"
    unisal.rename(elsewhere)
    assert not MODELS["unisal"].ready
    by_folder = load_model(elsewhere, device="cpu")
    elsewhere.rename(unisal)
    by_name = load_model("unisal", device="cpu")
    assert isinstance(by_name, UNISAL)
    assert by_name.describe() == by_folder.describe()
    assert len(by_name.describe()["weights"]) == 16
    for one, other in zip(by_name.stream(FRAMES), by_folder.stream(FRAMES), strict=True):
        np.testing.assert_array_equal(one.density, other.density)
        assert one.flow is None


def test_flow_is_kept_where_it_is_asked_for(unisal: Path) -> None:
    model = load_model(
        "unisal", device="cpu", flow="dis-ultrafast", flow_settings={"size_wh": (64, 48)}, keep_flow=True
    )
    assert model.describe()["flow"]["size_wh"] == (64, 48)
    assert [prediction.flow is not None for prediction in model.stream(FRAMES)] == [True, True]
    with pytest.raises(GFSalNetError, match="guess"):
        load_model("unisal", device="cpu", flow="guess")


def test_there_are_no_streams_to_choose(unisal: Path) -> None:
    with pytest.raises(WeightsError, match="has no motion stream"):
        load_model("unisal:motion", device="cpu")


def test_weights_of_another_architecture_are_refused(unisal: Path) -> None:
    (unisal / "config.json").write_text(json.dumps({"model": "ssnet"}))
    with pytest.raises(WeightsError, match="another architecture"):
        load_model(unisal, device="cpu")


@pytest.mark.parametrize("name", ["vinet-2030", "pqft"])
def test_folders_of_models_that_are_unknown(unisal: Path, name: str) -> None:
    (unisal / "config.json").write_text(json.dumps({"model": name}))
    with pytest.raises(WeightsError, match=f"holds weights of '{name}', which is unknown"):
        load_model(unisal, device="cpu")


def test_damaged_files_are_one_error(unisal: Path) -> None:
    (unisal / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        load_model("unisal", device="cpu")
    (unisal / "config.json").write_text("{")
    with pytest.raises(WeightsError, match="not a readable JSON file"):
        load_model("unisal", device="cpu")
