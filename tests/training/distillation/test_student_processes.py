"""A recipe with teachers in two processes: the losses of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gfsalnet.training.recipe import Recipe

from ..test_processes import alone, assert_close, by_two


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one_for_fifty_steps(student_recipe: Recipe, tmp_path: Path) -> None:
    assert student_recipe.distillation
    settings = replace(student_recipe.distillation, steps_per_epoch=51)
    optimiser = replace(student_recipe.optimiser, learning_rate=8e-5)  # as recipes/gfsalnet-mobile.toml
    recipe = replace(student_recipe, distillation=settings, optimiser=optimiser, epochs=1, validate=())
    one = alone(recipe, tmp_path / "one")
    assert len(one) == 51
    assert_close(one, by_two(recipe, tmp_path / "two"))
