"""Training end to end on drawn pictures: it learns, is seeded, and resumes to the same losses."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gfsalnet.errors import RecipeError
from gfsalnet.network.weights import load_network
from gfsalnet.training import Epoch, Step, train
from gfsalnet.training.loop import CURVES_FILE
from gfsalnet.training.photographs import batches_of_epoch, load_photographs
from gfsalnet.training.recipe import Augmentation, Data, Recipe

EPOCHS = 12


@pytest.fixture(scope="module")
def gaze(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen pictures of noise with a red disc that everyone looks at; two of another shape."""
    root = tmp_path_factory.mktemp("gaze") / "discs"
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    index, x, y, names, sizes = [], [], [], [], []
    for number in range(14):
        width, height = (96, 96) if number in (3, 4) else (128, 96)
        picture = rng.integers(60, 120, (height, width, 3), dtype=np.uint8)
        centre = int(rng.integers(20, width - 20)), int(rng.integers(20, height - 20))
        cv2.circle(picture, centre, 9, (30, 30, 240), -1)
        names.append(f"{number:02d}.png")
        cv2.imwrite(str(root / "images" / names[-1]), picture)
        sizes.append((width, height))
        index += [number] * 12
        x += list(centre[0] + rng.normal(0, 2, 12))
        y += list(centre[1] + rng.normal(0, 2, 12))
    np.savez(
        root / "fixations.npz",
        image_index=np.array(index, np.int32),
        subject=np.tile(np.arange(12, dtype=np.int16), 14),
        x=np.array(x, np.float32),
        y=np.array(y, np.float32),
        image_names=np.array(names),
        original_sizes_wh=np.array(sizes, np.int32),
    )
    return root


@pytest.fixture
def recipe(gaze: Path) -> Recipe:
    base = Recipe(name="discs", data=Data(folders=(gaze,)))
    return replace(
        base,
        network=replace(base.network, input_size_hw=(96, 128)),
        epochs=3,
        batch_size=4,
        bfloat16=False,
        augmentation=Augmentation(crop=0.2, scale=0.25),
    )


def epochs(recipe: Recipe, folder: Path) -> list[Epoch]:
    return [event for event in train(recipe, folder) if isinstance(event, Epoch)]


def test_batches_keep_pictures_and_gaze_together_and_are_seeded(recipe: Recipe) -> None:
    photographs, validation = load_photographs(recipe)
    assert (len(photographs), len(validation)) == (12, 2)
    assert {p.name for p in photographs}.isdisjoint(p.name for p in validation)
    first, again = (list(batches_of_epoch(photographs, recipe, 0)) for _ in range(2))
    assert sum(len(batch.rgb) for batch in first) == 12
    for one, other in zip(first, again, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    sizes = {
        tuple(batch.rgb.shape[-2:]) for epoch in range(3) for batch in batches_of_epoch(photographs, recipe, epoch)
    }
    assert len(sizes) > 2  # shapes times scales
    for batch in first:
        assert batch.rgb.shape[1] == 3
        assert batch.density.shape == batch.fixations.shape == (len(batch.rgb), 1, *batch.rgb.shape[-2:])
        assert torch.allclose(batch.density.sum((1, 2, 3)), torch.ones(len(batch.rgb)), atol=1e-4)
        redness = batch.rgb[:, 0] - batch.rgb[:, 1]
        for red, fixations in zip(redness, batch.fixations[:, 0], strict=True):
            on_disc = red[fixations]  # colours vary, but gaze stays on what was red
            assert on_disc.mean() > red.mean() + 0.15


def test_a_run_learns_and_leaves_weights_and_curves(recipe: Recipe, tmp_path: Path) -> None:
    longer = replace(recipe, epochs=EPOCHS, optimiser=replace(recipe.optimiser, learning_rate=3e-3, trunk_factor=1.0))
    events = list(train(longer, tmp_path))
    done = [event for event in events if isinstance(event, Epoch)]
    assert [epoch.epoch for epoch in done] == list(range(EPOCHS))
    assert done[-1].kl < 0.7 * done[0].kl
    steps = [event for event in events if isinstance(event, Step)]
    assert len(steps) == EPOCHS * steps[0].steps_per_epoch
    network, about = load_network(tmp_path / "model")
    assert about["training"]["data"]["photographs"] == 12
    assert about["training"]["recipe"]["epochs"] == EPOCHS
    assert network.config == longer.network
    with (tmp_path / CURVES_FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(EPOCHS))
    assert float(rows[-1]["cc"]) == pytest.approx(done[-1].scores["mean"]["cc"], abs=1e-4)


def test_a_killed_run_resumes_to_the_same_losses(recipe: Recipe, tmp_path: Path) -> None:
    whole = epochs(recipe, tmp_path / "whole")
    run = train(recipe, tmp_path / "killed")
    seen_first_epoch = False
    for event in run:
        if isinstance(event, Epoch):
            seen_first_epoch = True
        elif seen_first_epoch and event.step == 1:
            run.close()  # in the middle of the second epoch
            break
    resumed = epochs(recipe, tmp_path / "killed")
    assert [epoch.epoch for epoch in resumed] == [1, 2]
    for one, other in zip(whole[1:], resumed, strict=True):
        assert (one.kl, one.nss, one.scores) == (other.kl, other.nss, other.scores)
    assert (tmp_path / "whole" / "model" / "model.safetensors").read_bytes() == (
        tmp_path / "killed" / "model" / "model.safetensors"
    ).read_bytes()


def test_a_folder_of_another_run_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    one = replace(recipe, epochs=1)
    epochs(one, tmp_path)
    with pytest.raises(RecipeError, match="another recipe"):
        epochs(replace(one, seed=1), tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"junk")
    with pytest.raises(RecipeError, match="not a readable checkpoint"):
        epochs(one, tmp_path)


def test_divergence_stops_with_a_message_and_keeps_the_checkpoint(recipe: Recipe, tmp_path: Path) -> None:
    reckless = replace(recipe, optimiser=replace(recipe.optimiser, learning_rate=1e30, clip_norm=1e30, warm_up=0.0))
    with pytest.raises(RecipeError, match="no longer a number"):
        epochs(reckless, tmp_path)
    assert not (tmp_path / "model").exists()
