"""The loop around a model: folders, resuming, memory, and what is left behind when something goes wrong."""

from __future__ import annotations

import errno
import json
import os
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from gfsalnet.errors import OutputError, SourceError
from gfsalnet.models import SaliencyModel
from gfsalnet.predict import Listed, Settings, predict_source, predict_sources
from gfsalnet.predict.folders import folder_for
from gfsalnet.store import ResultFolder, TakenError
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import VideoWriter


class BrightnessModel(SaliencyModel):
    """Looks where it is bright: a model without weights, to test what surrounds models."""

    name = "brightness"
    input_size_hw = (12, 16)

    def __init__(self, version: int = 1, fails_at: int | None = None) -> None:
        super().__init__()
        self.version, self.fails_at = version, fails_at

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version}

    def stream(self, frames: Iterable[Frame], seconds: dict[str, float] | None = None) -> Iterator[Prediction]:
        if seconds is not None:
            seconds["network"] = 0.0
        for frame in frames:
            if frame.index == self.fails_at:
                raise OSError(errno.EIO, "the model broke")
            small = cv2.resize(frame.rgb, self.input_size_hw[::-1], interpolation=cv2.INTER_AREA).mean(2) + 1
            yield Prediction(frame=frame, map_density=(small / small.sum()).astype(np.float32))


def nothing(source: str, done: int, total: int | None) -> None:
    """Watch no progress."""


def write_clip(path: Path, frames: int = 6, size_wh: tuple[int, int] = (64, 48)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, size_wh=size_wh, rate=Fraction(10)) as writer:
        for index in range(frames):
            rgb = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
            cv2.circle(rgb, (8 + 4 * (index % 12), 24), 5, (255, 255, 255), -1)
            writer.write(rgb, index / 10)
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "in" / "ball.mp4")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(output=tmp_path / "out", save=("csv", "npz"))


def test_python_api_predicts_every_frame(clip: Path) -> None:
    predictions = list(BrightnessModel().predict(clip))
    assert [p.frame_index for p in predictions] == list(range(6))
    assert [p.time_seconds for p in predictions] == pytest.approx([n / 10 for n in range(6)])
    peaks = [int(p.density.sum(0).argmax()) for p in predictions]
    assert peaks == sorted(peaks)  # the ball goes right
    assert peaks[-1] > peaks[0]
    for p in predictions:
        assert p.density.shape == (48, 64)
        assert p.density.sum() == pytest.approx(1, abs=1e-5)


def test_progress_counts_frames_and_knows_how_many_there_are(clip: Path, settings: Settings) -> None:
    seen: list[tuple[str, int, int | None]] = []
    outcome = predict_source(BrightnessModel(), str(clip), settings, lambda *step: seen.append(step))
    assert seen == [(str(clip), n + 1, 6) for n in range(6)]
    assert (outcome.status, outcome.frames) == ("done", 6)
    assert outcome.folder == settings.output / "ball"


def test_done_work_is_skipped_until_something_differs(clip: Path, settings: Settings) -> None:
    first = predict_source(BrightnessModel(), str(clip), settings, nothing)
    assert first.folder is not None
    assert predict_source(BrightnessModel(), str(clip), settings, nothing).status == "skipped"
    other_spelling = str(clip.parent / ".." / clip.parent.name / clip.name)
    assert predict_source(BrightnessModel(), other_spelling, settings, nothing).status == "skipped"
    with pytest.raises(OutputError, match=r"model\.version was 1, is 2.*--overwrite"):
        predict_source(BrightnessModel(version=2), str(clip), settings, nothing)
    write_clip(clip, frames=4)
    with pytest.raises(OutputError, match=r"source\.bytes|source\.modified_ns"):
        predict_source(BrightnessModel(), str(clip), settings, nothing)
    redo = Settings(output=settings.output, save=settings.save, overwrite=True)
    assert predict_source(BrightnessModel(), str(clip), redo, nothing).frames == 4
    (first.folder / "frames.csv").unlink()
    assert predict_source(BrightnessModel(), str(clip), settings, nothing).status == "done"
    assert sorted(p.name for p in first.folder.iterdir()) == ["frames.csv", "maps.npz", "summary.json"]


def test_a_failing_model_leaves_nothing_behind(clip: Path, settings: Settings) -> None:
    with pytest.raises(OSError, match="the model broke"):
        predict_source(BrightnessModel(fails_at=3), str(clip), settings, nothing)
    assert list(settings.output.iterdir()) == []


def test_the_remains_of_a_killed_run_are_reused(clip: Path, settings: Settings) -> None:
    remains = settings.output / "ball"
    remains.mkdir(parents=True)
    (remains / ".maps.partial.npz").write_bytes(b"half")
    (remains / "frames.csv").write_text("whole, but there is no summary")
    outcome = predict_source(BrightnessModel(), str(clip), settings, nothing)
    assert outcome.folder == remains
    assert sorted(p.name for p in remains.iterdir()) == ["frames.csv", "maps.npz", "summary.json"]


def test_overwriting_removes_outputs_that_the_new_summary_would_not_describe(clip: Path, settings: Settings) -> None:
    folder = predict_source(BrightnessModel(), str(clip), settings, nothing).folder
    assert folder is not None
    again = replace(settings, save=("csv",), overwrite=True)
    predict_source(BrightnessModel(version=2), str(clip), again, nothing)
    assert sorted(p.name for p in folder.iterdir()) == ["frames.csv", "summary.json"]
    (folder / "summary.json").unlink()  # as if it was stopped before the end
    assert predict_source(BrightnessModel(), str(clip), settings, nothing).status == "done"


def test_an_interrupted_overwriting_keeps_the_old_results(clip: Path, settings: Settings) -> None:
    predict_source(BrightnessModel(), str(clip), settings, nothing)
    with pytest.raises(OSError, match="the model broke"):
        predict_source(BrightnessModel(fails_at=3), str(clip), replace(settings, overwrite=True), nothing)
    assert predict_source(BrightnessModel(), str(clip), settings, nothing).status == "skipped"


def test_what_another_process_makes_comes_last_and_is_waited_for(
    clip: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the other one is killed: its claim ends, and the source is made."""
    second, waits = write_clip(clip.with_name("second.mp4")), list[str]()
    other = ResultFolder(settings.output / "ball").claimed(str(clip))
    other.__enter__()
    monkeypatch.setattr("gfsalnet.predict.batch._ASK_AGAIN_SECONDS", 0.0)

    def on_wait(taken: TakenError) -> None:
        waits.append(str(taken))
        other.__exit__(None, None, None)

    sources = [str(clip), str(second)]
    outcomes = list(predict_sources(BrightnessModel(), sources, settings, nothing, on_wait))
    assert [(o.source, o.status) for o in outcomes] == [(str(second), "done"), (str(clip), "done")]
    assert len(waits) == 1
    assert f"is being made by process {os.getpid()} on " in waits[0]


def test_another_source_of_the_name_does_not_wait(clip: Path, settings: Settings) -> None:
    with ResultFolder(settings.output / "ball").claimed("elsewhere/ball.mp4"):
        outcome = predict_source(BrightnessModel(), str(clip), settings, nothing)
        assert outcome.folder == settings.output / "ball-2"
    # The folder before it is free now, but the results are found again.
    assert predict_source(BrightnessModel(), str(clip), settings, nothing).status == "skipped"


def test_a_folder_of_the_users_own_is_left_alone(clip: Path, settings: Settings) -> None:
    mine = settings.output / "ball" / "thesis.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    outcome = predict_source(BrightnessModel(), str(clip), settings, nothing)
    assert outcome.folder == settings.output / "ball-2"
    assert mine.read_text() == "mine"
    (settings.output / "ball-3").write_text("a file")
    assert folder_for(settings.output, "ball", {"path": "other"}).path == settings.output / "ball-4"


def test_a_folder_and_a_glob_of_frames(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "shots").mkdir()
    for number in (9, 10, 11):
        cv2.imwrite(str(tmp_path / "shots" / f"f{number}.png"), np.full((32, 32, 3), 20 * number, np.uint8))
    faster = Settings(output=settings.output, save=("csv",), rate=Fraction(50))
    for source in (str(tmp_path / "shots"), str(tmp_path / "shots" / "*.png")):
        assert predict_source(BrightnessModel(), source, faster, nothing).frames == 3
        assert predict_source(BrightnessModel(), source, faster, nothing).status == "skipped"
    rows = (settings.output / "shots" / "frames.csv").read_text().splitlines()
    assert [row.split(",")[1] for row in rows[1:]] == ["0.000000", "0.020000", "0.040000"]


def test_a_missing_number_is_a_missing_frame(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "shots").mkdir()
    for number in (3, 4, 7):
        cv2.imwrite(str(tmp_path / "shots" / f"{number:04d}.png"), np.full((32, 32, 3), 20 * number, np.uint8))
    outcome = predict_source(
        BrightnessModel(), str(tmp_path / "shots"), replace(settings, save=("csv", "png"), rate=Fraction(10)), nothing
    )
    assert (outcome.status, outcome.frames) == ("done", 3)
    assert outcome.notes == (
        "2 picture numbers, the first 5, are missing: the frames after a gap keep their numbers and times",
    )
    rows = (settings.output / "shots" / "frames.csv").read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [["0", "0.000000"], ["1", "0.100000"], ["4", "0.400000"]]
    assert sorted(path.name for path in (settings.output / "shots" / "maps").iterdir()) == [
        f"{index:06d}.png" for index in (0, 1, 4)
    ]


def test_a_batch_goes_on_after_a_failure(clip: Path, settings: Settings, tmp_path: Path) -> None:
    outcomes = list(predict_sources(BrightnessModel(), [str(tmp_path / "no.mp4"), str(clip)], settings, nothing))
    assert [o.status for o in outcomes] == ["failed", "done"]
    assert "no.mp4" in outcomes[0].message
    assert [o.ok for o in outcomes] == [False, True]


@pytest.fixture
def opencv_threads() -> Iterator[int]:
    """OpenCV works with three threads before the test."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield 3
    cv2.setNumThreads(before)


class ThreadCounter(BrightnessModel):
    """Remembers how many threads OpenCV had while it predicted."""

    def stream(self, frames: Iterable[Frame], seconds: dict[str, float] | None = None) -> Iterator[Prediction]:
        for prediction in super().stream(frames, seconds):
            self.counts = {*getattr(self, "counts", ()), cv2.getNumThreads()}
            yield prediction


def test_threads_are_given_back_after_each_source(clip: Path, settings: Settings, opencv_threads: int) -> None:
    model, second = ThreadCounter(), write_clip(clip.with_name("second.mp4"))
    outcomes = predict_sources(model, [str(clip), str(second)], settings)
    for outcome in outcomes:
        assert (outcome.status, model.counts, cv2.getNumThreads()) == ("done", {1}, opencv_threads)
    outcomes.close()


def test_threads_are_given_back_after_a_failure_and_an_early_end(
    clip: Path, settings: Settings, opencv_threads: int
) -> None:
    outcomes = predict_sources(ThreadCounter(fails_at=3), [str(clip), str(clip)], settings)
    assert next(iter(outcomes)).status == "failed"
    assert cv2.getNumThreads() == opencv_threads
    outcomes.close()
    assert cv2.getNumThreads() == opencv_threads


def test_threads_are_given_back_after_an_interruption(clip: Path, settings: Settings, opencv_threads: int) -> None:
    def interrupt(source: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_source(BrightnessModel(), str(clip), settings, interrupt)
    assert cv2.getNumThreads() == opencv_threads


def test_a_size_that_changes_in_mid_stream_leaves_no_output(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "shots").mkdir()
    for number, side in enumerate((32, 32, 48)):
        cv2.imwrite(str(tmp_path / "shots" / f"{number}.png"), np.zeros((side, side, 3), np.uint8))
    forced = replace(settings, folder_as="frames")
    with pytest.raises(SourceError, match="48"):
        predict_source(BrightnessModel(), str(tmp_path / "shots"), forced, nothing)
    assert not list(settings.output.glob("*"))


@pytest.mark.parametrize("word", ["gate", "flow"])
def test_what_the_model_does_not_give_is_not_saved_as_white(clip: Path, settings: Settings, word: str) -> None:
    with pytest.raises(OutputError, match=f"brightness gives no {word}"):
        predict_source(BrightnessModel(), str(clip), Settings(output=settings.output, save=(word,)), nothing)
    assert not settings.output.exists()


def test_disk_full_is_an_error_and_leaves_nothing(clip: Path, settings: Settings, monkeypatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gfsalnet.render.stack.MapStack.append", full)
    with pytest.raises(OutputError, match=r"No space left on device.*[Ff]ree some space"):
        predict_source(BrightnessModel(), str(clip), settings, nothing)
    assert not list(settings.output.glob("*"))


def test_the_summary_records_what_was_done(clip: Path, settings: Settings) -> None:
    outcome = predict_source(BrightnessModel(), str(clip), settings, nothing)
    assert outcome.folder is not None
    summary = json.loads((outcome.folder / "summary.json").read_text())
    assert summary["source"]["path"] == str(clip)
    assert summary["video"] == {"size_wh": [64, 48], "rate": "10", "duration_seconds": pytest.approx(0.6)}
    assert summary["model"] == {"name": "brightness", "version": 1}
    assert summary["outputs"] == ["frames.csv", "maps.npz"]
    assert summary["versions"].keys() == {"gfsalnet", "python"}


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    """Ten times the frames, no more memory: frames of 0.7 MB would show at once."""
    peaks = []
    for frames in (30, 300):
        clip = write_clip(tmp_path / f"{frames}.mp4", frames, size_wh=(640, 360))
        settings = Settings(output=tmp_path / "out", save=("csv", "npz"))
        tracemalloc.start()
        predict_source(BrightnessModel(), str(clip), settings, nothing)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_000_000


def listed(clip: Path, folder: Path) -> Listed:
    status = clip.stat()
    content = {"bytes": status.st_size, "modified_us": status.st_mtime_ns // 1000}
    return Listed(source=str(clip), folder=folder, content=content)


def test_a_listed_source_has_a_folder_of_its_own(clip: Path, settings: Settings) -> None:
    folder = settings.output / "3fa" / "3fa9"
    (outcome,) = predict_sources(BrightnessModel(), [listed(clip, folder)], settings)
    assert (outcome.status, outcome.folder, outcome.source) == ("done", folder, str(clip))
    (outcome,) = predict_sources(BrightnessModel(), [listed(clip, folder)], settings)
    assert outcome.status == "skipped"
    assert [path.name for path in settings.output.iterdir()] == ["3fa"]


def test_a_listed_source_that_has_changed_is_not_predicted_until_it_is_listed_again(
    clip: Path, settings: Settings
) -> None:
    folder = settings.output / "3fa9"
    before = listed(clip, folder)
    assert predict_source(BrightnessModel(), before, settings).status == "done"
    write_clip(clip, frames=4)
    with pytest.raises(SourceError, match=r"has changed since it was listed \(bytes was .*List it again"):
        predict_source(BrightnessModel(), before, settings)
    outcome = predict_source(BrightnessModel(), listed(clip, folder), settings)
    assert (outcome.status, outcome.frames) == ("done", 4)
