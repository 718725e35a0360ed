"""What a run keeps: the average, with the recipe's share of the appearance stream's start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gfsalnet.training.distributed import Ranks
from gfsalnet.training.loop import Run, open_run
from gfsalnet.training.presets import tiny
from gfsalnet.training.recipe import Start


@pytest.fixture(autouse=True)
def _small(small_streams: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    with small_streams():
        yield


def opened(folder: Path, share: float) -> Run:
    base = tiny()
    recipe = replace(base, train=base.train[:1], validate=(), start=Start(appearance_share=share))
    run = open_run(recipe, folder, Ranks(torch.device("cpu")))
    with torch.no_grad():
        for weight in run.state.ema.parameters():
            weight += 1  # as if it had been trained
    return run


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_share_of_the_start_is_kept_in_the_appearance_stream_alone(tmp_path: Path, share: float) -> None:
    run = opened(tmp_path, share)
    kept, average = run.state.export_weights(share), run.state.ema
    for name, weight in kept.appearance.named_parameters():  # type: ignore[union-attr]
        assert torch.allclose(weight, run.state.initial_weights[name] + 1 - share, atol=1e-5)
    for one, other in zip(kept.motion.parameters(), average.motion.parameters(), strict=True):  # type: ignore[union-attr]
        assert torch.equal(one, other)
    assert kept is not average  # training goes on from the average itself


def test_without_a_share_the_average_is_kept(tmp_path: Path) -> None:
    run = opened(tmp_path, 0.0)
    assert run.state.export_weights(0.0) is run.state.ema
