"""`gfsalnet weights` and what `gfsalnet models` then says."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from command import gfsalnet, one_line_error

from gfsalnet.flow.pwcnet_network import PWCNet
from gfsalnet.models import MODELS


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "250")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """UNISAL's official file, with weights drawn at random."""
    torch.manual_seed(0)
    torch.save(MODELS["unisal"].network_class().make_network().state_dict(), tmp_path / "weights_best.pth")
    return tmp_path / "weights_best.pth"


@pytest.mark.slow
def test_from_the_official_file_to_a_prediction(weights: Path, tmp_path: Path) -> None:
    before = gfsalnet("models")
    assert "needs weights" in next(line for line in before.stdout.splitlines() if line.startswith("unisal "))
    assert "gfsalnet weights download unisal. Or fetch" in before.stdout
    done = gfsalnet("weights", "convert", "unisal", weights)
    assert done.exit_code == 0, done.stderr
    assert "--model unisal" in done.stdout
    after = gfsalnet("models")
    assert "ready" in next(line for line in after.stdout.splitlines() if line.startswith("unisal "))
    assert "gfsalnet weights download unisal" not in after.stdout
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 255, (72, 96, 3), np.uint8))
    predicted = gfsalnet("predict", tmp_path / "a.png", "-o", tmp_path / "out", "--model", "unisal", "--save", "npz")
    assert predicted.exit_code == 0, predicted.stderr
    assert np.load(tmp_path / "out" / "a" / "maps.npz")["density"].sum() == pytest.approx(1, abs=1e-4)


def test_a_folder_of_ones_own(weights: Path, tmp_path: Path) -> None:
    done = gfsalnet("weights", "convert", "unisal", weights, "--output", tmp_path / "mine")
    assert done.exit_code == 0, done.stderr
    assert f"--model {tmp_path / 'mine'}" in done.stdout
    assert (tmp_path / "mine" / "model.safetensors").is_file()


def test_what_nobody_can_get_is_listed_only_with_weights_of_ones_own(tmp_path: Path) -> None:
    assert "ssnet" not in gfsalnet("models").stdout
    folder = tmp_path / "home" / "weights" / "ssnet"
    folder.mkdir(parents=True)
    for file in ("config.json", "model.safetensors"):
        (folder / file).touch()
    listed = gfsalnet("models").stdout
    assert "ready" in next(line for line in listed.splitlines() if line.startswith("ssnet "))


@pytest.mark.slow
def test_pwcnet_is_used_as_flow(tmp_path: Path) -> None:
    torch.save(PWCNet().state_dict(), tmp_path / "pwc_net.pth.tar")
    done = gfsalnet("weights", "convert", "pwcnet", tmp_path / "pwc_net.pth.tar", "--output", tmp_path)
    assert done.exit_code == 0, done.stderr
    assert f"--flow pwcnet:{tmp_path / 'model.safetensors'}" in done.stdout


def test_problems_are_one_line(weights: Path, tmp_path: Path) -> None:
    one_line_error(gfsalnet("weights", "convert", "unisal", tmp_path / "none.pth"), "none.pth", "no such file")
    unknown = gfsalnet("weights", "convert", "pqft", weights)
    assert unknown.exit_code == 2
    assert "tased-net" in unknown.stderr
    one_line_error(gfsalnet("weights", "convert", "tased-net", weights), "not the weights of tased-net", "missing")
    one_line_error(gfsalnet("weights", "download", "stra-net"), "stra-net", "UHD_dcross_res_matt_res.h5", status=2)
    nonsense = gfsalnet("weights", "download", "nonsense")
    assert nonsense.exit_code == 2
    assert "unisal" in nonsense.stderr
    one_line_error(gfsalnet("weights", "convert", "unisal", weights, "--output", weights / "x"), "cannot be written")
    assert not (tmp_path / "home").exists()


def test_downloading_shows_where_the_weights_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def download(model: str, on_progress: object) -> Path:
        for done in (0, 500_000, 15_000_000):
            on_progress(done, 15_368_928)
        on_progress(16_000_000, None)
        return tmp_path / model

    monkeypatch.setattr("gfsalnet.models.official_weights.download.download_weights", download)
    done = gfsalnet("weights", "download", "unisal")
    assert done.exit_code == 0, done.stderr
    assert f"weights in {tmp_path / 'unisal'}; use them with --model unisal" in done.stdout


def test_wrong_commands_end_with_status_2() -> None:
    assert gfsalnet("weights", "convert", "unisal").exit_code == 2
    assert gfsalnet("weights", "dance").exit_code == 2
    assert "MODEL" in gfsalnet("weights", "download", "--help").stdout


def test_a_setting_that_is_no_number_or_unknown(weights: Path) -> None:
    wrong = gfsalnet("weights", "convert", "unisal", weights, "--set", "gain=much")
    assert wrong.exit_code == 2
    assert "KEY=VALUE" in wrong.stderr
    unknown = gfsalnet("weights", "convert", "unisal", weights, "--set", "gain=4")
    one_line_error(unknown, "unisal: has no setting gain", status=2)


def test_the_arrays_of_a_file_are_listed_to_report_them(tmp_path: Path) -> None:
    torch.save({"state_dict": {"module.b": torch.ones(2, 3), "a": torch.tensor(4)}}, tmp_path / "w.pth")
    listed = gfsalnet("weights", "keys", tmp_path / "w.pth")
    assert listed.exit_code == 0, listed.stderr
    assert listed.stdout.splitlines() == ["b  2x3  float32", "a  scalar  int64"]
    assert one_line_error(gfsalnet("weights", "keys", tmp_path / "none.pth"))
