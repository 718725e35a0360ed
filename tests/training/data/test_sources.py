"""Parts of a recipe become the right sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import write_shards
from gfsalnet.training.data.composed import ComposedMotion
from gfsalnet.training.data.photographs import Photographs
from gfsalnet.training.data.recordings import Recordings
from gfsalnet.training.presets import tiny
from gfsalnet.training.recipe import Recipe


def test_pictures_and_videos_are_told_apart(toy: Path) -> None:
    recipe = tiny()
    photographs, clips = (weighted.source for weighted in recipe.build_sources(recipe.train, toy))
    assert isinstance(photographs, Photographs)
    assert isinstance(clips, Recordings)
    example, _ = clips.eval_example(1)
    assert example.flow_image is not None


def test_composed_parts_make_one_source(recipe: Recipe) -> None:
    composed = replace(recipe.train[0], compose=True, draws=2.0)
    sources = recipe.build_sources([*recipe.train, composed, composed], Path())
    assert [type(weighted.source) for weighted in sources] == [Photographs, ComposedMotion]
    assert [weighted.draws for weighted in sources] == [1, 2]
    assert len(sources[1].source) == 2 * len(sources[0].source)
    with pytest.raises(ValueError, match=r"one value of draws, not 1.0, 2.0"):
        replace(recipe, train=(composed, replace(composed, draws=1.0)))


def test_relative_roots_start_at_the_data_root(recipe: Recipe, discs: Path) -> None:
    relative = replace(recipe, data_root=discs.parent, train=(replace(recipe.train[0], root=Path(discs.name)),))
    (weighted,) = relative.build_sources(relative.train, Path())
    assert weighted.source.fingerprint() == recipe.build_sources(recipe.train, Path())[0].source.fingerprint()


def test_toys_are_drawn_where_the_run_is(tmp_path: Path) -> None:
    recipe = tiny()
    for part in (*recipe.train, *recipe.validate):
        part.draw(tmp_path)
    assert {path.name for path in (tmp_path / "toy").iterdir()} == {"photographs", "clips"}


def test_missing_data_are_named(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        recipe.build_sources([replace(recipe.train[0], root=tmp_path / "none")], Path())


def test_shards_give_the_examples_of_the_files(toy: Path, tmp_path: Path) -> None:
    """Photographs and clips: the same pictures and gaze, and so the same losses."""
    recipe = tiny()
    parts = []
    for number, part in enumerate(recipe.train):
        dataset = part.build(Path(), toy)
        list(write_shards(dataset, tmp_path / str(number), shard_bytes=100_000))
        parts.append(replace(part, dataset="shards", root=tmp_path / str(number)))
    files, shards = recipe.build_sources(recipe.train, toy), recipe.build_sources(parts, toy)
    for (one, _), (other, _) in zip(files, shards, strict=True):
        assert len(one) == len(other)
        for index in range(0, len(one), 5):
            size_hw = one.input_size_hw(index)
            assert size_hw == other.input_size_hw(index)
            examples = [source.train_example(index, size_hw, np.random.default_rng(index)) for source in (one, other)]
            for a, b in zip(examples[0][:4], examples[1][:4], strict=True):
                assert np.array_equal(a, b) if a is not None else b is None
