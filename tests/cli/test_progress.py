"""What a log shows of long work, where no bar can be drawn."""

from __future__ import annotations

import re
import time

import pytest

from gfsalnet.cli import progress
from gfsalnet.cli.progress import Progress, at_work


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 0.05)


def lines_after(capsys: pytest.CaptureFixture[str]) -> list[str]:
    time.sleep(0.3)
    return capsys.readouterr().err.splitlines()


def test_a_line_now_and_then_also_while_nothing_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("videos") as bar:
        assert any(line.startswith("at work (0:0") for line in lines_after(capsys))
        bar.show("scoring [theirs]", 0, 12)
        assert any(line.startswith("scoring [theirs]: 0 of 12 (0:0") for line in lines_after(capsys))
        bar.show("scoring [theirs]", 3, 12)
        pattern = r"scoring \[theirs\]: 3 of 12, [\d.]+ videos/s, \d+:\d\d left \(0:\d\d\)"
        assert any(re.fullmatch(pattern, line) for line in lines_after(capsys))
    capsys.readouterr()
    assert lines_after(capsys) == []


def test_a_new_stage_starts_the_clock_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    bar = Progress("images")
    bar.show("gaze", 0, 4)
    now[0] += 10
    bar.show("gaze", 2, 4)
    assert bar._line == "gaze: 2 of 4, 0.2 images/s, 0:10 left"
    bar.show("epoch 1, loss 0.5", 3, 7203, stage="epoch 1")
    assert bar._line == "epoch 1, loss 0.5: 3 of 7203"
    now[0] += 2
    bar.show("epoch 1, loss 0.4", 5, 7205, stage="epoch 1", rate=16.0)
    assert bar._line == "epoch 1, loss 0.4: 5 of 7205, 16.0 images/s, 2:00:00 left"
    bar.show("camera", 7, None)
    assert bar._line == "camera: 7"


def test_what_has_no_count_says_that_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with at_work("loading a model"):
        assert any(line.startswith("loading a model (0:0") for line in lines_after(capsys))
    capsys.readouterr()
    assert lines_after(capsys) == []


def test_quick_work_says_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 30)
    began = time.monotonic()
    with Progress("frames"), at_work("loading"):
        pass
    assert time.monotonic() - began < 5
    assert capsys.readouterr().err == ""
