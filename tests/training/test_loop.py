"""The whole loop on drawn data: it learns, is seeded, and whatever stops it, goes on to the same weights."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gfsalnet.errors import OutputError, RecipeError
from gfsalnet.models import load_model
from gfsalnet.network.weights import CONFIG_FILE, WEIGHTS_FILE, load_network
from gfsalnet.training import Epoch, Recipe, Step, train
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.gaze_task import GazeTask, predict
from gfsalnet.training.presets import tiny
from gfsalnet.training.recipe import Flow, LossWeights, Start
from gfsalnet.training.report.curves import CURVES_FILE
from gfsalnet.training.state import CHECKPOINT_FILE, initial_state

pytestmark = pytest.mark.usefixtures("undrawn_curves")  # the pictures are those of tests/training/report
EPOCHS = 12


def epochs(recipe: Recipe, folder: Path) -> list[Epoch]:
    return [event for event in train(recipe, folder) if isinstance(event, Epoch)]


def digest(path: Path) -> str:
    """Of a file: pytest would compare megabytes byte by byte."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def weights(folder: Path, which: str = "last") -> str:
    return digest(folder / which / WEIGHTS_FILE)


def assert_same_end(whole: list[Epoch], rest: list[Epoch]) -> None:
    for one, other in zip(whole[-len(rest) :], rest, strict=True):
        assert (one.epoch, one.kl, one.nss, one.scores) == (other.epoch, other.kl, other.nss, other.scores)


@pytest.mark.slow
def test_a_run_learns_and_leaves_weights_and_curves(recipe: Recipe, tmp_path: Path) -> None:
    longer = replace(
        recipe,
        epochs=EPOCHS,
        optimiser=replace(recipe.optimiser, learning_rate=3e-3, backbone_factor=1.0),
    )
    events = list(train(longer, tmp_path))
    done = [event for event in events if isinstance(event, Epoch)]
    assert [epoch.epoch for epoch in done] == list(range(EPOCHS))
    assert done[-1].kl < 0.7 * done[0].kl
    steps = [event for event in events if isinstance(event, Step)]
    assert len(steps) == EPOCHS * steps[0].steps_per_epoch
    network, about = load_network(tmp_path / "best")
    assert [part["photographs"] for part in about["training"]["data"]["train"]] == [12]
    assert about["training"]["recipe"]["epochs"] == EPOCHS
    assert network.config == longer.network
    with (tmp_path / CURVES_FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(EPOCHS))
    assert float(rows[-1]["cc"]) == pytest.approx(done[-1].scores["saliency"]["mean"]["cc"], abs=1e-4)
    assert json.loads((tmp_path / "recipe.json").read_text()) == longer.to_json()


def test_the_best_weights_are_those_of_the_best_epoch(small_recipe: Recipe, tmp_path: Path) -> None:
    best_score, kept = float("-inf"), ""
    for event in train(replace(small_recipe, select="cc"), tmp_path):
        if isinstance(event, Epoch):
            score = event.scores["saliency"]["mean"]["cc"]
            assert event.is_best == (score > best_score)
            if event.is_best:
                best_score, kept = score, weights(tmp_path)
            assert weights(tmp_path, "best") == kept


def test_without_validation_the_last_weights_are_the_best(small_recipe: Recipe, tmp_path: Path) -> None:
    done = epochs(replace(small_recipe, epochs=2, validate=()), tmp_path)
    assert done[-1].scores == {}
    assert weights(tmp_path, "best") == weights(tmp_path)


def test_a_run_stopped_in_mid_epoch_goes_on_to_the_same_weights(small_recipe: Recipe, tmp_path: Path) -> None:
    recipe = replace(small_recipe, epochs=2)
    whole = epochs(recipe, tmp_path / "whole")
    with closing(train(recipe, tmp_path / "stopped")) as run:
        next(event for event in run if isinstance(event, Step) and (event.epoch, event.step) == (1, 1))
    first = next(train(recipe, tmp_path / "stopped"))
    assert isinstance(first, Step)
    assert (first.epoch, first.step) == (1, 2)  # nothing is repeated
    assert_same_end(whole, epochs(recipe, tmp_path / "stopped"))
    assert weights(tmp_path / "whole") == weights(tmp_path / "stopped")
    assert epochs(recipe, tmp_path / "stopped") == []  # finished


KILLED = """
import sys
from pathlib import Path
import torch
from pydantic import TypeAdapter
from gfsalnet.training import Recipe, Step, train
torch.set_num_threads(int(sys.argv[3]))  # sums depend on it, and another test may have changed ours
recipe = TypeAdapter(Recipe).validate_json(Path(sys.argv[1]).read_text())
for event in train(recipe, Path(sys.argv[2])):
    if isinstance(event, Step):
        print(event.epoch, event.step, flush=True)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(recipe: Recipe, tmp_path: Path) -> None:
    recipe = replace(recipe, epochs=2, network=replace(recipe.network, input_size_hw=(64, 96)))
    whole = epochs(recipe, tmp_path / "whole")
    (tmp_path / "recipe.json").write_text(json.dumps(replace(recipe, save_every_seconds=0.0).to_json()))
    arguments = [sys.executable, "-c", KILLED, str(tmp_path / "recipe.json"), str(tmp_path / "killed")]
    arguments.append(str(torch.get_num_threads()))
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line == "1 1\n")
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert_same_end(whole, epochs(recipe, tmp_path / "killed"))
    assert weights(tmp_path / "whole") == weights(tmp_path / "killed")


def test_a_folder_of_another_run_is_refused(small_recipe: Recipe, tmp_path: Path) -> None:
    one = replace(small_recipe, epochs=1)
    epochs(one, tmp_path)
    assert epochs(replace(one, workers=1, save_every_seconds=1.0), tmp_path) == []  # that changes nothing
    with pytest.raises(RecipeError, match="another recipe"):
        epochs(replace(one, seed=1), tmp_path)
    (tmp_path / CHECKPOINT_FILE).write_bytes(b"junk")
    with pytest.raises(RecipeError, match="not a readable PyTorch file"):
        epochs(one, tmp_path)
    torch.save({"network": {}}, tmp_path / CHECKPOINT_FILE)
    with pytest.raises(RecipeError, match="not a readable checkpoint"):
        epochs(one, tmp_path)


def test_a_folder_that_cannot_be_written_to_is_named(small_recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(OutputError, match=r"file.*cannot be written"):
            next(train(small_recipe, folder))
    assert (tmp_path / "file").read_text() == "mine"


def test_a_checkpoint_that_cannot_be_written_is_named(small_recipe: Recipe, tmp_path: Path) -> None:
    ranks = Ranks(torch.device("cpu"))
    state = initial_state(small_recipe, GazeTask(small_recipe, tmp_path, ranks), ranks)
    with pytest.raises(OutputError, match=r"checkpoint\.pt: cannot be written"):
        state.save(tmp_path / "gone")


def test_divergence_stops_and_leaves_what_was_there(
    small_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reckless = replace(
        small_recipe, optimiser=replace(small_recipe.optimiser, learning_rate=1e30, clip_norm=0.0, warm_up=0.0)
    )
    with pytest.raises(RecipeError, match="no longer a number"):
        epochs(reckless, tmp_path / "from-the-start")
    assert not (tmp_path / "from-the-start" / "best").exists()
    run = train(small_recipe, tmp_path)
    next(event for event in run if isinstance(event, Epoch))
    files = [tmp_path / CHECKPOINT_FILE, tmp_path / "best" / WEIGHTS_FILE, tmp_path / "last" / WEIGHTS_FILE]
    before = [digest(path) for path in files]
    monkeypatch.setattr("gfsalnet.training.gaze_task.saliency_loss", _no_number)
    with pytest.raises(RecipeError, match="no longer a number"):
        list(run)
    assert [digest(path) for path in files] == before


def _no_number(saliency: torch.Tensor, *_: object) -> object:
    from gfsalnet.network import Loss

    value = saliency.sum() * float("nan")
    return Loss(value, value, value)


def test_both_streams_start_from_one_and_become_a_model(
    small_recipe: Recipe, small_both: Recipe, tmp_path: Path
) -> None:
    single = replace(small_recipe, epochs=1, network=replace(small_both.network, streams="appearance"))
    epochs(single, tmp_path / "one")
    second = replace(
        small_both,
        start=Start(single_stream=tmp_path / "one" / "best"),
        flow=Flow(settings={"preset": "fast"}, scale_pixels=8.0),
        loss=LossWeights(streams=0.5),
        optimiser=replace(small_both.optimiser, learning_rate=1e-9),
    )
    (done,) = epochs(second, tmp_path / "two")
    assert set(done.scores) == {"saliency", "appearance", "motion"}
    assert done.motion_share is not None
    one, two = load_network(tmp_path / "one" / "best")[0], load_network(tmp_path / "two" / "best")[0]
    assert one.appearance is not None
    assert two.motion is not None
    torch.testing.assert_close(one.appearance.last.weight, two.motion.last.weight, atol=1e-3, rtol=1e-2)
    model = load_model(tmp_path / "two" / "best", device="cpu")
    described = model.describe()["flow"]
    assert (described["estimator"], described["preset"], described["scale_pixels"]) == ("dis", "fast", 8.0)
    about = json.loads((tmp_path / "two" / "best" / CONFIG_FILE).read_text())
    assert about["flow"] == json.loads(json.dumps(described))


def test_half_precision_needs_a_gpu(small_recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="float16 needs a GPU"):
        epochs(replace(small_recipe, precision="float16"), tmp_path)


@pytest.mark.slow
def test_tiny_learns_to_follow_what_moves(tmp_path: Path) -> None:
    """And its gate to trust motion there, and appearance on what rests."""
    recipe = replace(tiny(), device="cpu", epochs=2)
    done = epochs(recipe, tmp_path)
    last = done[-1].scores["saliency"]["clips"]["nss"]
    assert last > done[0].scores["saliency"]["clips"]["nss"]
    assert last > done[-1].scores["appearance"]["clips"]["nss"] + 1  # the frame alone does not show what moves
    assert os.path.getsize(tmp_path / "samples" / "epoch-002.png") > 10_000
    moving, resting = motion_shares(recipe, tmp_path)
    assert moving > resting + 0.3


def motion_shares(recipe: Recipe, run: Path) -> tuple[float, float]:
    """How far the gate trusts motion, mean over the validation clips: on what moves by the flow, on what is red."""
    network, _ = load_network(run / "last")
    network.eval()
    clips = recipe.build_sources(recipe.validate, run)[1].source
    moving, resting = [], []
    for index in range(len(clips)):
        example, _ = clips.eval_example(index)
        gate = predict(network, example, recipe, torch.device("cpu")).gate
        assert gate is not None
        assert example.flow_image is not None
        red = example.rgb[..., 0] > 200
        moving.extend((1 - gate)[(example.flow_image.min(2) < 200) & ~red])
        resting.extend((1 - gate)[red])
    return float(np.mean(moving)), float(np.mean(resting))
