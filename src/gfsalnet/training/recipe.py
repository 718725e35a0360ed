"""A training run in one typed tree: read from TOML, changed by `key=value`, saved beside the weights it made."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError

from gfsalnet.errors import RecipeError
from gfsalnet.network import NetworkConfig, mobile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_STRICT = {"extra": "forbid"}  # a misspelt key is an error


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which gaze is learned from, and which is kept apart to validate on."""

    __pydantic_config__: ClassVar = _STRICT

    folders: tuple[Path, ...]
    """Gaze folders; relative paths start at the recipe's folder."""
    validate_every: int = 7
    """Every so many-th photograph of each folder is never trained on."""
    sigma: float = 0.03
    """Of the fixation density, as a share of the picture's width."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How a photograph is varied; 0 switches a kind off."""

    __pydantic_config__: ClassVar = _STRICT

    mirror: bool = True
    crop: float = 0.0
    """The largest share of each side that a random crop leaves out."""
    scale: float = 0.0
    """Batches are trained at 1 - scale, 1 or 1 + scale times the input's sides."""
    colour: float = 0.2
    """The largest relative change of brightness and contrast; saturation changes by twice as much."""


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """AdamW with a linear warm-up and a cosine decay over the whole run."""

    __pydantic_config__: ClassVar = _STRICT

    learning_rate: float = 1e-3
    trunk_factor: float = 0.2
    """The pre-trained trunk learns this much slower."""
    weight_decay: float = 0.01
    """On kernels; vectors are left alone."""
    warm_up: float = 0.15
    """Share of all steps."""
    clip_norm: float = 1.0
    average_decay: float = 0.995
    """Of the exponential moving average of the weights: it is what is validated and shipped."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run on photographs (Sec. IV-B, stage 1): one stream, KL + NSS."""

    __pydantic_config__: ClassVar = _STRICT

    name: str
    data: Data
    network: NetworkConfig = field(default_factory=lambda: mobile("appearance"))
    trunk_weights: Path | None = None
    """ImageNet weights to start the trunk from (see `gfsalnet.network.weights.load_trunk`)."""
    epochs: int = 6
    batch_size: int = 8
    seed: int = 0
    alpha: float = 1.0
    """Weight of KL (eq. 6)."""
    beta: float = 0.1
    """Weight of NSS (eq. 6)."""
    bfloat16: bool = True
    """Autocast; weights and loss stay float32."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimiser: Optimiser = field(default_factory=Optimiser)

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError("epochs and batch_size must be at least 1")
        if self.network.streams == "both":
            raise ValueError("stage 1 trains one stream: set network.streams to appearance or motion")


def read_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a TOML recipe and apply changes such as `optimiser.learning_rate=3e-4`.

    Raises:
        RecipeError: if the file is missing, is not TOML, or holds an unknown key or a wrong value.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecipeError(path, "no such file", "Give a TOML recipe; recipes/ holds those we use.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(path, f"not a TOML file ({error})", "Mend the line it names.") from error
    for change in changes:
        _apply(tree, change)
    try:
        recipe = TypeAdapter(Recipe).validate_python(tree)
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}", "Mend that key.") from error
    return _anchored(recipe, path.parent)


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
    data = replace(recipe.data, folders=tuple(folder / path for path in recipe.data.folders))
    return replace(recipe, data=data, trunk_weights=recipe.trunk_weights and folder / recipe.trunk_weights)


def to_json(recipe: Recipe) -> dict[str, Any]:
    """The resolved recipe as JSON values."""
    tree: dict[str, Any] = TypeAdapter(Recipe).dump_python(recipe, mode="json")
    return tree
