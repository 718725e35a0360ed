"""`gfsalnet predict` over a list: what a program is told, what is written of failures, and workers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.command import gfsalnet
from tests.predict.remembering import write_long

ARGUMENTS = ["--model", "centre-bias", "--save", "csv", "--output"]


def test_failures_are_written_and_mended(tmp_path: Path) -> None:
    good, bad = write_long(tmp_path / "good.mp4", 2), tmp_path / "bad.mp4"
    bad.write_bytes(b"nothing")
    done = gfsalnet("predict", good, bad, *ARGUMENTS, tmp_path / "out", "--progress", "json")
    assert done.exit_code == 1
    events = [json.loads(line) for line in done.stderr.splitlines()]
    outcomes = {event["source"]: event["status"] for event in events if event["event"] == "outcome"}
    assert outcomes == {str(good): "done", str(bad): "failed"}
    assert events[-1]["event"] == "failures"
    table = tmp_path / "out" / "failures.csv"
    assert str(bad) in table.read_text()
    bad.write_bytes(good.read_bytes())
    done = gfsalnet("predict", good, bad, *ARGUMENTS, tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert not table.exists()
    assert "2 of 2 sources done" in done.stdout


@pytest.mark.slow
def test_workers_do_the_same(tmp_path: Path) -> None:
    clips = [write_long(tmp_path / f"{name}.mp4", 3) for name in "ab"]
    for workers in (1, 2):
        done = gfsalnet("predict", *clips, *ARGUMENTS, tmp_path / str(workers), "--workers", workers)
        assert done.exit_code == 0, done.stderr
    for clip in clips:
        one, two = ((tmp_path / workers / clip.stem / "frames.csv").read_bytes() for workers in "12")
        assert one == two


@pytest.mark.parametrize("workers", ["0", "many"])
def test_a_wrong_number_of_workers_is_a_wrong_command(tmp_path: Path, workers: str) -> None:
    assert gfsalnet("predict", "clip.mp4", *ARGUMENTS, tmp_path, "--workers", workers).exit_code == 2
