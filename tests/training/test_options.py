"""Options that change how fast it trains and not what is learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gfsalnet.errors import RecipeError
from gfsalnet.training import train
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.gaze_task import GazeTask
from gfsalnet.training.loop import Losses, to_training_mode, train_step
from gfsalnet.training.recipe import Recipe
from gfsalnet.training.state import TrainingState, initial_state


def learned(recipe: Recipe, steps: int = 2) -> tuple[list[Losses], TrainingState]:
    ranks = Ranks(torch.device("cpu"))
    task = GazeTask(recipe, Path(), ranks)
    state = initial_state(recipe, task, ranks)
    to_training_mode(state.network, recipe)
    plan = task.epoch_steps(0)[:steps]
    return [train_step(state, task.make_pieces(0, step), task, recipe, ranks) for step in plan], state


def kernels_are_channels_last(state: TrainingState) -> bool:
    kernels = [p for p in state.network.parameters() if p.ndim == 4 and min(p.shape[1:]) > 1]
    return all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)


def test_the_layout_in_memory_changes_rounding_alone(small_both: Recipe) -> None:
    last, of_last = learned(small_both)
    first, of_first = learned(replace(small_both, channels_last=False))
    assert kernels_are_channels_last(of_last)
    assert not kernels_are_channels_last(of_first)
    for one, other in zip(last, first, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)


@pytest.mark.slow
def test_a_compiled_network_learns_the_same_under_the_same_names(small_both: Recipe) -> None:
    plain, of_plain = learned(small_both)
    compiled, of_compiled = learned(replace(small_both, compile=True))
    assert of_compiled.ddp_model is not of_compiled.network
    for one, other in zip(plain, compiled, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)
    assert list(of_plain.network.state_dict()) == list(of_compiled.network.state_dict())
    pairs = zip(of_compiled.network.parameters(), of_compiled.ema.parameters(), strict=True)
    assert any(not torch.equal(one, other) for one, other in pairs)  # what is compiled trains the network itself


def test_without_a_compiler_it_says_so(small_both: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(RecipeError, match=r"needs a C\+\+ compiler.*compile to false"):
        next(train(replace(small_both, compile=True), tmp_path))
