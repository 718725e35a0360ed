"""Defaults from gfsalnet.toml or pyproject.toml, and what is said of mistakes in them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from command import gfsalnet

from gfsalnet.demo import draw_frame


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a picture, and the work in a folder of it."""
    (tmp_path / ".git").mkdir()
    work = tmp_path / "work"
    work.mkdir()
    cv2.imwrite(str(work / "street.jpg"), cv2.resize(draw_frame(1.0), (160, 90))[..., ::-1])
    monkeypatch.chdir(work)
    return work


def summary(folder: Path) -> dict:
    return json.loads((folder / "street" / "summary.json").read_text())


def test_a_file_gives_defaults_and_the_command_line_wins(here: Path) -> None:
    (here / "gfsalnet.toml").write_text('[predict]\nmodel = "centre-bias"\nsave = "csv,npz"\nmap-size = "32x18"\n')
    done = gfsalnet("predict", "street.jpg", "--save", "npz", "--output", "out")
    assert done.exit_code == 0, done.output
    found = summary(here / "out")
    assert found["outputs"] == ["maps.npz"]
    assert found["model"]["name"] == "centre-bias"
    assert np.load(here / "out" / "street" / "maps.npz")["density"].shape == (1, 18, 32)
    options = {"model": "centre-bias", "map_size": "32x18"}
    assert found["config"] == {"file": str(here / "gfsalnet.toml"), "options": options}


def test_without_a_file_the_summary_says_nothing_of_one(here: Path) -> None:
    assert gfsalnet("predict", "street.jpg", "--model", "centre-bias", "--save", "csv").exit_code == 0
    assert "config" not in summary(here / "gfsalnet-out")


def test_results_are_found_again_without_the_file(here: Path) -> None:
    (here / "gfsalnet.toml").write_text('[predict]\nmodel = "centre-bias"\nsave = "csv"\n')
    assert gfsalnet("predict", "street.jpg").exit_code == 0
    (here / "gfsalnet.toml").unlink()
    again = gfsalnet("predict", "street.jpg", "--model", "centre-bias", "--save", "csv")
    assert "already in" in again.stdout


def test_the_nearest_file_counts_up_to_the_repository(here: Path) -> None:
    outside = here.parent.parent / "gfsalnet.toml"
    outside.write_text("[predict]\nevery = 99\n")  # out of range: it would be refused
    try:
        assert gfsalnet("predict", "street.jpg", "--model", "centre-bias", "--save", "csv").exit_code == 0
    finally:
        outside.unlink()
    (here.parent / "pyproject.toml").write_text('[tool.gfsalnet.predict]\nmodel = "pqft"\nsave = "csv"\noutput = "a"\n')
    assert gfsalnet("predict", "street.jpg").exit_code == 0
    assert summary(here / "a")["model"]["name"] == "pqft"
    (here / "pyproject.toml").write_text('[tool.other]\nname = "gfsalnet"\n')  # says nothing of this program
    (here.parent / "gfsalnet.toml").write_text('[predict]\nmodel = "centre-bias"\nsave = "csv"\noutput = "b"\n')
    assert gfsalnet("predict", "street.jpg").exit_code == 0  # its own file wins over pyproject.toml
    assert summary(here / "b")["model"]["name"] == "centre-bias"


def test_a_file_that_is_asked_for(here: Path) -> None:
    (here / "gfsalnet.toml").write_text('[predict]\nmodel = "pqft"\n')
    (here / "other.toml").write_text('[predict]\nmodel = "centre-bias"\nsave = "csv"\n')
    done = gfsalnet("--config", "other.toml", "predict", "street.jpg")
    assert done.exit_code == 0, done.output
    assert summary(here / "gfsalnet-out")["model"]["name"] == "centre-bias"
    missing = gfsalnet("--config", "nothing.toml", "predict", "street.jpg")
    assert missing.exit_code == 1
    assert "nothing.toml: there is no such file" in missing.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[dance]\nx = 1", ("dance", "is no verb", "predict")),
        ("model = 'pqft'", ("model", "is no verb")),
        ("[predict]\nmodle = 'pqft'", ("[predict] modle", "is no option", "model")),
        ("[predict]\nsources = ['a']", ("[predict] sources", "is no option")),
        ("[predict]\nevery = '2'", ("[predict] every", "'2' is not a whole number")),
        ("[predict]\nevery = true", ("[predict] every", "is not a whole number")),
        ("[predict]\noverwrite = 1", ("[predict] overwrite", "is not true or false")),
        ("[predict]\nsave = ['csv']", ("[predict] save", "is not a text")),
        ("[export]\ncalibrate = 'a.mp4'", ("[export] calibrate", "is not a list of texts")),
        ("[evaluate]\nsigma-pixels = 'x'", ("[evaluate] sigma-pixels", "is not a number")),
        ("[dataset.prepare]\nflaw = 'dis'", ("[dataset.prepare] flaw", "is no option", "flow")),
        ("[dataset]\nflow = 'dis'", ("[dataset] flow", "is no verb")),
        ("[predict]\nmodel = 'salgan-9000'", ("[predict] model", "salgan-9000")),
        ("[predict]\nbackend = 'abacus'", ("[predict] backend", "abacus")),
        ("[predict]\nevery = 99", ("[predict] every", "30")),
        ("[predict]\nflow_size = 'big'", ("[predict] flow-size", "WIDTHxHEIGHT")),
        ("[predict", ("not a readable TOML",)),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(here: Path, text: str, words: tuple[str, ...]) -> None:
    (here / "gfsalnet.toml").write_text(text)
    done = gfsalnet("predict", "street.jpg")
    assert done.exit_code == 2, done.output
    (line,) = done.stderr.splitlines()
    for word in ("error:", str(here / "gfsalnet.toml"), *words):
        assert word in line
    assert gfsalnet("predict", "--help").exit_code == 0
    assert [path.name for path in here.iterdir() if path.is_dir()] == []


@pytest.mark.usefixtures("unrendered")
def test_an_evaluation_records_what_took_effect(here: Path) -> None:
    (here / "mine" / "images").mkdir(parents=True)
    (here / "mine" / "images" / "a.jpg").write_bytes((here / "street.jpg").read_bytes())
    with (here / "mine" / "fixations.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "x", "y"], ["a.jpg", 80, 45], ["a.jpg", 90, 40], ["a.jpg", 70, 50]])
    text = '[evaluate]\ndataset = "folder"\nroot = "mine"\nmetrics = "nss"\nworkers = 0\nsigma-pixels = 5\n'
    (here / "gfsalnet.toml").write_text(text)
    done = gfsalnet("evaluate", "--model", "centre-bias", "--output", "out")
    assert done.exit_code == 0, done.output
    report = json.loads((here / "out" / "report.json").read_text())
    options = {"dataset": "folder", "root": "mine", "metrics": "nss", "workers": 0, "sigma_pixels": 5.0}
    assert report["config"] == {"file": str(here / "gfsalnet.toml"), "options": options}
    (here / "gfsalnet.toml").unlink()
    command = ("--dataset", "folder", "--root", "mine", "--metrics", "nss", "--workers", 0, "--sigma-pixels", 5)
    again = gfsalnet("evaluate", "--model", "centre-bias", "--output", "out", *command)
    assert again.exit_code == 0, again.output
    assert "config" not in json.loads((here / "out" / "report.json").read_text())
