"""Views: people, teachers and student see the same box; every other step sees it mirrored."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import View, open_dataset
from gfsalnet.models.published.unisal import UNISALNetwork
from gfsalnet.training.distillation.batches import Batches, Photograph, ViewBatch
from gfsalnet.training.distillation.clips import CROP_ASPECTS, Clip, open_clips
from gfsalnet.training.distillation.config import Distillation, InputSize, Teacher, Watching
from gfsalnet.training.distillation.stored import StoredMaps
from gfsalnet.training.distillation.student import ViewLosses
from gfsalnet.training.distillation.teachers import Teachers, log_density
from gfsalnet.training.distillation.views import random_view
from gfsalnet.training.distributed import Ranks
from gfsalnet.types import Fixations

from .conftest import FRAMES, SIZE_WH, bump

CPU = torch.device("cpu")
Make = Callable[..., Batches]


@pytest.fixture
def make(taught: Path, settings: Distillation, tmp_path: Path) -> Make:
    maps = StoredMaps(taught / "maps.npz")
    table = np.load(taught / "people" / "fixations.npz")
    photographs, people = [], open_dataset("folder", taught / "people", "all")
    for number in range(8):
        rows = table["image_index"] == number
        fixations = Fixations(x=table["x"][rows], y=table["y"][rows], size_wh=SIZE_WH)
        name = f"people/images/{number}.png"
        photographs.append(Photograph(people, taught / name, name, fixations, 0.1))

    def made(how: Distillation = settings, ranks: Ranks | None = None) -> Batches:
        clips = open_clips(how, maps, taught, tmp_path / "watched")
        given = (photographs, clips, maps, Teachers(how.teachers, CPU), how)
        return Batches(*given, batch_size=6, seed=0, ranks=ranks or Ranks(CPU))

    return made


def assert_same(one: ViewBatch, other: ViewBatch) -> None:
    assert one.domain == other.domain
    for a, b in zip(one, other, strict=True):
        assert a == b if isinstance(a, str) else torch.equal(a, b)  # type: ignore[arg-type]  # tensors, but for the domain


def test_a_step_decides_its_batches_whoever_asks_in_whatever_order(make: Make) -> None:
    one, other = make(), make()
    expected = [one.of_step(step) for step in range(6)]
    for step in (5, 0, 3):
        for batch, again in zip(expected[step], other.of_step(step), strict=True):
            assert_same(batch, again)
    with ThreadPoolExecutor(4) as pool:
        for batches, again in zip(expected, pool.map(make().of_step, range(6)), strict=True):
            for batch, another in zip(batches, again, strict=True):
                assert_same(batch, another)


def test_the_second_look_is_the_first_mirrored_in_other_colours(make: Make) -> None:
    batches = make()
    for first, second in zip(batches.of_step(0), batches.of_step(1), strict=True):
        assert torch.equal(second.teacher, first.teacher.flip(2))
        assert torch.equal(second.fixations, first.fixations.flip(2))
        assert not torch.equal(second.image, first.image.flip(3))
    assert not torch.equal(batches.of_step(2)[0].fixations, batches.of_step(0)[0].fixations)


def test_people_and_teacher_agree_where_they_look(make: Make) -> None:
    """Both were made around the same disc: a view that was cut for one alone would part them."""
    distances = []
    for step in range(0, 12, 2):
        still, video = make().of_step(step)
        assert still.teacher.exp().sum((1, 2)).numpy() == pytest.approx(1, abs=1e-4)
        assert float(video.density.abs().sum()) == 0
        for teacher, density in zip(still.teacher, still.density, strict=True):
            if float(density.sum()) > 0.99 and float(density.max()) > 0:
                places = [np.unravel_index(int(m.argmax()), m.shape) for m in (teacher, density)]
                distances.append(np.hypot(*(np.subtract(*places) / teacher.shape[0])))
    assert np.median(distances) < 0.12


@pytest.mark.slow
def test_networks_teach_the_view_and_unisal_watches_crops_once(
    make: Make, settings: Distillation, taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    weights = tmp_path / "unisal.safetensors"
    save_file({name: value.contiguous() for name, value in UNISALNetwork().state_dict().items()}, weights)
    teacher = Teacher(network="unisal", weights=weights, still=1.0, video=0.5)
    watching = Watching(weights=weights, video=0.3, whole="video")
    how = replace(settings, teachers=(teacher,), watching=watching, centre=0.2)
    monkeypatch.setattr("gfsalnet.training.distillation.clips.WATCHED_HW", (32, 64))
    still, video = make(how).of_step(0)
    plain_still, _ = make().of_step(0)
    assert torch.equal(still.image, plain_still.image)
    assert not torch.allclose(still.teacher, plain_still.teacher)
    assert video.teacher.exp().sum((1, 2)).numpy() == pytest.approx(1, abs=1e-4)
    kept = np.load(tmp_path / "watched" / "one.npz")["log_maps"]
    assert kept.shape == (len(CROP_ASPECTS), len(FRAMES), 8, 16)
    monkeypatch.setattr("gfsalnet.training.distillation.clips._watch", None)  # not a second time
    ready: list[tuple[int, int]] = []

    def on_clip(done: int, total: int) -> None:
        ready.append((done, total))

    (clip,) = open_clips(how, StoredMaps(taught / "maps.npz"), taught, tmp_path / "watched", on_clip)
    assert ready == [(1, 1)]
    assert len(clip.views) == 1 + len(CROP_ASPECTS)
    assert clip.views[0] == View()


def test_a_clip_that_nobody_watched_is_cropped_anywhere() -> None:
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[:, 48:] = 200
    stored = np.repeat(np.where(np.arange(20) < 10, 0, 5).astype(np.float32)[None], 15, 0)
    clip = Clip("clip", [frame], [stored], 1.0, [], np.zeros((0, 0, 0, 0), np.float16), 0.0)
    rng = np.random.default_rng(0)
    for _ in range(20):
        image, log_map = clip.example(InputSize(64, 96, 1.0), rng)
        bright = image.mean((0, 2)).reshape(24, 4).mean(1) > 100
        assert (bright ^ (log_map.mean(0) > 2.5)).sum() <= 1  # the same half, mirrored or not


def test_a_view_has_the_wanted_aspect_and_lies_inside() -> None:
    rng = np.random.default_rng(0)
    views = [random_view((300, 400), 1.7, rng, whole=0.5) for _ in range(300)]
    for view in views:
        assert 0 <= view.left <= view.left + view.width <= 1 + 1e-9
        assert 0 <= view.top <= view.top + view.height <= 1 + 1e-9
        assert abs(np.log(view.width * 400 / (view.height * 300) / 1.7)) < 0.1201
    assert 0.4 < np.mean([view.mirrored for view in views]) < 0.6
    whole = [random_view((300, 400), 1.3, rng, whole=0.5) for _ in range(300)]
    assert 0.4 < np.mean([(view.width, view.height) == (1, 1) for view in whole]) < 0.6


def test_stored_maps_say_what_is_wrong(tmp_path: Path, taught: Path) -> None:
    maps = StoredMaps(taught / "maps.npz")
    with pytest.raises(DatasetError, match="no maps called salience"):
        maps.log_map(0, {"salience": 1.0})
    with pytest.raises(DatasetError, match="of clips alone"):
        maps.log_map(0, {"video": 1.0})
    with pytest.raises(DatasetError, match="no map of people/images/99"):
        maps.of_photograph("people/images/99.png", {"static": 1.0})
    assert np.unravel_index(maps.of_photograph("people/images/0.png", {"static": 1.0}).argmax(), (15, 20)) is not None
    path = tmp_path / "maps.npz"
    given = {"source": np.array(["a", "b"]), "frame": np.array([-1, 0])}
    for change, message in (
        ({"static": np.stack([bump(0.5, 0.5)] * 3)}, "differ in length"),
        ({"frame": np.array([0, -1])}, "stand before"),
    ):
        np.savez(path, **{**given, **change})
        with pytest.raises(DatasetError, match=message):
            StoredMaps(path)
    np.savez(path, source=given["source"])
    with pytest.raises(DatasetError, match="lacks frame"):
        StoredMaps(path)


def test_losses_by_hand() -> None:
    scores = torch.randn(3, 8, 12, generator=torch.Generator().manual_seed(0))
    log_map = log_density(scores)
    density = log_map.exp().clone()
    density[0] = 0
    fixations = (density > density.amax((1, 2), keepdim=True) * 0.9).float() * (density > 0)
    same = ViewLosses(log_map, ViewBatch(torch.zeros(3, 3, 32, 48), "still", log_map, density, fixations))
    assert float(same.to_teacher) == pytest.approx(0, abs=1e-5)
    assert float(same.to_people) == pytest.approx(0, abs=1e-5)
    assert float(same.nss) > 2 * 2  # at the very peaks, of the two that were looked at
    flat = torch.full_like(log_map, -np.log(96))
    other = ViewLosses(flat, ViewBatch(torch.zeros(3, 3, 32, 48), "still", log_map, density, fixations))
    expected = (log_map.exp() * (log_map + np.log(96))).sum((1, 2))
    assert float(other.to_teacher) == pytest.approx(float(expected.sum()), rel=1e-5)
    assert float(other.to_people) == pytest.approx(float(expected[1:].sum()), rel=1e-5)
