"""What all models without weights have in common: one prediction a frame, shots, sizes, names."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from gfsalnet.errors import GFSalNetError, WeightsError
from gfsalnet.flow import DISFlow
from gfsalnet.maps import Map, to_density
from gfsalnet.models import MODELS, SaliencyModel, load_model
from gfsalnet.models.classical.base import min_max
from gfsalnet.types import Frame

NAMES = [name for name, entry in MODELS.items() if entry.classical]


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SaliencyModel:
    """Each in turn; the slow ones work on smaller pictures than they would."""
    monkeypatch.setattr("gfsalnet.models.classical.aws_d.WORKING_SIZE_WH", (40, 30))
    monkeypatch.setattr("gfsalnet.models.classical.fang2014.GRID_WH", (12, 9))
    return load_model(request.param, device="cpu")


def frames(count: int, size_hw: tuple[int, int] = (40, 60), seed: int = 0, low: int = 0) -> list[Frame]:
    """Noise in one half of the grey levels, on which a square moves."""
    ground = np.random.default_rng(seed).integers(low, low + 120, (*size_hw, 3), dtype=np.uint8)
    clip = []
    for index in range(count):
        rgb = ground.copy()
        rgb[: size_hw[0] // 3, index : index + size_hw[1] // 4] = 255 - low
        clip.append(Frame(rgb, index / 25, index))
    return clip


def test_the_four_are_known_and_ready() -> None:
    assert NAMES == ["pqft", "fang2014", "aws-d", "centre-bias"]
    assert all(MODELS[name].ready for name in NAMES)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_one_prediction_for_every_frame(model: SaliencyModel, count: int) -> None:
    predictions = list(model.stream(frames(count)))
    assert [p.frame_index for p in predictions] == list(range(count))
    assert [p.starts_shot for p in predictions] == [index == 0 for index in range(count)]
    for p in predictions:
        assert p.map_density.sum() == pytest.approx(1, abs=1e-4)
        assert p.density.shape == (40, 60)
        assert p.map_gate is None


@pytest.mark.parametrize("size_hw", [(1, 1), (8, 8), (31, 17), (3, 200), (150, 2)])
def test_tiny_and_odd_sizes(model: SaliencyModel, size_hw: tuple[int, int]) -> None:
    for p in model.stream(frames(2, size_hw)):
        assert p.density.shape == size_hw
        assert p.density.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("level", [0, 97, 255])
def test_nothing_stands_out_of_a_constant_picture(model: SaliencyModel, level: int) -> None:
    rgb = np.full((40, 60, 3), (level, level // 2, level), np.uint8)
    *_, last = model.stream([Frame(rgb, index=index) for index in range(3)])
    if model.name == "centre-bias":
        assert last.map_density.max() > 2 / last.map_density.size
    else:
        assert np.allclose(last.map_density, 1 / last.map_density.size)


def test_a_stream_starts_as_the_one_before_also_while_that_runs(model: SaliencyModel) -> None:
    first, second = model.stream(frames(3)), model.stream(frames(3))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.map_density, other.map_density)


def test_nothing_is_remembered_over_a_cut_or_another_size(model: SaliencyModel) -> None:
    other = frames(3, seed=1, low=135)
    alone = [p.map_density for p in model.stream(other)]
    for before in (frames(5), frames(5, (40, 80), seed=1, low=135)):
        predictions = list(model.stream([*before, *other]))
        assert [p.starts_shot for p in predictions] == [True, *[False] * 4, True, False, False]
        for p, expected in zip(predictions[5:], alone, strict=True):
            assert np.array_equal(p.map_density, expected)


def test_frames_are_let_go(model: SaliencyModel) -> None:
    alive: list[weakref.ref[object]] = []

    def watched() -> Iterator[Frame]:
        for frame in frames(14):
            copy = Frame(frame.rgb.copy(), frame.time_seconds, frame.index)
            alive.append(weakref.ref(copy.rgb))
            yield copy

    most = 0
    for _ in model.stream(watched()):
        most = max(most, sum(ref() is not None for ref in alive))
    assert most <= 3


def test_a_prediction_depends_on_as_many_frames_as_it_says(model: SaliencyModel) -> None:
    def last_map(changed: int) -> Map:
        """After a clip of which one frame, counted back from the last, was changed a little."""
        clip = frames(model.reach_frames + 2, seed=4)
        clip[-1 - changed].rgb[20:30, 5:15] = 60
        *_, last = model.stream(clip)
        return last.map_density

    if model.reach_frames:
        assert not np.array_equal(last_map(model.reach_frames), last_map(model.reach_frames + 1))
    *_, unchanged = model.stream(frames(model.reach_frames + 2, seed=4))
    assert np.array_equal(last_map(model.reach_frames + 1), unchanged.map_density)


def test_the_description_holds_all_constants_as_json(model: SaliencyModel) -> None:
    about = json.loads(json.dumps(model.describe()))
    assert about["name"] == model.name
    assert about["constants"]
    assert (about["flow"] is not None) == model.computes_flow == (model.name == "fang2014")


def test_flow_is_passed_on_when_asked() -> None:
    kept = load_model("pqft", device="cpu", flow="dis-ultrafast", flow_settings={"size_wh": (64, 48)}, keep_flow=True)
    assert kept.computes_flow
    assert kept.describe()["flow"]["preset"] == "ultrafast"
    predictions = list(kept.stream(frames(2)))
    without = load_model("pqft", device="cpu", flow="dis").stream(frames(2))
    for p, other in zip(predictions, without, strict=True):
        assert p.flow is not None
        assert other.flow is None
        assert np.array_equal(p.map_density, other.map_density)


def test_the_flow_of_fang_is_the_users_or_the_one_that_needs_evidence() -> None:
    assert load_model("fang2014", device="cpu").describe()["flow"]["needs_evidence"]
    assert not load_model("fang2014", device="cpu", flow="dis").describe()["flow"]["needs_evidence"]
    own = DISFlow("ultrafast")
    assert load_model("fang2014", device="cpu", flow=own).describe()["flow"]["preset"] == "ultrafast"


def test_what_these_models_do_not_have() -> None:
    with pytest.raises(WeightsError, match="no motion stream"):
        load_model("pqft:motion")
    with pytest.raises(GFSalNetError, match="device abacus"):
        load_model("aws-d", device="abacus")
    with pytest.raises(GFSalNetError, match="nonsense"):
        load_model("centre-bias", device="cpu", flow="nonsense")


def test_a_map_without_mass_is_uniform() -> None:
    assert np.array_equal(to_density(np.zeros((2, 4))), np.full((2, 4), 0.125, np.float32))
    assert np.array_equal(to_density(np.array([[1.0, 3.0]])), np.array([[0.25, 0.75]], np.float32))


def test_rounding_is_no_structure() -> None:
    assert not min_max(np.array([[7.0, 7.0 + 1e-12]])).any()
    assert np.array_equal(min_max(np.array([[-1.0, 0.0, 3.0]])), [[0, 0.25, 1]])
