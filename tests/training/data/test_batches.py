"""Batches: every frame as often as asked, the same for the same seed, however they are cut and wherever they start."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gfsalnet.training.data.batches import Plan, PlannedStep, collate, make_step
from gfsalnet.training.data.examples import Example, WeightedSource
from gfsalnet.training.data.prefetch import prefetch_map
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.recipe import Part, Recipe

CPU = torch.device("cpu")


@pytest.fixture
def sources(recipe: Recipe) -> list[WeightedSource]:
    return recipe.build_sources(recipe.train, Path())


def frames_of(steps: list[PlannedStep]) -> list[int]:
    return sorted(int(index) for step in steps for _, index in step.frames)


def test_a_plan_holds_every_frame_once_in_an_order_of_its_own(recipe: Recipe, sources: list[WeightedSource]) -> None:
    plan = Plan(sources, recipe)
    first, again, second = plan.epoch(0), Plan(sources, recipe).epoch(0), plan.epoch(1)
    assert frames_of(first) == frames_of(second) == list(range(12))
    assert [step.number for step in first] == list(range(len(first)))
    assert all(np.array_equal(a.frames, b.frames) and a.size_hw == b.size_hw for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a.frames, b.frames) for a, b in zip(first, second, strict=True))
    other = Plan(sources, replace(recipe, seed=1)).epoch(0)
    assert any(not np.array_equal(a.frames, b.frames) for a, b in zip(first, other, strict=True))
    sizes = {step.size_hw for epoch in range(5) for step in plan.epoch(epoch)}
    assert sizes == {(64, 96), (96, 128), (128, 160)}  # the scales


@pytest.mark.parametrize(("draws", "times"), [(0.5, {0, 1}), (1, {1}), (1.5, {1, 2}), (2, {2})])
def test_frames_are_drawn_as_often_as_asked(
    recipe: Recipe, sources: list[WeightedSource], draws: float, times: set[int]
) -> None:
    plan = Plan([WeightedSource(sources[0].source, draws)], recipe)
    epochs = [np.bincount(frames_of(plan.epoch(epoch)), minlength=12) for epoch in range(20)]
    assert {int(counts.sum()) for counts in epochs} == {round(12 * draws)}
    assert {int(count) for counts in epochs for count in counts} == times
    assert len({len(plan.epoch(epoch)) for epoch in range(20)}) == 1
    assert (np.sum(epochs, 0) > 0).all()  # another part each time


def test_examples_do_not_depend_on_how_a_batch_is_cut(recipe: Recipe, sources: list[WeightedSource]) -> None:
    step = Plan(sources, recipe).epoch(0)[1]

    def rows(recipe: Recipe, ranks: Ranks) -> set[bytes]:
        batches = make_step(sources, recipe, ranks, 0, step)
        return {rgb.numpy().tobytes() for batch in batches for rgb in batch.rgb}

    whole = rows(recipe, Ranks(CPU))
    assert len(whole) == len(step.frames) == 4
    pieces = replace(recipe, accumulate=3)
    assert len(make_step(sources, pieces, Ranks(CPU), 0, step)) == 3
    assert rows(pieces, Ranks(CPU)) == whole
    assert set.union(*(rows(recipe, Ranks(CPU, rank, 3)) for rank in range(3))) == whole
    assert rows(recipe, Ranks(CPU)) != {
        rgb.numpy().tobytes() for batch in make_step(sources, recipe, Ranks(CPU), 1, step) for rgb in batch.rgb
    }


def test_a_process_without_an_example_takes_one_that_weighs_nothing(
    recipe: Recipe, sources: list[WeightedSource]
) -> None:
    step = Plan(sources, recipe).epoch(0)[0]._replace(frames=np.array([[0, 3]]))
    (batch,) = make_step(sources, recipe, Ranks(CPU, 1, 2), 0, step)
    assert batch.rgb.shape == (1, 3, *step.size_hw)
    assert not batch.density.any()
    assert not batch.still_density.any()
    assert not batch.fixations.any()


def test_what_is_not_known_is_filled_in() -> None:
    rgb = np.zeros((32, 64, 3), np.uint8)
    density = np.full((32, 64), 1 / 2048, np.float32)
    fixations = density > 0
    still = np.zeros_like(density)
    still[0, 0] = 1
    batch = collate([Example(rgb, None, density, fixations), Example(rgb, rgb + 7, density, fixations, still)])
    assert batch.flow_image.shape == (2, 3, 32, 64)
    assert (batch.flow_image[0] == 255).all()
    assert (batch.flow_image[1] == 7).all()
    assert torch.equal(batch.still_density[0], batch.density[0])
    assert batch.still_density[1].sum() == 1
    assert batch.still_fixations.flatten(1).any(1).tolist() == [True, False]
    assert batch.rgb.is_contiguous(memory_format=torch.channels_last)


def test_results_come_in_order_and_not_far_ahead() -> None:
    started: list[int] = []

    def make(task: int) -> int:
        started.append(task)
        time.sleep(0.002 * (task % 3))
        return task * task

    made = prefetch_map(make, range(20), workers=3)
    assert next(made) == 0
    assert max(started) <= 4
    assert list(made) == [task * task for task in range(1, 20)]


def test_errors_come_in_their_turn_and_closing_ends_the_threads() -> None:
    def make(task: int) -> int:
        return 1 // (3 - task)

    made = prefetch_map(make, range(9), workers=2)
    assert [next(made) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(made)
    other = prefetch_map(abs, range(9), workers=2)
    next(other)
    other.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("examples")]


def test_opencv_has_its_threads_back_afterwards() -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        seen = prefetch_map(lambda _: cv2.getNumThreads(), range(9), workers=2)
        assert next(seen) == 1
        seen.close()
        assert cv2.getNumThreads() == 3
        assert set(prefetch_map(lambda _: cv2.getNumThreads(), range(9), workers=2)) == {1}
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


def test_sources_of_one_size_share_batches(recipe: Recipe, toy: Path, sources: list[WeightedSource]) -> None:
    part = Part(dataset="toy", root=Path("toy/photographs"), split="val", sigma=0.03)
    plan = Plan([*sources, *recipe.build_sources([part], toy)], recipe)
    assert any(len(set(step.frames[:, 0])) == 2 for step in plan.epoch(0))
