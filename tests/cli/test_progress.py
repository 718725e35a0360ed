"""What a log shows of long work, where no bar can be drawn."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest

from gfsalnet.cli import progress
from gfsalnet.cli.console import print_error, show_progress_as
from gfsalnet.cli.progress import BatchProgress, Progress, at_work, tell_failures


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 0.05)


def lines_after(capsys: pytest.CaptureFixture[str]) -> list[str]:
    time.sleep(0.3)
    return capsys.readouterr().err.splitlines()


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_one_bar_for_all_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time left is by what is done of all of them, of which the second is three times as long as the first."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    bar = BatchProgress("frames", {"a": 100.0, "b": 300.0}, 3)
    bar.show_file("a", "a.mp4", 0, 10)
    now[0] += 10
    bar.show_file("a", "a.mp4", 10, 10)
    assert bar._line == "file 1 of 3: a.mp4: 10 frames, 1.0 frames/s, 0:50 left"
    bar.end_file("a", 10, ok=True)
    bar.end_file("missing", 0, ok=False)
    now[0] += 10
    bar.show_file("b", "b.mp4", 15, 30)
    assert bar._line == "file 3 of 3: b.mp4: 25 frames, 1.2 frames/s, 0:12 left, 1 failed"


def test_what_is_skipped_says_nothing_of_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    bar = BatchProgress("frames", {}, 4)
    bar.show_file("a", "a", 0, None)
    bar.end_file("a", 0, ok=True, skipped=True)
    bar.end_file("b", 0, ok=True, skipped=True)
    now[0] += 10
    bar.show_file("c", "c", 5, 10)
    assert bar._line == "file 3 of 4: c: 5 frames, 0.5 frames/s, 0:30 left"


@pytest.fixture
def for_programs() -> Iterator[None]:
    show_progress_as("json")
    yield
    show_progress_as("bar")


def test_programs_get_one_object_a_line(for_programs: None, capsys: pytest.CaptureFixture[str]) -> None:
    with at_work("loading"), Progress("frames") as bar:
        bar.show("clip.mp4", 0, 2)
        bar.show("clip.mp4", 2, 2)
    print_error("clip.mp4: is bad.\nDo better")
    tell_failures({"clip.mp4": "clip.mp4: is bad"}, "out/failures.csv")
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["event"] for event in events] == ["work", "progress", "progress", "error", "failures"]
    assert (
        events[2].items() >= {"what": "clip.mp4", "unit": "frames", "done": 2, "total": 2, "seconds_left": None}.items()
    )
    assert events[4]["failures"] == [{"source": "clip.mp4", "problem": "clip.mp4: is bad"}]


def test_failures_are_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    tell_failures({"a.mp4": "a.mp4: is [bad]", "b.mp4": "is worse"}, "failures.csv")
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().err.splitlines()]
    assert ["a.mp4", "is [bad]"] in [[first, *(part.strip() for part in rest)] for first, *rest in lines]
    assert lines[-1] == ["the", "same in failures.csv"]
