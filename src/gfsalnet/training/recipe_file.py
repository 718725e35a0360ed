"""Recipes from where users keep them: a TOML file, a preset's name, changes on the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gfsalnet.errors import RecipeError
from gfsalnet.network import NetworkConfig, mobile
from gfsalnet.training.data.toy import TOY
from gfsalnet.training.presets import PRESETS
from gfsalnet.training.recipe import Part, Recipe, to_json

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_recipe(source: Path | str, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply changes such as `optimiser.learning_rate=3e-4`.

    A file may start with `preset = "NAME"` and then says only what differs: tables are merged key by key, lists such as
    `[[train]]` replaced whole, and so is `start`, whose keys exclude each other. Without a preset the network begins as
    `mobile("appearance")`.

    Args:
        source: a TOML file, whose folder its relative paths start at; or the name of a preset, whose paths start here.
        changes: `key=value`, the value in TOML; a bare word is a string.

    Raises:
        RecipeError: if the file is missing, is not TOML, or holds an unknown key, preset or wrong value.
    """
    is_preset = str(source) in PRESETS
    tree: dict[str, Any] = {"preset": str(source)} if is_preset else _read_toml(Path(source))
    for change in changes:
        _apply(tree, change)
    tree = _merged(_base(tree.pop("preset", None), source), tree)
    try:
        recipe = TypeAdapter(Recipe).validate_python(tree)
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(source, f"{'.'.join(map(str, first['loc']))}: {first['msg']}", "Mend that key.") from error
    return _anchored(recipe, Path() if is_preset else Path(source).parent)


def _read_toml(path: Path) -> dict[str, Any]:
    known = ", ".join(PRESETS)
    try:
        tree: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecipeError(path, "no such file", f"Give a TOML recipe, or one of the presets: {known}.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(path, f"not a TOML file ({error})", "Mend the line it names.") from error
    return tree


def _base(preset: object, source: Path | str) -> dict[str, Any]:
    if preset is None:
        return {"network": TypeAdapter(NetworkConfig).dump_python(mobile("appearance"), mode="json")}
    if preset not in PRESETS:
        raise RecipeError(source, f"there is no preset {preset!r}", f"Use one of: {', '.join(PRESETS)}.")
    return to_json(PRESETS[str(preset)]())


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict) and key != "start":
            value = _merged(below, value)
        merged[key] = value
    return merged


def _apply(tree: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise RecipeError(
            f"--set {change}", "is not key=value", "Write for instance --set optimiser.learning_rate=3e-4."
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word is a string
    *parents, last = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise RecipeError(f"--set {change}", f"{parent} is not a table", "Check the key.")
    tree[last] = value


def _anchored(recipe: Recipe, folder: Path) -> Recipe:
    """All relative paths from `folder`; toy data stay with the run that draws them."""

    def anchored(parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(part if part.dataset == TOY else replace(part, root=folder / part.root) for part in parts)

    start = replace(
        recipe.start,
        backbone_weights=recipe.start.backbone_weights and folder / recipe.start.backbone_weights,
        single_stream=recipe.start.single_stream and folder / recipe.start.single_stream,
    )
    return replace(recipe, start=start, train=anchored(recipe.train), validate=anchored(recipe.validate))
