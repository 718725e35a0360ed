"""Several processes: the losses of one, a killed one replaced, a run that moves between one and two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gfsalnet.network.weights import WEIGHTS_FILE, read_state
from gfsalnet.training import Recipe, Step, train
from gfsalnet.training.recipe import LossWeights

PROGRAM = """
import json, os, signal, sys
from pathlib import Path
import torch
from gfsalnet.training import Recipe, Step, loop, train

torch.set_num_threads(1)
recipe, folder, log, killed = (Path(path) for path in sys.argv[1:5])
learn, seen = loop.train_step, []

def train_step(*given):
    seen.append(1)
    if os.environ["RANK"] == "1" and len(seen) == int(sys.argv[5]) and not killed.exists():
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return learn(*given)

loop.train_step = train_step
with log.open("a") as file:
    for event in train(Recipe.from_json(json.loads(recipe.read_text())), folder):
        if isinstance(event, Step):
            print(json.dumps([event.epoch, event.step, event.loss]), file=file, flush=True)
"""

Steps = list[tuple[int, int, float]]


def alone(recipe: Recipe, folder: Path, most: int = 10**6) -> Steps:
    """The steps of a run in this process, which is stopped after `most` of them."""
    steps: Steps = []
    with closing(train(recipe, folder)) as events:
        for event in events:
            if isinstance(event, Step):
                steps.append((event.epoch, event.step, event.loss))
                if len(steps) == most:
                    break
    return steps


def by_two(recipe: Recipe, folder: Path, *, kill_at: int = 0, restarts: int = 0) -> Steps:
    """The steps of a run in two processes, of which the second is killed in its step number `kill_at`."""
    place = folder.parent
    (place / "recipe.json").write_text(json.dumps(recipe.to_json()))
    (place / "program.py").write_text(PROGRAM)
    log, killed = place / "steps.jsonl", place / "killed"
    log.unlink(missing_ok=True)
    killed.unlink(missing_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["--max-restarts", str(restarts), str(place / "program.py")]
    paths = (place / "recipe.json", folder, log, killed)
    done = subprocess.run(
        [*command, *map(str, paths), str(kill_at)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert killed.exists() == bool(kill_at)
    assert (done.returncode == 0) == (not kill_at or restarts > 0), done.stderr
    return [tuple(json.loads(line)) for line in log.read_text().splitlines()]


def longer(recipe: Recipe, draws: float) -> Recipe:
    """One epoch of many steps, without validation."""
    parts = tuple(replace(part, draws=draws) for part in recipe.train)
    return replace(recipe, train=parts, validate=(), epochs=1, batch_size=4)


def assert_close(one: Steps, two: Steps) -> None:
    """The same first loss, and then apart by what rounding grows to in Adam: under a thousandth of the loss."""
    assert [step[:2] for step in one] == [step[:2] for step in two]
    assert abs(one[0][2] - two[0][2]) <= 1e-6
    apart = [abs(a[2] - b[2]) / max(abs(a[2]), 1) for a, b in zip(one, two, strict=True)]
    assert sum(apart[-10:]) / len(apart[-10:]) <= 1e-3, apart


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2])
def test_two_processes_have_the_losses_of_one_for_fifty_steps(
    stage: int, recipe: Recipe, both: Recipe, tmp_path: Path
) -> None:
    chosen = replace(both, loss=LossWeights(streams=0.5)) if stage == 2 else replace(recipe, network=both.network)
    if stage == 1:
        chosen = replace(chosen, network=replace(chosen.network, streams="appearance"))
    optimiser = replace(chosen.optimiser, learning_rate=1e-4)  # that of the paper's presets
    chosen = longer(replace(chosen, optimiser=optimiser, freeze_batch_norm=True), draws=17)
    one = alone(chosen, tmp_path / "one")
    assert len(one) >= 51
    assert_close(one, by_two(chosen, tmp_path / "two"))


@pytest.mark.slow
def test_a_killed_process_repeats_nothing_and_runs_move_between_one_and_two(recipe: Recipe, tmp_path: Path) -> None:
    small = replace(recipe.network, input_size_hw=(64, 96))
    chosen = longer(replace(recipe, network=small, save_every_seconds=0.0), draws=3)
    whole = alone(chosen, tmp_path / "whole")
    assert len(whole) == 9
    folder = tmp_path / "moved"
    parts = [alone(chosen, folder, most=2)]
    parts.append(by_two(chosen, folder, kill_at=3))  # and left dead
    parts.append(alone(chosen, folder, most=1))
    parts.append(by_two(chosen, folder, kill_at=2, restarts=1))
    # A process may be killed before the checkpoint of the step before is written: that step is then done again, from
    # the weights before it. So every step has the loss that it had in the run that nothing stopped.
    expected = {step[:2]: step for step in whole}
    moved = [step for part in parts for step in part]
    assert {step[:2] for step in moved} == set(expected)
    assert_close([expected[step[:2]] for step in moved], moved)
    assert len(moved) <= len(whole) + 2  # one for each kill, at most
    ends = [read_state(place / "last" / WEIGHTS_FILE) for place in (tmp_path / "whole", folder)]
    for name, value in ends[0].items():
        torch.testing.assert_close(value.float(), ends[1][name].float(), rtol=0, atol=2e-3)
