"""Faults of the program: one line, a report, and the batch goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from gfsalnet.cli import app
from gfsalnet.errors import SourceError
from gfsalnet.unexpected import one_line, unexpected


def report_of(line: str) -> Path:
    return Path(line.split("The full report is in ")[1].split(": please")[0])


def test_a_report_holds_what_a_maintainer_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["gfsalnet", "predict", "clip.mp4"])
    try:
        _ = 1 / 0
    except ZeroDivisionError as error:
        line = str(unexpected("clip.mp4", error))
    assert line.startswith("clip.mp4: failed in a way nobody foresaw (ZeroDivisionError: division by zero). ")
    path = report_of(line)
    assert path.parent == tmp_path / "reports"
    text = path.read_text()
    about, end = json.JSONDecoder().raw_decode(text)
    assert about["argv"] == ["gfsalnet", "predict", "clip.mp4"]
    assert about["what"] == "clip.mp4"
    assert about["versions"]["numpy"] == np.__version__
    assert about["platform"]
    assert "_ = 1 / 0" in text[end:]


def test_known_errors_speak_for_themselves() -> None:
    error = SourceError("a.mp4", "is empty", "Copy it again")
    assert one_line("x", error) == str(error)
    missing = ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
    assert one_line("training", missing).startswith("training: needs torch, which is not installed.")


def test_where_nothing_can_be_kept_the_line_still_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "file"))
    assert "No report could be written" in str(unexpected("x", RuntimeError()))


def test_a_batch_goes_on_after_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bad", "good"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros((48, 64, 3), np.uint8))
    from gfsalnet.predict import batch

    predict_source = batch.predict_source

    def faulty(model: object, source: str, *rest: object) -> object:
        if "bad" in source:
            raise KeyError("nobody knows")
        return predict_source(model, source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "predict_source", faulty)
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path / "home"))
    sources = [str(tmp_path / f"{name}.png") for name in ("bad", "good")]
    given = ["--output", str(tmp_path / "out"), "--save", "csv", "--backend", "reference", "--workers", "1"]
    done = CliRunner().invoke(app, ["predict", *sources, *given])
    assert done.exit_code == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    assert "bad.png: failed in a way nobody foresaw (KeyError: 'nobody knows')" in lines[0]
    assert "nobody knows" in report_of(lines[0]).read_text()
    assert (tmp_path / "out" / "good" / "frames.csv").is_file()
    assert "1 of 2 sources done" in done.stdout


def test_a_fault_of_a_command_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GFSALNET_HOME", str(tmp_path))
    monkeypatch.setattr("gfsalnet.models.registry.MODELS", None)
    monkeypatch.setattr("gfsalnet.models.MODELS", None)
    done = CliRunner().invoke(app, ["models"])
    assert done.exit_code == 1
    assert done.stderr.startswith("error: gfsalnet models: failed in a way nobody foresaw (AttributeError")
    assert len(done.stderr.strip().splitlines()) == 1
