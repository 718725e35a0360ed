"""Recipes: what makes no sense is refused, what is resolved is JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gfsalnet.training.recipe import Part, Recipe, Start


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "at least 1"),
        ({"accumulate": 0}, "at least 1"),
        ({"workers": 0}, "at least 1"),
        ({"train": ()}, "at least one dataset"),
        ({"select": "beauty"}, "select must be one of auc_judd"),
    ],
)
def test_nonsense_is_refused(recipe: Recipe, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(recipe, **change)


def test_parts_and_starts_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Part(dataset="folder", root=Path(), split="train", draws=0)
    with pytest.raises(ValueError, match="set one of"):
        Start(backbone_weights=Path("a"), single_stream=Path("b"))


def test_the_resolved_recipe_is_json(recipe: Recipe) -> None:
    tree = json.loads(json.dumps(recipe.to_json()))
    assert tree["train"][0]["root"] == str(recipe.train[0].root)
    assert tree["network"]["backbone"] == "mobilenet_v2"
