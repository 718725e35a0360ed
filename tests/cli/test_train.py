"""`gfsalnet train`: what it tells, how it stops, how it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gfsalnet.cli import app, progress

pytest.importorskip("torch")

ONE_EPOCH = ["--set", "epochs=1", "--set", "device=cpu", "--set", "network.input_size_hw=[64, 96]"]
FEW_STEPS = [*ONE_EPOCH, "--set", "batch_size=48"]


def train(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["train", *arguments], env={"COLUMNS": "200"})
    return done.exit_code, done.output


def test_a_preset_trains_and_says_how_it_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_streams: Callable[[], AbstractContextManager[None]]
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 1e6)
    for form in ("_plot", "_to_tensorboard"):  # which take longer than the training
        monkeypatch.setattr(f"gfsalnet.training.report.curves.{form}", lambda *given: None)
    with small_streams():
        status, output = train("tiny", "-o", str(tmp_path / "run"), *FEW_STEPS)
    assert status == 0, output
    lines = output.splitlines()
    while not lines[0].startswith("epoch 1: "):  # on a busy machine a line about the progress comes before
        lines.pop(0)
    assert "images/s, train KL" in lines[0]
    assert [line.split()[0] for line in lines[1:4]] == ["saliency", "appearance", "motion"]
    assert "(best so far)" in lines[1]
    assert f"the weights are in {tmp_path / 'run' / 'best'}" in output
    with small_streams():
        status, output = train("tiny", "-o", str(tmp_path / "run"), *FEW_STEPS)
    assert status == 0
    assert "finished; another --output starts it anew" in output


def test_a_wrong_change_is_a_wrong_command(tmp_path: Path) -> None:
    status, output = train("tiny", "--set", "epoch=1", "-o", str(tmp_path))
    assert status == 2
    assert "tiny: epoch: there is no such key" in " ".join(output.replace("│", "").split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.toml"], "nothing.toml: no such file. Give a TOML recipe, or one of the presets: tiny"),
        (["tiny", "--set", "precision=float16", "--set", "device=cpu"], "float16 needs a GPU"),
        (["paper-stage1"], "there is no such folder"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    status, output = train(*arguments, "-o", str(tmp_path))
    assert status == 1
    assert words in output
    assert "Traceback" not in output


@pytest.mark.parametrize("command", ["train", "ablate"])
def test_a_file_as_the_runs_folder_is_one_line(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("mine")
    for output in (tmp_path / "file", tmp_path / "file" / "run"):
        done = CliRunner().invoke(app, [command, "tiny", "-o", str(output)], env={"COLUMNS": "200"})
        assert done.exit_code == 1
        assert f"{output}" in done.output
        assert "cannot be written" in done.output
        assert "Traceback" not in done.output


def test_datasets_are_looked_for_in_the_data_root(tmp_path: Path) -> None:
    status, output = train("mobile-stage1", "--data-root", str(tmp_path / "gaze"), "-o", str(tmp_path / "run"))
    assert status == 1
    assert f"{tmp_path / 'gaze' / 'osie'}: there is no such folder" in output


@pytest.mark.slow
def test_ctrl_c_keeps_a_checkpoint_from_which_it_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gfsalnet", "train", "tiny", "-o", str(tmp_path), *ONE_EPOCH]
    command += ["--set", "batch_size=1"]  # an epoch of many steps
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "recipe.json").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "goes on from there" in errors
    assert os.path.getsize(tmp_path / "checkpoint.pt") > 1_000_000
