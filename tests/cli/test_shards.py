"""`gfsalnet predict --manifest` as a user meets it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from command import gfsalnet

from gfsalnet.video import VideoWriter

pytest.importorskip("pyarrow")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        with VideoWriter(tmp_path / "in" / f"{name}.mp4", size_wh=(64, 48), rate=Fraction(10)) as writer:
            for index in range(3):
                writer.write(np.full((48, 64, 3), 40 * index, np.uint8), index / 10)
    assert gfsalnet("manifest", tmp_path / "in", "-o", tmp_path / "m.parquet").exit_code == 0
    return tmp_path / "m.parquet"


def predict(manifest: Path, *options: object) -> tuple[int, list[str], str]:
    words = ("--manifest", manifest, "--model", "centre-bias", "--save", "csv", "--output", manifest.parent / "out")
    done = gfsalnet("predict", *words, *options)
    return done.exit_code, done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_is_missing_is_predicted_and_gathered(manifest: Path, workers: int) -> None:
    out = manifest.parent / "out"
    status, said, _ = predict(manifest, "--workers", workers)
    assert (status, said[0].partition(": ")[2]) == (0, "0 done, 2 to do")
    assert said[-1] == f"{out}: 2 more done, 0 failed"
    status, said, _ = predict(manifest)
    assert (status, said[0].partition(": ")[2]) == (0, "2 done, 0 to do")
    done = gfsalnet("collect", out, "--output", manifest.parent / "tables")
    assert (done.exit_code, done.stdout.strip()) == (
        0,
        f"{manifest.parent / 'tables'}: 6 frames of 2 results, 0 failures",
    )


def test_failures_are_lines_and_a_table(manifest: Path) -> None:
    (manifest.parent / "in" / "a.mp4").unlink()
    status, said, errors = predict(manifest, "--shard", "1/1", "--workers", 1)
    assert (status, said[-1].rpartition(": ")[2]) == (1, "1 more done, 1 failed")
    assert errors.startswith("error: ")
    assert "a.mp4: there is no such file or folder." in errors
    done = gfsalnet("collect", manifest.parent / "out", "--output", manifest.parent / "tables")
    assert (done.exit_code, "1 failure" in done.stdout) == (1, True)


def test_programs_are_told_of_every_row(manifest: Path) -> None:
    _, _, errors = predict(manifest, "--progress", "json", "--workers", 1)
    events = [json.loads(line) for line in errors.splitlines()]
    assert [event["status"] for event in events if event["event"] == "outcome"] == ["done", "done"]
