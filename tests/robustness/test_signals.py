"""Ctrl-C, SIGTERM and SIGHUP at any moment: the status says which, nothing half is left, and no process."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from test_kills import SAVE, assert_finished_folders_are_of_one_run, dataset, fresh, videos
from trials import Rounds, Tell, Trial, run, tree

from gfsalnet.stopping import STOP_SIGNALS

__all__ = ["dataset", "fresh", "videos"]  # fixtures

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes as on Linux")

SIGNALS = [number for number in STOP_SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
"""Not those that these tests were started to ignore, as in the background of a script: so would what they start."""


@pytest.mark.release(share=0.1)
def test_predict(videos: list[Path], fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    command = ("predict", *videos, "--save", SAVE, "--output")
    seconds = run(*command, tmp_path / "whole")
    whole, stopped, done = tree(tmp_path / "whole"), 0, 0
    for number, rng in rounds(60):
        out, signalled = fresh(), SIGNALS[number % len(SIGNALS)]
        trial = Trial(*command, out)
        status = trial.stop_after(rng.uniform(0.0, 1.1) * seconds, signalled)
        _, _, errors = trial.finish()
        assert status in (0, 128 + signalled, -signalled), errors
        assert "Traceback" not in errors
        stopped += status == 128 + signalled
        assert tree(out) == tree(out, hidden=False)
        assert_finished_folders_are_of_one_run(tree(out), whole)
        assert not any(path.is_dir() and not any(path.iterdir()) for path in out.rglob("*"))
        done = number + 1
    tell(f"predict: {stopped} of {done} stopped by SIGINT, SIGTERM or SIGHUP in turn, nothing half left")


@pytest.mark.release(share=0.1)
def test_prepare(dataset: Path, fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    def prepare(root: Path) -> tuple[object, ...]:
        return ("dataset", "prepare", "folder", root, "--frames", "--workers", 2)

    shutil.copytree(dataset, tmp_path / "whole")
    seconds = run(*prepare(tmp_path / "whole"))
    stopped, done = 0, 0
    for number, rng in rounds(40):
        root, signalled = fresh(), SIGNALS[number % len(SIGNALS)]
        shutil.copytree(dataset, root)
        trial = Trial(*prepare(root))
        status = trial.stop_after(rng.uniform(0.0, 1.1) * seconds, signalled)
        assert trial.survivors() == []
        _, _, errors = trial.finish()
        assert status in (0, 128 + signalled, -signalled), errors
        assert "Traceback" not in errors
        stopped += status == 128 + signalled
        assert tree(root) == tree(root, hidden=False)
        done = number + 1
    tell(f"dataset prepare: {stopped} of {done} stopped in turn, nothing half left, no worker after 2 s")


@pytest.mark.release(share=0.04)
def test_standard_input_is_not_left_in_the_temporary_folder(
    videos: list[Path], tmp_path: Path, rounds: Rounds, tell: Tell
) -> None:
    spool, done = tmp_path / "spool", 0
    spool.mkdir()
    assert tempfile.gettempdir() != str(spool)
    for number, _ in rounds(6):
        trial = Trial("predict", "-", "--output", tmp_path / "out", reads=True, TMPDIR=str(spool))
        assert trial.process.stdin is not None
        trial.process.stdin.write(videos[0].read_bytes()[:1000])
        trial.process.stdin.flush()
        while not (_spooled(spool) or trial.process.poll()):
            time.sleep(0.01)
        signalled = SIGNALS[number % len(SIGNALS)]
        assert trial.stop_after(0.2, signalled) == 128 + signalled
        assert _spooled(spool) == []
        done = number + 1
    tell(f"standard input: {done} times stopped while it was stored, nothing left")


def _spooled(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith("gfsalnet-")]
