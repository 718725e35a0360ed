"""Whole evaluations: files, resume, workers, failures."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from drawn import BlobModel, Drawn, ThreadModel, write_maps

import gfsalnet.evaluation.run
from gfsalnet.errors import DatasetError, OutputError, SourceError
from gfsalnet.evaluation import EvaluationSettings, MapsFolder, ModelSource, Report, evaluate, is_finished, read_report
from gfsalnet.evaluation.sources import VideoMaps
from gfsalnet.evaluation.store import Store
from gfsalnet.gaze import GazeDataset

ALL = EvaluationSettings(metrics=("auc_judd", "auc_shuffled", "nss", "information_gain", "cc", "kldiv"))
FILES = ("report.json", "report.md", "report.tex", "videos.csv", "frames.csv")


def run(output: Path, settings: EvaluationSettings = ALL, dataset: Drawn | None = None, workers: int = 0) -> Report:
    return evaluate(dataset or Drawn(), ModelSource(BlobModel()), settings, output, workers=workers)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """What an evaluation returned, and its folder."""
    folder = tmp_path_factory.mktemp("finished")
    return run(folder), folder


@pytest.fixture(scope="module")
def finished(reported: tuple[Report, Path]) -> Path:
    return reported[1]


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """One to change."""
    return Path(shutil.copytree(finished, tmp_path / "copied"))


def same_files(first: Path, second: Path) -> bool:
    return all((first / name).read_bytes() == (second / name).read_bytes() for name in FILES)


def test_means_are_those_of_the_frames(finished: Path) -> None:
    with (finished / "frames.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["predictor"] == "blob"]
    assert len(rows) == 16
    assert {(row["video"], int(row["frame_index"])) for row in rows} == {(v, i) for v in "abcd" for i in (0, 1, 3, 4)}
    report = json.loads((finished / "report.json").read_text())
    (row,) = [row for row in report["rows"] if row["label"] == "blob"]
    for metric in ALL.metrics:
        scores = [float(r[metric]) for r in rows]
        assert row["pooled"][metric]["value"] == pytest.approx(np.mean(scores), rel=1e-12)
        assert row["pooled"][metric]["low"] <= row["pooled"][metric]["value"] <= row["pooled"][metric]["high"]
        assert row["per_video"][metric]["count"] == 4
    with (finished / "videos.csv").open() as file:
        videos = [row for row in csv.DictReader(file) if row["predictor"] == "blob"]
    assert [(row["video"], row["frames"]) for row in videos] == [(v, "4") for v in "abcd"]
    mean = np.mean([float(row["nss"]) for row in videos])
    assert row["per_video"]["nss"]["value"] == pytest.approx(mean, rel=1e-12)


def test_the_tables_say_how_they_were_made(finished: Path) -> None:
    text = (finished / "report.md").read_text()
    for words in (
        "mean over videos of each video's mean", "mean over all frames", "Protocol mit", "bicubic", "σ 5 pixels",
        "96 × 64", "16 frames of 4 videos", "4 no fixation on the frame", "leave one out", "10 random frames",
        "bootstrap", "| uniform |", "| centre bias |", "| blob |", "| humans, leave one viewer out |", "NSS ↑",
    ):  # fmt: skip
        assert words in text
    latex = (finished / "report.tex").read_text()
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == 2
    assert r"NSS $\uparrow$" in latex
    assert "↑" not in latex
    assert r"95\%" in latex


def test_undefined_scores_are_left_out_and_counted(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    uniform = report["rows"][0]
    assert uniform["predictor"] == "uniform"
    assert uniform["pooled"]["nss"] == {"value": None, "low": None, "high": None, "count": 0, "undefined": 16}
    assert report["frames_dropped"] == {"no fixation on the frame": 4}


def test_a_run_that_was_killed_goes_on_to_the_same_digit(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score, seen = gfsalnet.evaluation.run.score_video, list[str]()

    def killed(*arguments: object) -> object:
        seen.append(str(arguments[-1]))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return score(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(gfsalnet.evaluation.run, "score_video", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert not (tmp_path / "report.json").exists()
    run(tmp_path)
    assert seen == ["a", "b", "c", "c", "d"]
    assert same_files(finished, tmp_path)
    run(tmp_path)
    assert len(seen) == 5


def test_a_damaged_result_is_made_again(finished: Path, copied: Path) -> None:
    (copied / "videos" / "00001.npz").write_bytes(b"half a fi")
    run(copied)
    assert same_files(finished, copied)


def test_tables_of_somebody_else_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "frames.csv").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine too")
    with pytest.raises(OutputError, match=r"holds frames\.csv, and no evaluation.*another --output"):
        run(tmp_path)
    assert (tmp_path / "frames.csv").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames.csv", "notes.txt"]


@pytest.mark.slow
def test_workers_change_no_digit(tmp_path: Path) -> None:
    """Torch must have one thread everywhere: sums split among threads round otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    for workers in (0, 2):
        evaluate(Drawn(), ModelSource(ThreadModel()), ALL, tmp_path / f"{workers}", workers=workers)
    assert torch.get_num_threads() == 3
    torch.set_num_threads(threads)
    assert same_files(tmp_path / "0", tmp_path / "2")


@pytest.mark.parametrize("fails", [False, True])
def test_threads_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    """Whether the evaluation ends, or its scores cannot be stored."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(3)
    cv2.setNumThreads(3)
    during: list[int] = []

    def keep(*arguments: object) -> None:
        during.append(cv2.getNumThreads())
        if fails:
            raise OutputError("scores", "cannot be written", "Free some space.")

    monkeypatch.setattr(Store, "keep_scores", keep)
    with pytest.raises(OutputError) if fails else nullcontext():
        run(tmp_path, EvaluationSettings(metrics=("nss",)))
    assert set(during) == {1}
    assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, 3)
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def test_the_order_of_videos_changes_no_score(finished: Path, copied: Path) -> None:
    class Some(ModelSource):
        def maps(self, dataset: GazeDataset, video: str, wanted: Collection[int]) -> VideoMaps:
            assert video == "c"
            return super().maps(dataset, video, wanted)

    (copied / "videos" / "00002.npz").unlink()
    evaluate(Drawn(), Some(BlobModel()), ALL, copied)
    assert same_files(finished, copied)


def test_other_settings_are_not_mixed(tmp_path: Path) -> None:
    run(tmp_path, EvaluationSettings(metrics=("nss",)))
    with pytest.raises(OutputError, match=r"other settings \(settings\.seed was 0, is 1\).*another --output"):
        run(tmp_path, EvaluationSettings(metrics=("nss",), seed=1))
    with pytest.raises(OutputError, match=r"source\.model\.doubt was 0\.3, is 0\.5"):
        evaluate(Drawn(), ModelSource(BlobModel(0.5)), EvaluationSettings(metrics=("nss",)), tmp_path)
    with pytest.raises(OutputError, match=r"dataset\.videos was 4, is 1"):
        run(tmp_path, EvaluationSettings(metrics=("nss",)), Drawn(("a",)))


def test_failed_videos_are_named_and_tried_again(tmp_path: Path) -> None:
    dataset, settings = Drawn(), EvaluationSettings(metrics=("nss",))
    folder = write_maps(tmp_path / "maps", dataset, BlobModel(), "abd")
    report = evaluate(dataset, MapsFolder(folder), settings, tmp_path / "out")
    assert list(report.failed) == ["c"]
    assert "holds no maps for c" in report.failed["c"]
    assert len(report.videos) == 3
    assert "1 failed" in (tmp_path / "out" / "report.md").read_text()
    write_maps(folder, dataset, BlobModel(), "c")
    report = evaluate(dataset, MapsFolder(folder), settings, tmp_path / "out")
    assert not report.failed
    assert report.frames == 16


def test_changed_maps_are_scored_again(tmp_path: Path) -> None:
    dataset, settings = Drawn(), EvaluationSettings(metrics=("nss",))
    folder = write_maps(tmp_path / "maps", dataset, BlobModel())
    before = evaluate(dataset, MapsFolder(folder), settings, tmp_path / "out")
    np.save(folder / "b" / "0001.npy", np.random.default_rng(0).random((8, 12)))
    after = evaluate(dataset, MapsFolder(folder), settings, tmp_path / "out")
    pairs = zip(before.videos, after.videos, strict=True)
    changed = [not np.array_equal(a.scores, b.scores, equal_nan=True) for a, b in pairs]
    assert changed == [False, True, False, False]


@pytest.mark.slow
def test_changed_gaze_is_scored_again(finished: Path, tmp_path: Path) -> None:
    dataset = Drawn()
    dataset.damaged = frozenset("d")
    assert list(run(tmp_path, dataset=dataset).failed) == ["d"]
    run(tmp_path)  # repaired: the floor of the other videos changes too
    assert same_files(finished, tmp_path)


@pytest.mark.slow
def test_the_models_maps_score_as_the_model(finished: Path, tmp_path: Path) -> None:
    folder = write_maps(tmp_path / "blob", Drawn(), BlobModel())
    evaluate(Drawn(), MapsFolder(folder), ALL, tmp_path / "out")
    assert (tmp_path / "out" / "frames.csv").read_bytes() == (finished / "frames.csv").read_bytes()


def test_a_video_without_gaze_is_reported(tmp_path: Path) -> None:
    class Blind(Drawn):
        def fixations(self, video: str, index: int) -> object:  # type: ignore[override]
            return super().fixations(video, 2 if video == "b" else index)

    report = run(tmp_path, EvaluationSettings(metrics=("nss",)), Blind())
    assert report.without_frames == ["b"]
    assert report.dropped == {"no fixation on the frame": 5 + 3}
    assert "1 without a frame to score" in (tmp_path / "report.md").read_text()


def test_nothing_to_score_is_an_error(tmp_path: Path) -> None:
    dataset = Drawn()
    dataset.damaged = frozenset("abcd")
    with pytest.raises(DatasetError, match=r"none of its 4 videos could be scored; the first: drawn/a: its gaze"):
        run(tmp_path, dataset=dataset)


def test_an_evaluation_that_was_taken_up_again_is_not_finished(copied: Path) -> None:
    (copied / "videos" / "00001.npz").unlink()
    with pytest.raises(SourceError, match="scores of some videos are missing"):
        read_report(copied)

    class Stopped(BlobModel):
        def stream(self, frames: object) -> object:  # type: ignore[override]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(Drawn(), ModelSource(Stopped()), ALL, copied)
    assert not is_finished(copied)
    with pytest.raises(SourceError, match="is no finished evaluation"):
        read_report(copied)


def test_a_finished_evaluation_reads_back_whole(reported: tuple[Report, Path]) -> None:
    returned, folder = reported
    report = read_report(folder)
    assert report.as_json() == returned.as_json()
    assert math.isclose(report.sigmas_pixels[0], 5)


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    evaluate(
        Drawn(("a", "b")), ModelSource(BlobModel()), EvaluationSettings(metrics=("nss",)), tmp_path,
        on_video=lambda *event: seen.append(event),
    )  # fmt: skip
    assert seen == [("gaze", 1, 2), ("gaze", 2, 2), ("scores", 0, 2), ("scores", 1, 2), ("scores", 2, 2)]
