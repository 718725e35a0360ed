"""Recipes from files and presets: merged, changed from the command line, wrong keys named."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfsalnet.errors import RecipeError
from gfsalnet.training.presets import PRESETS, read_recipe

TEXT = """
name = "mine"
epochs = 2
[[train]]
dataset = "folder"
root = "gaze"
split = "train"
[optimiser]
learning_rate = 1e-4
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(TEXT)
    return tmp_path / "mine.toml"


def test_paths_start_at_the_recipe_and_changes_apply(path: Path) -> None:
    changes = ["epochs=5", "optimiser.learning_rate=3e-4", "name=other", "augmentation.mirror=false"]
    recipe = read_recipe(path, [*changes, "start.backbone_weights=backbone.safetensors"])
    assert recipe.data_root / recipe.train[0].root == path.parent / "gaze"
    assert recipe.start.backbone_weights == path.parent / "backbone.safetensors"
    assert (recipe.epochs, recipe.optimiser.learning_rate, recipe.name) == (5, 3e-4, "other")
    assert recipe.augmentation.mirror is False
    assert read_recipe(path).epochs == 2


def test_one_data_root_moves_all_datasets(path: Path) -> None:
    assert {part.root for part in read_recipe("mobile-stage1").train} == {Path("osie"), Path("crowd"), Path("scene")}
    assert read_recipe("mobile-stage1").data_root == Path("datasets")
    assert read_recipe("mobile-stage1", ["data_root=/gaze"]).data_root == Path("/gaze")
    assert read_recipe("mobile-stage1", data_root=Path("../gaze")).data_root == Path("../gaze")
    assert read_recipe(path, ["data_root=../gaze"]).data_root == path.parent / "../gaze"  # as all paths of a recipe
    assert read_recipe(path, data_root=Path("gaze")).data_root == Path("gaze")  # as all paths of a command


def test_without_a_preset_the_network_is_mobile_whatever_else_changes(path: Path) -> None:
    network = read_recipe(path, ["network.streams=motion"]).network
    assert (network.backbone, network.streams) == ("mobilenet_v2", "motion")


def test_a_file_differs_from_its_preset_where_it_says_so(path: Path) -> None:
    path.write_text('preset = "paper-setting2"\n' + TEXT)
    recipe, preset = read_recipe(path), PRESETS["paper-setting2"]()
    assert [part.dataset for part in recipe.train] == ["folder"]  # lists are replaced
    assert recipe.optimiser.learning_rate == 1e-4
    assert recipe.optimiser.kind == preset.optimiser.kind == "adam"  # tables are merged
    assert recipe.network == preset.network
    assert recipe.start.single_stream == path.parent / "runs" / "paper-stage1" / "best"


def test_one_start_takes_the_place_of_another() -> None:
    start = read_recipe("paper-setting2", ["start.backbone_weights=backbone.safetensors"]).start
    assert (start.backbone_weights, start.single_stream) == (Path("backbone.safetensors"), None)


def test_a_preset_is_a_recipe_by_its_name() -> None:
    recipe = read_recipe("paper-stage1", ["epochs=1"])
    assert (recipe.name, recipe.epochs) == ("paper-stage1", 1)
    assert recipe.data_root / recipe.train[0].root == Path("datasets/salicon")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs", "not key=value"),
        ("epoch=3", "epoch: there is no such key"),
        ("epochs=many", "epochs: "),
        ("epochs=0", "at least 1"),
        ("epochs.deep=1", "not a table"),
        ("optimiser.rate=1", r"optimiser\.rate"),
        ("optimiser.learning_rate=nan", r"optimiser\.learning_rate: Input should be a finite number"),
        ("optimiser.learning_rate=0", "learning_rate must be positive"),
        ("optimiser.factors.gate=-1", "no factor of it negative"),
        ("augmentation.crop=nan", r"augmentation\.crop: Input should be a finite number"),
        ("loss.alpha=inf", r"loss\.alpha: Input should be a finite number"),
        ("precision=float8", "precision: "),
        ("network.backbone=vgg", r"network\.backbone"),
        ("preset=other", "no preset 'other'"),
        ("preset=[1]", r"no preset \[1\]"),
        ("optimiser.average_decay=0.9", "It is called optimiser.ema_decay now"),
    ],
)
def test_wrong_changes_are_named(path: Path, change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_recipe(path, [change])


def test_files_that_are_no_recipes_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no such file.*presets: tiny"):
        read_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(RecipeError, match="not a readable TOML file"):
        read_recipe(tmp_path / "bad.toml")
    (tmp_path / "short.toml").write_text('name = "x"')
    with pytest.raises(RecipeError, match="train"):
        read_recipe(tmp_path / "short.toml")


RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_our_recipes_are_valid(recipe: Path) -> None:
    assert read_recipe(recipe).name in {*PRESETS, recipe.stem}


def test_teachers_weights_lie_beside_the_recipe_and_maps_below_the_data() -> None:
    path = next(recipe for recipe in RECIPES if recipe.name == "gfsalnet-mobile.toml")
    recipe = read_recipe(path, data_root=Path("gaze"))
    assert recipe.distillation is not None
    assert recipe.distillation.watching is not None
    weights = [recipe.distillation.watching.weights, *(teacher.weights for teacher in recipe.distillation.teachers)]
    assert {file.parent for file in weights} == {recipe.start.unisal.parent} == {path.parent / "../weights"}  # type: ignore[union-attr]  # it names one
    assert recipe.data_root / recipe.distillation.stored_maps == Path("gaze/teacher_maps/teacher_maps.npz")


DOCS = Path(__file__).parents[2] / "docs" / "training.md"


@pytest.mark.skipif(not DOCS.exists(), reason="docs/ is no part of a source distribution")
def test_the_recipes_in_the_docs_are_valid(tmp_path: Path) -> None:
    mine, student = (text.split("```")[0] for text in DOCS.read_text(encoding="utf-8").split("```toml")[1:])
    (tmp_path / "student.toml").write_text(student)
    assert read_recipe(tmp_path / "student.toml").network.stream == "light"
    (tmp_path / "mine.toml").write_text(mine)
    recipe = read_recipe(tmp_path / "mine.toml")
    roots = [recipe.data_root / part.root for part in recipe.train]
    assert roots == [tmp_path / "recordings", tmp_path / "photographs"]
