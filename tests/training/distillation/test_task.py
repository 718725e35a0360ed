"""A recipe with teachers: it learns, resumes, spreads over processes, and leaves a model that predicts."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gfsalnet.errors import DatasetError, RecipeError
from gfsalnet.models import load_model
from gfsalnet.models.gfsalnet import GFSalNetModel
from gfsalnet.models.over_time import MotionGate
from gfsalnet.network import mobile
from gfsalnet.network.weights import WEIGHTS_FILE
from gfsalnet.training import Epoch, Step, train
from gfsalnet.training.distillation.clips import gaussian
from gfsalnet.training.distillation.config import Distillation, ReadingChange
from gfsalnet.training.distillation.student import CENTRE_HW, Student
from gfsalnet.training.distillation.task import DistillationTask
from gfsalnet.training.distributed import Ranks
from gfsalnet.training.loop import to_training_mode, train_step
from gfsalnet.training.recipe import Recipe
from gfsalnet.training.state import initial_state

from .conftest import FRAMES, HELD_OUT, PHOTOGRAPHS

pytestmark = pytest.mark.usefixtures("undrawn_curves")
CPU = torch.device("cpu")


def task_of(recipe: Recipe, folder: Path, ranks: Ranks | None = None) -> DistillationTask:
    return DistillationTask(recipe, folder, ranks or Ranks(CPU))


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "last" / WEIGHTS_FILE).read_bytes()).hexdigest()


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_weights_and_becomes_a_model(
    student_recipe: Recipe, settings: Distillation, tmp_path: Path
) -> None:
    gate = MotionGate(weight=0.5)
    recipe = replace(
        student_recipe, distillation=replace(settings, gate=gate, video=ReadingChange(softer=0.5, centre=0.2))
    )
    done = [event for event in train(recipe, tmp_path / "whole") if isinstance(event, Epoch)]
    assert [set(epoch.scores["saliency"]) for epoch in done] == [{"people", "mean"}] * 2
    with closing(train(recipe, tmp_path / "stopped")) as run:
        next(event for event in run if isinstance(event, Step) and event.step == 0)
    assert next(event for event in train(recipe, tmp_path / "stopped") if isinstance(event, Step)).step == 1
    list(train(recipe, tmp_path / "stopped"))
    assert weights(tmp_path / "whole") == weights(tmp_path / "stopped")

    model = load_model(tmp_path / "whole" / "best", device="cpu", backend="reference")
    assert isinstance(model, GFSalNetModel)
    assert model.over_time is not None
    assert model.over_time.gate == gate
    still, video = model.over_time.still, model.over_time.video
    assert np.shape(still.centre) == np.shape(video.centre) == (15, 20)
    assert video.centre[7][10] - video.centre[0][0] > 0.3 > abs(still.centre[7][10] - still.centre[0][0])
    (prediction,) = model.predict(np.full((64, 96, 3), 90, np.uint8))
    assert prediction.density.sum() == pytest.approx(1, abs=1e-4)


def test_photographs_that_no_teacher_saw_are_validated_on_alone(student_recipe: Recipe, tmp_path: Path) -> None:
    task = task_of(student_recipe, tmp_path)
    assert task.data()["photographs"] == PHOTOGRAPHS - len(HELD_OUT)
    assert [len(source) for source in task.val_sources] == [len(HELD_OUT)]
    assert task.data()["clips"] == {"one": len(FRAMES)}


def test_what_the_student_predicts_is_what_it_learned(student_recipe: Recipe, tmp_path: Path) -> None:
    """The written model, read as its config says, gives the map that the losses saw."""
    task = task_of(student_recipe, tmp_path)
    network = task.build_network().eval()
    with torch.no_grad():
        network.log_temperature[0] = 0.3
        network.centre[0, 0] = torch.from_numpy(gaussian(CENTRE_HW))
    example, _ = task.val_sources[0].eval_example(0)
    said = task.predict(network, example).saliency
    task.export(tmp_path / "model", network, {})
    model = load_model(tmp_path / "model", device="cpu", backend="reference")
    (prediction,) = model.predict(example.rgb)
    found = prediction.map_density
    small = found.reshape(said.shape[0], found.shape[0] // said.shape[0], said.shape[1], -1).sum((1, 3))
    assert np.corrcoef(small.ravel(), said.ravel())[0, 1] > 0.999


@pytest.mark.slow
def test_two_processes_and_pieces_learn_as_one(
    student_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ranks, "wait", lambda self: None)  # both live in this process
    task = task_of(student_recipe, tmp_path)
    whole = task.make_pieces(0, task.epoch_steps(0)[1])
    parts = [
        task_of(student_recipe, tmp_path, Ranks(CPU, rank, 2)).make_pieces(0, task.epoch_steps(0)[1]) for rank in (0, 1)
    ]
    for place, batch in enumerate(whole):
        for rank, part in enumerate(parts):
            assert torch.equal(batch.image[rank::2], part[place].image)
            torch.testing.assert_close(batch.teacher[rank::2], part[place].teacher)
    losses = []
    for accumulate in (1, 3):
        recipe = replace(student_recipe, accumulate=accumulate)
        one, ranks = task_of(recipe, tmp_path), Ranks(CPU)
        state = initial_state(recipe, one, ranks)
        to_training_mode(state.network, recipe)
        losses.append(train_step(state, one.make_pieces(0, one.epoch_steps(0)[0]), one, recipe, ranks))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_every_parameter_has_a_gradient_in_each_domain(student_recipe: Recipe, tmp_path: Path) -> None:
    """Several processes would wait for ever for the gradient of one that has none."""
    task = task_of(student_recipe, tmp_path)
    for piece in task.make_pieces(0, task.epoch_steps(0)[0]):
        network = task.build_network()
        assert isinstance(network, Student)
        task.losses(network, piece, (4.0, 4.0, 4.0))[0].backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_what_cannot_be_taught_is_refused(student_recipe: Recipe, settings: Distillation, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="light can be taught"):
        task_of(replace(student_recipe, network=mobile("appearance")), tmp_path)
    with pytest.raises(RecipeError, match="fewer views"):
        task_of(replace(student_recipe, batch_size=1), tmp_path, Ranks(CPU, 0, 2))
    with pytest.raises(DatasetError, match=r"none\.npz"):
        task_of(replace(student_recipe, distillation=replace(settings, stored_maps=Path("none.npz"))), tmp_path)
