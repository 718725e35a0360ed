"""Recipes: typed, changed from the command line, wrong keys named."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfsalnet.errors import RecipeError
from gfsalnet.training.recipe import read_recipe, to_json

TEXT = """
name = "mine"
epochs = 2
[data]
folders = ["gaze"]
[optimiser]
learning_rate = 1e-4
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(TEXT)
    return tmp_path / "mine.toml"


def test_paths_start_at_the_recipe_and_changes_apply(path: Path) -> None:
    recipe = read_recipe(path, ["epochs=5", "optimiser.learning_rate=3e-4", "name=other", "augmentation.mirror=false"])
    assert recipe.data.folders == (path.parent / "gaze",)
    assert (recipe.epochs, recipe.optimiser.learning_rate, recipe.name) == (5, 3e-4, "other")
    assert recipe.augmentation.mirror is False
    assert read_recipe(path).epochs == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs", "not key=value"),
        ("epoch=3", "epoch: Unexpected"),
        ("epochs=many", "epochs: "),
        ("epochs=0", "at least 1"),
        ("epochs.deep=1", "not a table"),
        ("optimiser.rate=1", r"optimiser\.rate"),
        ("network.streams=both", "one stream"),
        ("network.backbone=vgg", r"network\.backbone"),
    ],
)
def test_wrong_changes_are_named(path: Path, change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_recipe(path, [change])


def test_files_that_are_no_recipes_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such file"):
        read_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(RecipeError, match="not a TOML file"):
        read_recipe(tmp_path / "bad.toml")
    (tmp_path / "short.toml").write_text('name = "x"')
    with pytest.raises(RecipeError, match="data"):
        read_recipe(tmp_path / "short.toml")


def test_the_resolved_recipe_is_json(path: Path) -> None:
    tree = to_json(read_recipe(path))
    assert tree["optimiser"]["learning_rate"] == 1e-4
    assert tree["network"]["backbone"] == "mobilenet_v2"
    assert isinstance(tree["data"]["folders"][0], str)


@pytest.mark.parametrize("recipe", sorted((Path(__file__).parents[2] / "recipes").glob("*.toml")), ids=lambda p: p.name)
def test_our_recipes_are_valid(recipe: Path) -> None:
    assert read_recipe(recipe).name
