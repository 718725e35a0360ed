"""Several processes with the same command at the same time: each ends well, and the bytes are those of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from test_kills import SAVE, assert_whole, dataset, fresh, videos
from trials import Rounds, Tell, Trial, run, tree

__all__ = ["dataset", "fresh", "videos"]  # fixtures

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes as on Linux")


@pytest.mark.release(share=0.12)
def test_predict(videos: list[Path], fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    command = ("predict", *videos, "--save", SAVE, "--output")
    seconds = run(*command, tmp_path / "whole")
    whole, started, killed, done = tree(tmp_path / "whole"), 0, 0, 0
    for number, rng in rounds(50):
        out, count = fresh(), int(rng.integers(2, 5))
        trials = [Trial(*command, out) for _ in range(count)]
        if number % 3 == 2:  # now and then one of them is killed, and the others make what it does not
            killed += trials.pop().stop_after(rng.uniform(0.5, 1.5) * seconds) < 0
            assert_whole(tree(out, hidden=False), whole)
        for trial in trials:
            status, output, errors = trial.finish()
            assert (status, "Traceback" in output + errors) == (0, False), (status, output, errors)
        assert tree(out) == whole
        started, done = started + count, number + 1
    tell(f"predict: {done} times 2 to 4 processes at once ({started} in all, {killed} killed), 0 wrong bytes")


@pytest.mark.release(share=0.06)
def test_evaluate(dataset: Path, fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    command = ("evaluate", "--dataset", "folder", "--root", dataset, "--model", "centre-bias", "--workers", 0, "-o")
    run(*command, tmp_path / "whole")
    whole, done, refused = tree(tmp_path / "whole"), 0, 0
    for number, rng in rounds(20):
        out = fresh()
        ended = [trial.finish() for trial in [Trial(*command, out) for _ in range(rng.integers(2, 5))]]
        for status, output, errors in ended:
            assert "Traceback" not in output + errors, errors
            assert status == 0 or ("is being made by process" in errors and errors.count("\n") == 1), errors
            refused += status
        assert min(status for status, _, _ in ended) == 0
        assert tree(out) == whole
        done = number + 1
    tell(f"evaluate: {done} times 2 to 4 processes at once, 0 wrong bytes, {refused} refused with one line")


@pytest.mark.release(share=0.06)
def test_compose(dataset: Path, fresh: Callable[[], Path], tmp_path: Path, rounds: Rounds, tell: Tell) -> None:
    def compose(out: Path) -> tuple[object, ...]:
        return ("dataset", "compose", out, dataset, "--clips", 2, "--frames", 6)

    run(*compose(tmp_path / "whole"))
    whole, done = tree(tmp_path / "whole"), 0
    for number, rng in rounds(20):
        out = fresh()
        ended = [trial.finish() for trial in [Trial(*compose(out)) for _ in range(rng.integers(2, 5))]]
        assert [status for status, _, _ in ended].count(0) == 1
        for status, _, errors in ended:
            assert status == 0 or (errors.startswith("error: ") and errors.count("\n") == 1), errors
        assert tree(out) == whole
        done = number + 1
    tell(f"dataset compose: {done} times 2 to 4 processes at once, one made it and the others said so")
