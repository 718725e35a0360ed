"""Whenever a command is killed, nothing half lies under a final name, and the same command makes the same bytes."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from trials import Rounds, Tell, Tree, Trial, draw_dataset, draw_long_video, draw_videos, run, tree

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes as on Linux")

SAVE = "overlay,maps,csv"


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw_videos(tmp_path_factory.mktemp("in") / "videos", 3)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_dataset(tmp_path_factory.mktemp("in") / "gaze", 4)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Gives an empty folder's path for each round, whose content the next one removes."""

    def folder() -> Path:
        shutil.rmtree(tmp_path / "round", ignore_errors=True)
        return tmp_path / "round"

    yield folder
    shutil.rmtree(tmp_path / "round", ignore_errors=True)


def assert_whole(found: Tree, *undisturbed: Tree) -> None:
    """Every file with a final name is that of an undisturbed run."""
    for name, content in found.items():
        assert content in [tree[name] for tree in undisturbed if name in tree], f"{name} is wrong"


def assert_finished_folders_are_of_one_run(found: Tree, *undisturbed: Tree) -> None:
    """Where there is a summary, all that lies beside it is of the run that the summary is of."""
    for name in found:
        folder, _, file = name.rpartition("/")
        if file == "summary.json":
            own = {other: content for other, content in found.items() if other.startswith(f"{folder}/")}
            assert any(
                own == {other: content for other, content in tree.items() if other.startswith(f"{folder}/")}
                for tree in undisturbed
            ), f"{folder} is not of one run"


@pytest.mark.release(share=0.1)
def test_predict(videos: list[Path], fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    command = ("predict", *videos, "--save", SAVE, "--output")
    seconds = run(*command, tmp_path / "whole")
    whole, killed, done = tree(tmp_path / "whole"), 0, 0
    for number, rng in rounds(60):
        done = number + 1
        out = fresh()
        for _ in range(rng.integers(1, 3)):  # a second one finds what the first has left
            killed += Trial(*command, out).stop_after(rng.uniform(0.3, 1.1) * seconds) < 0
            assert_whole(tree(out, hidden=False), whole)
            assert_finished_folders_are_of_one_run(tree(out, hidden=False), whole)
        run(*command, out)
        assert tree(out) == whole
    tell(f"predict: {killed} kills in {done} rounds; resumed to the bytes of an undisturbed run")


@pytest.mark.release(share=0.12)
def test_predict_in_processes(fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    """A long video in segments and two short ones; the command or one of its processes is killed, or it is stopped."""
    videos = [draw_long_video(tmp_path / "long.mp4"), *draw_videos(tmp_path / "videos", 2)]
    alone = ("predict", *videos, "--model", "centre-bias", "--save", "npz,csv", "--output")
    command = (*alone[:-1], "--workers", 2, "--output")
    run(*alone[:-1], "--workers", 1, "--output", tmp_path / "whole")
    seconds = run(*command, tmp_path / "parts")
    whole, hits, done = tree(tmp_path / "whole"), Counter[str](), 0
    assert tree(tmp_path / "parts") == whole
    for number, rng in rounds(40):
        done, out = number + 1, fresh()
        for _ in range(rng.integers(1, 3)):  # a second one finds what the first has left
            trial, way = Trial(*command, out), ("kill", "kill a worker", "stop")[rng.integers(3)]
            if way == "kill a worker":
                hits[way] += trial.kill_one_after(rng.uniform(0.3, 0.9) * seconds)
                status, _, errors = trial.finish()
                assert (status, "Traceback" in errors) == (0, False), errors
            else:
                sent = signal.SIGKILL if way == "kill" else (signal.SIGINT, signal.SIGTERM)[rng.integers(2)]
                hits[way] += trial.stop_after(rng.uniform(0.3, 1.0) * seconds, sent) != 0
            assert trial.survivors() == []
            assert_whole(tree(out, hidden=False), whole)
            assert_finished_folders_are_of_one_run(tree(out, hidden=False), whole)
        run(*command, out)
        assert tree(out) == whole
    tell(f"predict with two workers: {dict(hits)} in {done} rounds; resumed to the bytes of one process")


@pytest.mark.release(share=0.1)
def test_overwriting(videos: list[Path], fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    old = ("predict", *videos, "--save", SAVE, "--output")
    new = ("predict", *videos, "--save", SAVE, "--centre-bias", 0.5, "--overwrite", "--output")
    run(*old, tmp_path / "old")
    seconds = run(*new, tmp_path / "new")
    before, after, killed, done = tree(tmp_path / "old"), tree(tmp_path / "new"), 0, 0
    assert before != after
    for number, rng in rounds(60):
        done = number + 1
        out = fresh()
        shutil.copytree(tmp_path / "old", out)
        killed += Trial(*new, out).stop_after(rng.uniform(0.4, 1.1) * seconds) < 0
        assert_whole(tree(out, hidden=False), before, after)
        assert_finished_folders_are_of_one_run(tree(out, hidden=False), before, after)
        run(*new, out)
        assert tree(out) == after
    tell(f"predict --overwrite: {killed} kills in {done} rounds; no summary beside what it does not describe")


@pytest.mark.release(share=0.1)
def test_evaluate(dataset: Path, fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    command = ("evaluate", "--dataset", "folder", "--root", dataset, "--model", "centre-bias", "--workers", 2, "-o")
    seconds = run(*command, tmp_path / "whole")
    whole, killed, done = tree(tmp_path / "whole"), 0, 0
    for number, rng in rounds(40):
        done = number + 1
        out = fresh()
        trial = Trial(*command, out)
        killed += trial.stop_after(rng.uniform(0.3, 1.1) * seconds) < 0
        assert trial.survivors() == []
        assert_whole(tree(out, hidden=False), whole)
        run(*command, out)
        assert tree(out) == whole
    tell(f"evaluate: {killed} kills in {done} rounds, 0 workers left after 2 s")


@pytest.mark.release(share=0.1)
def test_prepare(dataset: Path, fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    def prepare(root: Path) -> tuple[object, ...]:
        return ("dataset", "prepare", "folder", root, "--frames", "--workers", 2)

    shutil.copytree(dataset, tmp_path / "whole")
    seconds = run(*prepare(tmp_path / "whole"))
    whole, killed, done = tree(tmp_path / "whole"), 0, 0
    for number, rng in rounds(40):
        done = number + 1
        root = fresh()
        shutil.copytree(dataset, root)
        trial = Trial(*prepare(root))
        killed += trial.stop_after(rng.uniform(0.3, 1.1) * seconds) < 0
        assert trial.survivors() == []
        assert_whole(tree(root, hidden=False), whole)
        run(*prepare(root))
        # A killed writer of the flow cache leaves a hidden file that nobody reads.
        assert tree(root, hidden=False) == whole
        assert [name for name in tree(root) if name not in whole and not name.startswith("flow-cache/")] == []
    tell(f"dataset prepare: {killed} kills in {done} rounds, 0 workers left after 2 s")


@pytest.mark.release(share=0.08)
def test_compose(dataset: Path, fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    def compose(out: Path) -> tuple[object, ...]:
        return ("dataset", "compose", out, dataset, "--clips", 3, "--frames", 8, "--seed", 5)

    seconds = run(*compose(tmp_path / "whole"))
    whole, killed, done = tree(tmp_path / "whole"), 0, 0
    for number, rng in rounds(20):
        done = number + 1
        out = fresh()
        was_killed = Trial(*compose(out)).stop_after(rng.uniform(0.3, 1.1) * seconds) < 0
        killed += was_killed
        assert was_killed or out.exists()
        if out.exists():  # whole, or not at all
            assert tree(out) == whole
        else:
            run(*compose(out))
            assert tree(out) == whole
        assert [name for name in os.listdir(tmp_path) if name.startswith(".") and "partial" in name] == []
    tell(f"dataset compose: {killed} kills in {done} rounds; the same bytes for the same seed every time")


@pytest.mark.release(share=0.15)
def test_train(fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    pytest.importorskip("torch")
    command = ("train", "tiny", "--set", "epochs=2", "--set", "save_every_seconds=1", "--output")
    seconds = run(*command, tmp_path / "whole")
    whole, killed, done = _weights(tmp_path / "whole"), 0, 0
    for number, rng in rounds(20):
        done = number + 1
        out = fresh()
        killed += Trial(*command, out).stop_after(rng.uniform(0.2, 1.1) * seconds) < 0
        run(*command, out)
        assert _weights(out) == whole
    tell(f"train: {killed} kills in {done} rounds; the same weights")


def _weights(folder: Path) -> Tree:
    return {
        name: content
        for name, content in tree(folder).items()
        if name.endswith((".safetensors", ".json", "curves.csv")) or name.startswith("samples/")
    }
