"""What a log shows of long work, where no bar can be drawn."""

from __future__ import annotations

import time

import pytest

from gfsalnet.cli import console


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LINE_EVERY_SECONDS", 0.05)


def lines_after(capsys: pytest.CaptureFixture[str]) -> list[str]:
    time.sleep(0.3)
    return capsys.readouterr().err.splitlines()


def test_a_line_now_and_then_also_while_nothing_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress_bar("videos") as bar:
        assert any(line.startswith("at work (0:0") for line in lines_after(capsys))
        task = bar.add_task("scoring [theirs]", total=12, rate="–")
        assert any(line.startswith("scoring [theirs]: 0 of 12 (0:0") for line in lines_after(capsys))
        bar.update(task, completed=3, rate="1.5")
        assert any(line.startswith("scoring [theirs]: 3 of 12, 1.5 videos/s (") for line in lines_after(capsys))
    capsys.readouterr()
    assert lines_after(capsys) == []


def test_what_has_no_count_says_that_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with console.at_work("loading a model"):
        assert any(line.startswith("loading a model (0:0") for line in lines_after(capsys))
    capsys.readouterr()
    assert lines_after(capsys) == []


def test_quick_work_says_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LINE_EVERY_SECONDS", 30)
    began = time.monotonic()
    with console.progress_bar("frames"), console.at_work("loading"):
        pass
    assert time.monotonic() - began < 5
    assert capsys.readouterr().err == ""
