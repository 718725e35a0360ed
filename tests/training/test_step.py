"""One step: rates by part and time, and the same gradient however the batch is cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gfsalnet.errors import RecipeError
from gfsalnet.network import GFSalNet, NetworkConfig, mobile
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.gaze_task import GazeTask
from gfsalnet.training.loop import Losses, to_training_mode, train_step
from gfsalnet.training.recipe import LossWeights, Optimiser, Recipe
from gfsalnet.training.state import initial_state

from .conftest import discs_part, draw_discs

ONE = Ranks(torch.device("cpu"))


def learned(recipe: Recipe, steps: int = 1) -> tuple[list[Losses], GFSalNet]:
    """The losses of the first steps, and the network with the gradients of the last."""
    task = GazeTask(recipe, Path(), ONE)
    state = initial_state(recipe, task, ONE)
    to_training_mode(state.network, recipe)
    plan = task.epoch_steps(0)[:steps]
    return [train_step(state, task.make_pieces(0, step), task, recipe, ONE) for step in plan], state.network


def test_pieces_give_the_losses_and_gradients_of_the_whole(small_both: Recipe, tmp_path: Path) -> None:
    root = draw_discs(tmp_path / "discs", nobody_looked=(0, 1, 5, 8))  # spread unevenly over the pieces
    whole = replace(small_both, train=(discs_part(root, "train"),), batch_size=12, loss=LossWeights(streams=0.5))
    (expected,), network = learned(whole)
    for accumulate in (4, 5):
        (losses,), other = learned(replace(whole, accumulate=accumulate))
        assert losses == pytest.approx(expected, rel=1e-5)
        for one, another in zip(network.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(one.grad, another.grad, rtol=1e-3, atol=1e-5)


def test_the_streams_own_losses_are_added_by_their_weight(small_both: Recipe) -> None:
    (without,), _ = learned(small_both)
    (little,), _ = learned(replace(small_both, loss=LossWeights(streams=0.5)))
    (more,), _ = learned(replace(small_both, loss=LossWeights(streams=1.0)))
    assert (without.kl, without.nss) == (little.kl, little.nss)
    assert more.total - without.total == pytest.approx(2 * (little.total - without.total), rel=1e-4)
    assert little.total - without.total > 0.1


def test_rates_follow_backbone_stream_and_decay() -> None:
    network = GFSalNet(mobile("both"))
    how = Optimiser(learning_rate=1.0, backbone_factor=0.5, appearance_factor=0.1, warm_up=0.0)
    rate_of = {id(p): group["lr"] for group in how.build(network, 10)[0].param_groups for p in group["params"]}
    assert network.appearance is not None
    assert network.motion is not None
    assert rate_of[id(network.motion.last.weight)] == 1
    assert rate_of[id(next(network.motion.backbone.parameters()))] == 0.5
    assert rate_of[id(network.appearance.last.weight)] == 0.1
    assert rate_of[id(next(network.appearance.backbone.parameters()))] == 0.05
    assert len(rate_of) == len(list(network.parameters()))


def test_a_factor_of_zero_freezes_the_appearance_stream(small_both: Recipe) -> None:
    recipe = replace(small_both, optimiser=replace(small_both.optimiser, appearance_factor=0.0))
    before = initial_state(recipe, GazeTask(recipe, Path(), ONE), ONE).network.state_dict()
    _, network = learned(recipe)
    for name, value in network.state_dict().items():
        if name.startswith("appearance"):
            assert torch.equal(value, before[name])
    assert network.appearance is not None
    assert not network.appearance.training
    assert not torch.equal(network.state_dict()["motion.last.weight"], before["motion.last.weight"])


def rates(how: Optimiser, total: int) -> list[float]:
    """The highest learning rate of every step."""
    optimiser, schedule = how.build(GFSalNet(replace(mobile("appearance"), input_size_hw=(32, 32))), total)
    seen = []
    for _ in range(total):
        seen.append(max(float(group["lr"]) for group in optimiser.param_groups))
        optimiser.step()
        schedule.step()
    return seen


def test_the_papers_steps_and_their_floor() -> None:
    how = Optimiser(learning_rate=1e-4, warm_up=0.0, schedule="step", step_every=3, floor=1e-6)
    assert rates(how, 12) == pytest.approx([1e-4] * 3 + [1e-5] * 3 + [1e-6] * 6)


def test_the_cosine_rises_and_falls_to_a_hundredth() -> None:
    seen = rates(Optimiser(learning_rate=1.0, warm_up=0.2), 100)
    assert seen[0] == pytest.approx(0.05)
    assert max(seen) == pytest.approx(1, abs=1e-3)
    assert seen[-1] == pytest.approx(0.01, abs=1e-3)
    assert seen[20:] == sorted(seen[20:], reverse=True)


def test_batch_norms_keep_their_statistics_when_asked(recipe: Recipe) -> None:
    with torch.device("meta"):
        network = GFSalNet(NetworkConfig(streams="appearance"))
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    to_training_mode(network, recipe)
    assert all(norm.training for norm in norms)
    to_training_mode(network, replace(recipe, freeze_batch_norm=True))
    assert norms
    assert not any(norm.training for norm in norms)
    assert network.training


def test_a_loss_that_is_no_number_moves_nothing(small_recipe: Recipe) -> None:
    task = GazeTask(small_recipe, Path(), ONE)
    state = initial_state(small_recipe, task, ONE)
    pieces = task.make_pieces(0, task.epoch_steps(0)[0])
    broken = [piece._replace(density=piece.density * float("nan")) for piece in pieces]
    before = {name: value.clone() for name, value in state.network.state_dict().items()}
    with pytest.raises(RecipeError, match="no longer a number"):
        train_step(state, broken, task, small_recipe, ONE)
    assert all(torch.equal(value, before[name]) for name, value in state.network.state_dict().items())


def test_without_averaging_the_average_is_the_network(small_recipe: Recipe) -> None:
    recipe = replace(small_recipe, optimiser=replace(small_recipe.optimiser, ema_decay=0.0))
    state = initial_state(recipe, GazeTask(recipe, Path(), ONE), ONE)
    assert state.ema is state.network
