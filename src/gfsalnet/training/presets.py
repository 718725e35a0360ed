"""Recipes as users name them: presets, TOML files that may start from one, and changes on the command line.

A preset is a function that returns a whole `Recipe`.

The `paper` presets are Sec. IV-B read literally: "10e-5" is 1e-4; "reduce to one tenth every 3000th iteration" counts
steps; both streams start from stage 1; nothing is varied, averaged or clipped. Where they differ from the paper: flow
is DIS instead of PWC-Net, whose weights are fetched separately; the rate falls no lower than 1e-7 (`Optimiser.floor`),
as on DHF1K it would be 1e-11 after one epoch; stage 2 keeps the batch-norm statistics of stage 1, of which the paper
says nothing. Stage 2 needs frames on disk: `gfsalnet dataset prepare … --frames`. The paper gives no schedule for stage
1; it gets that of stage 2. UCF-Sports, Hollywood-2 and DIEM have no validation split, and to choose weights by the test
split would spoil it: there the last weights are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gfsalnet.errors import RecipeError
from gfsalnet.formats.texts import read_toml, toml_value
from gfsalnet.network import NetworkConfig, mobile, paper
from gfsalnet.network.config import light
from gfsalnet.training.data.examples import Augmentation
from gfsalnet.training.data.toy import TOY
from gfsalnet.training.recipe import Flow, LossWeights, Optimiser, Part, Recipe, Start
from gfsalnet.words import in_plain_words

_PAPER_OPTIMISER = Optimiser(
    kind="adam",
    learning_rate=1e-4,
    backbone_factor=1.0,
    weight_decay=0.0,
    warm_up=0.0,
    clip_norm=0.0,
    ema_decay=0.0,
    schedule="step",
)
_NOT_VARIED = Augmentation(mirror=False, colour=0.0)
_PHOTOGRAPHS = ("osie", "crowd", "scene")
_ONE_DEGREE = 0.03
"""One degree of visual angle as a share of the picture's width, in OSIE."""
_DATA_ROOT = Path("datasets")


def tiny() -> Recipe:
    """Both streams from nothing on pictures that the run draws: in seconds it shows that everything works."""
    return Recipe(
        name="tiny",
        train=(_toy("photographs", "train"), _toy("clips", "train")),
        validate=(_toy("photographs", "val"), _toy("clips", "val")),
        network=replace(mobile("both"), input_size_hw=(96, 128), keep_aspect=False),
        flow=Flow(settings={"size_wh": [128, 96]}, scale_pixels=5.0),
        epochs=4,
        batch_size=4,
        precision="float32",
        loss=LossWeights(streams=0.5, gate=0.5),
        optimiser=Optimiser(learning_rate=3e-3, backbone_factor=1.0, ema_decay=0.9),
    )


def paper_stage1() -> Recipe:
    """Stage 1: one stream on SALICON, from ImageNet."""
    return Recipe(
        name="paper-stage1",
        data_root=_DATA_ROOT,
        train=(_official("salicon", "train"),),
        validate=(_official("salicon", "val"),),
        network=replace(paper(), streams="appearance"),
        start=Start(backbone_weights=Path("weights/resnet50.safetensors")),
        epochs=3,
        batch_size=16,
        precision="float32",
        augmentation=_NOT_VARIED,
        optimiser=_PAPER_OPTIMISER,
    )


def _paper_stage2(name: str, *train: str, batch_size: int = 16) -> Recipe:
    """Stage 2: both streams from stage 1, fine-tuned together with the gate; flow by DIS, batch-norm frozen."""
    return Recipe(
        name=name,
        data_root=_DATA_ROOT,
        train=tuple(_official(dataset, "train") for dataset in train),
        validate=(_official("dhf1k", "val"),) if "dhf1k" in train else (),
        network=paper(),
        freeze_batch_norm=True,
        start=Start(single_stream=Path("runs/paper-stage1/best")),
        flow=Flow(settings={"size_wh": None}),
        epochs=2,
        batch_size=batch_size,
        precision="float32",
        augmentation=_NOT_VARIED,
        optimiser=_PAPER_OPTIMISER,
    )


def mobile_stage1() -> Recipe:
    """The appearance stream of gfsalnet-mobile on photographs with eye tracking."""
    return Recipe(
        name="mobile-stage1",
        data_root=_DATA_ROOT,
        train=tuple(_photographs(name, "train") for name in _PHOTOGRAPHS),
        validate=tuple(_photographs(name, "val") for name in _PHOTOGRAPHS),
        start=Start(backbone_weights=Path("weights/mobilenet_v2_imagenet_features.safetensors")),
        epochs=9,
        augmentation=Augmentation(crop=0.3, scale=0.15),
    )


def mobile_stage2() -> Recipe:
    """Both streams of gfsalnet-mobile on moving scenes composed from the photographs, and on the photographs."""
    composed = tuple(_photographs(name, "train", compose=True) for name in _PHOTOGRAPHS)
    still = tuple(_photographs(name, "train", draws=0.75) for name in _PHOTOGRAPHS)
    return Recipe(
        name="mobile-stage2",
        data_root=_DATA_ROOT,
        train=(*composed, *still),
        validate=tuple(
            _photographs(name, "val", compose=compose) for compose in (True, False) for name in _PHOTOGRAPHS
        ),
        network=mobile("both"),
        start=Start(single_stream=Path("runs/mobile-stage1/best"), appearance_share=0.5),
        flow=Flow(settings={"preset": "fast", "needs_evidence": True}, scale_pixels=8.0),
        epochs=6,
        loss=LossWeights(streams=0.3, gate=0.2),
        augmentation=Augmentation(crop=0.3, scale=0.15),
        optimiser=Optimiser(appearance_factor=0.2, ema_decay=0.998),
    )


def mobile_ablation() -> Recipe:
    """The full model of an ablation study (Sec. IV-E), small: composed motion at 192x160, from ImageNet."""
    stage2 = mobile_stage2()
    return replace(
        stage2,
        name="mobile-ablation",
        train=tuple(part for part in stage2.train if part.compose),
        validate=tuple(part for part in stage2.validate if part.compose),
        network=replace(stage2.network, input_size_hw=(160, 192)),
        start=mobile_stage1().start,
        epochs=3,
        loss=LossWeights(),
        optimiser=Optimiser(),
    )


def _official(dataset: str, split: str) -> Part:
    return Part(dataset=dataset, root=Path(dataset), split=split)


def _photographs(name: str, split: str, *, compose: bool = False, draws: float = 1.0) -> Part:
    return Part(dataset="folder", root=Path(name), split=split, sigma=_ONE_DEGREE, compose=compose, draws=draws)


def _toy(folder: str, split: str) -> Part:
    return Part(dataset=TOY, root=Path("toy") / folder, split=split, sigma=_ONE_DEGREE)


PRESETS: Mapping[str, Callable[[], Recipe]] = {
    "tiny": tiny,
    "paper-stage1": paper_stage1,
    "paper-setting1-ucf": lambda: _paper_stage2("paper-setting1-ucf", "ucf-sports", batch_size=8),
    "paper-setting1-hollywood2": lambda: _paper_stage2("paper-setting1-hollywood2", "hollywood-2"),
    "paper-setting1-dhf1k": lambda: _paper_stage2("paper-setting1-dhf1k", "dhf1k"),
    "paper-setting1-diem": lambda: _paper_stage2("paper-setting1-diem", "diem"),
    "paper-setting2": lambda: _paper_stage2("paper-setting2", "ucf-sports", "hollywood-2", "dhf1k"),
    "mobile-stage1": mobile_stage1,
    "mobile-stage2": mobile_stage2,
    "mobile-ablation": mobile_ablation,
}
"""Name → the run."""

_RENAMED = {
    "optimiser.trunk_factor": "optimiser.backbone_factor",
    "optimiser.average_decay": "optimiser.ema_decay",
    "start.trunk_weights": "start.backbone_weights",
}
"""Keys that recipes of earlier versions may hold."""


def read_recipe(source: Path | str, changes: Sequence[str] = (), data_root: Path | None = None) -> Recipe:
    """Read a recipe and apply changes such as `optimiser.learning_rate=3e-4`.

    A file may start with `preset = "NAME"` and then says only what differs: tables are merged key by key, lists such as
    `[[train]]` replaced whole, and so is `start`, whose keys exclude each other. Without a preset the network begins as
    `mobile("appearance")`, with `[distillation]` as `light()`.

    Args:
        source: a TOML file, whose folder its relative paths start at; or the name of a preset, whose paths start at the
            current folder.
        changes: `key=value`, the value in TOML; a bare word is a string. Relative paths start where those of the source
            do.
        data_root: the folder that relative roots of datasets start at, itself relative to the current folder; None: the
            recipe's.

    Raises:
        RecipeError: if the file is missing, is not TOML, or holds an unknown key, preset or wrong value.
    """
    is_preset = str(source) in PRESETS
    tree: dict[str, Any] = {"preset": str(source)} if is_preset else _read_toml(Path(source))
    for change in changes:
        _apply(tree, change)
    network = light() if "distillation" in tree else mobile("appearance")
    # The type checks only the result, so that a file may leave out what its preset says.
    tree = _merged(_base(tree.pop("preset", None), source, network), tree)
    try:
        recipe = Recipe.from_json(tree)
    except ValidationError as error:
        first = error.errors()[0]
        key, problem = ".".join(map(str, first["loc"])), in_plain_words(first["msg"])
        new = _RENAMED.get(key)
        remedy = f"It is called {new} now." if new else "Mend that key." if key else "Mend it."
        raise RecipeError(source, f"{key}: {problem}" if key else problem, remedy) from error
    folder = Path() if is_preset else Path(source).parent
    return replace(
        recipe,
        start=recipe.start.beside(folder),
        distillation=recipe.distillation and recipe.distillation.beside(folder),
        data_root=data_root or folder / recipe.data_root,
    )


def _read_toml(path: Path) -> dict[str, Any]:
    known = ", ".join(PRESETS)
    if not path.exists():
        raise RecipeError(path, "no such file", f"Give a TOML recipe, or one of the presets: {known}.")
    return read_toml(path, RecipeError)


def _base(preset: object, source: Path | str, network: NetworkConfig) -> dict[str, Any]:
    if preset is None:
        return {"network": TypeAdapter(NetworkConfig).dump_python(network, mode="json")}
    if not isinstance(preset, str) or preset not in PRESETS:
        raise RecipeError(source, f"there is no preset {preset!r}", f"Use one of: {', '.join(PRESETS)}.")
    return PRESETS[preset]().to_json()


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        # One start takes the place of another: a single stream and backbone weights exclude each other.
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
    # TOML first, so that numbers, booleans and lists have their types; a bare word is a string.
    value = toml_value(text)
    *parents, last = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise RecipeError(f"--set {change}", f"{parent} is not a table", "Check the key.")
    tree[last] = value
