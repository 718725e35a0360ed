"""Presets: each is whole, and the paper's say what Sec. IV-B says."""

from __future__ import annotations

import pytest

from gfsalnet.gaze import dataset_class
from gfsalnet.training.data.toy import TOY
from gfsalnet.training.presets import PRESETS

PAPER = sorted(name for name in PRESETS if name.startswith("paper"))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_names_itself_and_real_splits(name: str) -> None:
    recipe = PRESETS[name]()
    assert recipe.name == name
    for part in (*recipe.train, *recipe.validate):
        assert part.split in dataset_class("folder" if part.dataset == TOY else part.dataset).splits


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_presets_follow_the_paper(name: str) -> None:
    recipe = PRESETS[name]()
    assert (recipe.optimiser.kind, recipe.optimiser.learning_rate) == ("adam", 1e-4)
    assert (recipe.optimiser.step_every, recipe.optimiser.step_factor) == (3000, 0.1)
    assert (recipe.loss.alpha, recipe.loss.beta, recipe.loss.streams) == (1, 0.1, 0)
    assert recipe.network.input_size_hw == (480, 640)
    assert not recipe.network.keep_aspect
    assert recipe.batch_size == (8 if "ucf" in name else 16)
    assert recipe.flow.scale_pixels is None
    augmentation = recipe.augmentation
    assert (augmentation.mirror, augmentation.crop, augmentation.scale, augmentation.colour) == (False, 0, 0, 0)


def test_no_preset_chooses_its_weights_by_a_test_split() -> None:
    assert "test" not in {part.split for name in PRESETS for part in PRESETS[name]().validate}
