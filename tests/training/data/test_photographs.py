"""Photographs: picture and gaze stay together, and it does not matter whether they are held in memory."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import open_dataset
from gfsalnet.training.data.photographs import Photographs
from gfsalnet.training.recipe import Recipe


def photographs(recipe: Recipe, root: Path, split: str = "train", held_bytes: int = 1 << 20) -> Photographs:
    return Photographs(
        open_dataset("folder", root, split),
        network=recipe.network,
        augmentation=recipe.augmentation,
        sigma=0.03,
        held_bytes=held_bytes,
    )


def test_gaze_stays_on_what_was_red(recipe: Recipe, discs: Path) -> None:
    source = photographs(recipe, discs)
    for index in range(len(source)):
        example = source.train_example(index, (96, 128), np.random.default_rng(index))
        assert example.rgb.shape == (96, 128, 3)
        assert example.flow_image is None
        assert example.density.sum() == pytest.approx(1, abs=1e-4)
        redness = example.rgb[..., 0].astype(float) - example.rgb[..., 1]
        assert redness[example.fixations].mean() > redness.mean() + 40


def test_the_splits_share_no_photograph(recipe: Recipe, discs: Path) -> None:
    train, val = (photographs(recipe, discs, split) for split in ("train", "val"))
    assert (len(train), len(val)) == (12, 2)
    assert train.fingerprint()["blake2b"] != val.fingerprint()["blake2b"]


def test_held_or_read_again_makes_no_difference(recipe: Recipe, discs: Path) -> None:
    held, read = photographs(recipe, discs), photographs(recipe, discs, held_bytes=0)
    for _ in range(2):
        one, other = (source.train_example(5, (96, 128), np.random.default_rng(1)) for source in (held, read))
        assert np.array_equal(one.rgb, other.rgb)
        assert np.array_equal(one.density, other.density)
    assert held.fingerprint() == read.fingerprint()


def test_what_is_held_is_read_once_and_no_more_than_there_is_room(recipe: Recipe, tmp_path: Path, discs: Path) -> None:
    root = shutil.copytree(discs, tmp_path / "copy")
    one_picture = 120 * 160 * 3
    source = photographs(recipe, root, held_bytes=one_picture)
    before = [source.eval_example(index)[0].rgb for index in (0, 1)]
    for name in ("00.png", "01.png"):
        cv2.imwrite(str(root / "images" / name), np.zeros((96, 128, 3), np.uint8))
    after = [source.eval_example(index)[0].rgb for index in (0, 1)]
    assert np.array_equal(before[0], after[0])
    assert not after[1].any()


def test_sizes_follow_the_picture_or_the_network(recipe: Recipe, discs: Path) -> None:
    larger = replace(recipe, network=replace(recipe.network, input_size_hw=(192, 256)))
    sizes = {photographs(larger, discs).input_size_hw(index) for index in range(12)}
    assert sizes == {(192, 256), (224, 224)}
    plain = replace(recipe, network=replace(larger.network, keep_aspect=False))
    assert {photographs(plain, discs).input_size_hw(index) for index in range(12)} == {(192, 256)}


def test_the_fingerprint_changes_with_pixels(recipe: Recipe, discs: Path, tmp_path: Path) -> None:
    root = shutil.copytree(discs, tmp_path / "discs")
    assert photographs(recipe, root).fingerprint() == photographs(recipe, discs).fingerprint()
    cv2.imwrite(str(root / "images" / "00.png"), np.zeros((96, 128, 3), np.uint8))
    assert photographs(recipe, root).fingerprint() != photographs(recipe, discs).fingerprint()


def test_videos_are_no_photographs(recipe: Recipe, toy: Path) -> None:
    with pytest.raises(DatasetError, match="videos, not photographs"):
        photographs(recipe, toy / "toy" / "clips")
