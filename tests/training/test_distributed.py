"""Two processes do what one does."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gfsalnet.network.weights import WEIGHTS_FILE, read_state
from gfsalnet.training import Recipe
from gfsalnet.training.distributed import Ranks, all_ranks, is_main_process

from .conftest import draw_discs

RECIPE = """
name = "discs"
epochs = 1
batch_size = 11
precision = "float32"
device = "cpu"
[network]
input_size_hw = [64, 96]
[optimiser]
kind = "adam"
learning_rate = 1e-3
warm_up = 0.0
weight_decay = 0.01
clip_norm = 0.0
ema_decay = 0.0
[[train]]
dataset = "folder"
root = "discs"
split = "train"
[[validate]]
dataset = "folder"
root = "discs"
split = "val"
"""


@pytest.mark.slow
def test_torchrun_with_two_processes_learns_as_one(tmp_path: Path) -> None:
    draw_discs(tmp_path / "discs", nobody_looked=(0, 1, 5))  # twelve to train on: the last step has one for two
    (tmp_path / "recipe.toml").write_text(RECIPE)
    one = [sys.executable, "-m"]
    two = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    outputs = []
    for name, launcher in (("one", one), ("two", two)):
        command = [*launcher, "gfsalnet", "train", str(tmp_path / "recipe.toml"), "-o", str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    assert [output.count("epoch 1:") for output in outputs] == [1, 1]  # only the first process prints
    rows = []
    for name in ("one", "two"):
        with (tmp_path / name / "curves.csv").open(newline="") as file:
            rows.append(next(csv.DictReader(file)))
    for column in ("train_kl", "train_nss", "nss", "kldiv"):
        assert float(rows[0][column]) == pytest.approx(float(rows[1][column]), abs=2e-4)
    # Decay that is part of the gradient shows up gradients that are right but for their length.
    states = [read_state(tmp_path / name / "last" / WEIGHTS_FILE) for name in ("one", "two")]
    for name, value in states[0].items():
        torch.testing.assert_close(value.float(), states[1][name].float(), rtol=0, atol=2e-4)


def test_alone_there_is_nothing_to_do(recipe: Recipe) -> None:
    with all_ranks("cpu") as ranks:
        assert (ranks.is_main, ranks.world) == (True, 1)
        assert ranks.sum([1, 2.5]) == [1, 2.5]
        ranks.wait()


def test_the_first_process_is_known_by_its_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    assert is_main_process()
    monkeypatch.setenv("RANK", "1")
    assert not is_main_process()
    assert not Ranks(torch.device("cpu"), 1, 2).is_main
