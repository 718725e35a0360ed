"""Small gaze folders drawn by code, and recipes for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gfsalnet.network import mobile
from gfsalnet.training.data.examples import Augmentation
from gfsalnet.training.data.toy import draw_toy
from gfsalnet.training.recipe import Part, Recipe


def draw_discs(root: Path, nobody_looked: Sequence[int] = ()) -> Path:
    """Fourteen pictures of noise with a red disc that everyone looks at; two are of another shape."""
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows, names, sizes = [], [], []
    for number in range(14):
        width, height = (96, 96) if number in (3, 4) else (128, 96)
        picture = rng.integers(60, 120, (height, width, 3), dtype=np.uint8)
        centre = int(rng.integers(20, width - 20)), int(rng.integers(20, height - 20))
        cv2.circle(picture, centre, 9, (30, 30, 240), -1)
        names.append(f"{number:02d}.png")
        cv2.imwrite(str(root / "images" / names[-1]), picture)
        sizes.append((width, height))
        viewers = 0 if number in nobody_looked else 12
        rows += [(number, viewer, *(centre + rng.normal(0, 2, 2))) for viewer in range(viewers)]
    image_index, subject, x, y = zip(*rows, strict=True)
    np.savez(
        root / "fixations.npz",
        image_index=np.array(image_index, np.int32),
        subject=np.array(subject, np.int16),
        x=np.array(x, np.float32),
        y=np.array(y, np.float32),
        image_names=np.array(names),
        original_sizes_wh=np.array(sizes, np.int32),
    )
    return root


def discs_part(root: Path, split: str) -> Part:
    return Part(dataset="folder", root=root, split=split, sigma=0.03)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Networks this small only wait for each other's threads."""
    torch.set_num_threads(1)


@pytest.fixture
def undrawn_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorBoard and matplotlib take longer than the steps of so small a run."""
    for form in ("_plot", "_to_tensorboard"):
        monkeypatch.setattr(f"gfsalnet.training.report.curves.{form}", lambda *given: None)


@pytest.fixture(scope="session")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_discs(tmp_path_factory.mktemp("gaze") / "discs")


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with `toy/` in it."""
    folder = tmp_path_factory.mktemp("run")
    draw_toy(folder / "toy")
    return folder


@pytest.fixture
def recipe(discs: Path) -> Recipe:
    """One stream, three epochs of a few steps."""
    return Recipe(
        name="discs",
        train=(discs_part(discs, "train"),),
        validate=(discs_part(discs, "val"),),
        network=replace(mobile("appearance"), input_size_hw=(96, 128)),
        epochs=3,
        batch_size=4,
        device="cpu",
        precision="float32",
        augmentation=Augmentation(crop=0.2, scale=0.25),
    )


@pytest.fixture
def both(recipe: Recipe) -> Recipe:
    """Both streams at a still smaller size, one epoch."""
    return replace(
        recipe, epochs=1, network=replace(mobile("both"), input_size_hw=(64, 96)), augmentation=Augmentation()
    )


@pytest.fixture
def small_recipe(recipe: Recipe, small_streams: Callable[[], AbstractContextManager[None]]) -> Iterator[Recipe]:
    """One stream of two layers: what is tested of the loop does not depend on what it trains."""
    with small_streams():
        yield replace(recipe, network=replace(recipe.network, input_size_hw=(64, 96)))


@pytest.fixture
def small_both(both: Recipe, small_streams: Callable[[], AbstractContextManager[None]]) -> Iterator[Recipe]:
    """Both streams, of two layers each."""
    with small_streams():
        yield both
