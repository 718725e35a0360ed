"""Sample pictures: the same frames every epoch, the right things in the right columns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gfsalnet.render.colours import APPEARANCE_RGB, MOTION_RGB
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.loop import open_run
from gfsalnet.training.presets import tiny
from gfsalnet.training.recipe import Recipe
from gfsalnet.training.report.samples import chosen_frames, sheet, write_samples
from gfsalnet.video import read_image


class Numbered:
    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count


@pytest.mark.parametrize(
    ("counts", "indices"),
    [([100], [12, 37, 62, 87]), ([100, 10], [25, 2, 75, 7]), ([9] * 6, [4, 4, 4, 4]), ([1], [0]), ([], [])],
)
def test_frames_are_spread_over_all_sources(counts: list[int], indices: list[int]) -> None:
    sources: list[Any] = [Numbered(count) for count in counts]
    assert [index for _, index in chosen_frames(sources)] == indices


def test_pictures_of_all_shapes_lie_under_their_titles() -> None:
    red, blue = (np.full((60, 120, 3), colour, np.uint8) for colour in ((200, 0, 0), (0, 0, 200)))
    tall = np.full((240, 120, 3), 7, np.uint8)
    picture = sheet([{"one": red, "two": blue}, {"one": tall, "two": tall}])
    assert picture.shape == (22 + 124 + 484, 484, 3)
    assert picture[80, 100].tolist() == [200, 0, 0]
    assert picture[80, 400].tolist() == [0, 0, 200]
    assert (picture[200:600, :240] == 7).all()


def test_the_gate_has_a_legend() -> None:
    black = np.zeros((60, 120, 3), np.uint8)
    title = sheet([{"frame": black, "gate": black}])[:22]
    for colour in (MOTION_RGB, APPEARANCE_RGB):
        _, columns = np.nonzero((title == colour).all(2))
        assert len(columns) == 100
        assert columns.min() > 244
    assert (np.nonzero((title == MOTION_RGB).all(2))[1].max()) < np.nonzero((title == APPEARANCE_RGB).all(2))[1].min()


def test_two_streams_show_flow_streams_and_gate(
    toy: Path, small_streams: Callable[[], AbstractContextManager[None]]
) -> None:
    path = toy / "samples" / "epoch-001.png"
    with small_streams():
        run = open_run(tiny(), toy, Ranks(torch.device("cpu")))
        write_samples(path, run.task.val_sources, partial(run.task.predict, run.state.ema.eval()))
    picture = read_image(path)
    assert picture.shape[1] == 7 * 244 - 4
    assert picture.shape[0] == 22 + 4 * 184
    assert (picture[30:190, 3 * 244 : 3 * 244 + 240] == 255).all()  # nothing moves in a photograph


def test_without_validation_there_is_no_picture(recipe: Recipe, tmp_path: Path) -> None:
    from dataclasses import replace

    run = open_run(replace(recipe, validate=()), tmp_path, Ranks(torch.device("cpu")))
    write_samples(
        tmp_path / "samples" / "epoch-001.png", run.task.val_sources, partial(run.task.predict, run.state.ema)
    )
    assert not (tmp_path / "samples").exists()
