"""Where converted weights lie."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from gfsalnet.errors import OutputError
from gfsalnet.files import home
from gfsalnet.models.official_weights.convert import convert_weights
from gfsalnet.models.official_weights.store import model_of, weights_folder, write_weights


def test_a_chosen_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path))
    assert weights_folder("vinet") == tmp_path / "weights" / "vinet"
    monkeypatch.setenv("GFSALNET_HOME", "~/saliency")
    assert home() == Path.home() / "saliency"


@pytest.mark.parametrize(
    ("platform", "variable", "place"),
    [
        ("linux", "XDG_DATA_HOME", "chosen/gfsalnet"),
        ("linux", None, "home/.local/share/gfsalnet"),
        ("darwin", None, "home/Library/Application Support/gfsalnet"),
        ("win32", "LOCALAPPDATA", "chosen/gfsalnet"),
        ("win32", None, "home/AppData/Local/gfsalnet"),
    ],
)
def test_the_platforms_own_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, variable: str | None, place: str
) -> None:
    for name in ("GFSALNET_HOME", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable is not None:
        monkeypatch.setenv(variable, str(tmp_path / "chosen"))
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert home() == tmp_path / place


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_weights(tmp_path / "new" / "toy", "toy", {"a": torch.ones(2, 3), "n": torch.tensor(4)}, {"source": "w.pt"})
    folder = tmp_path / "new" / "toy"
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert json.loads((folder / "config.json").read_text()) == {"model": "toy", "source": "w.pt"}
    state = load_file(folder / "model.safetensors")
    assert torch.equal(state["a"], torch.ones(2, 3))
    assert state["n"].item() == 4
    assert model_of(folder) == "toy"


@pytest.mark.parametrize("content", [None, "{", "[]", "3", '{"network": {}}', '{"model": 3}', '{"model": null}'])
def test_a_folder_that_names_no_model(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    assert model_of(tmp_path) is None


@pytest.mark.parametrize("model", ["unisal", "pwcnet"])
def test_another_model_is_not_written_over(tmp_path: Path, model: str) -> None:
    (tmp_path / "config.json").write_text('{"network": {"streams": "both"}}')
    with pytest.raises(OutputError, match=f"holds another model than {model}"):
        convert_weights(model, tmp_path / "official.pth", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_weights(tmp_path / "file" / "toy", "toy", {"a": torch.ones(1)}, {})
