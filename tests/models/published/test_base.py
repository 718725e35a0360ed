"""What every deep model gets from its base: shots, frames held back, flow, clocks, and errors of weights."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from drawn_weights import State, load
from numpy.typing import NDArray
from torch import nn

from gfsalnet.errors import WeightsError
from gfsalnet.flow import DISFlow
from gfsalnet.models.published.base import FrameAndFlow, Official, PublishedModel, with_counters
from gfsalnet.models.published.windows import with_following
from gfsalnet.types import Frame

WEIGHTS: State = {"scale": np.ones(1, np.float32)}


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(1))


class Ahead(PublishedModel):
    """A map of two pixels for every frame: its red, and that of the frame two later."""

    name = "ahead"
    lookahead_frames = 2
    input_size_hw = (1, 2)

    @classmethod
    def make_network(cls) -> nn.Module:
        return Scale()

    @classmethod
    def from_official(cls, official: Official) -> dict[str, NDArray[Any]]:
        return dict(official)

    def predict_shot(self, pictures: Iterator[FrameAndFlow]) -> Iterator[NDArray[np.float64]]:
        assert torch.is_inference_mode_enabled()
        self.fields: list[Any] = []
        for (rgb, field), _, (later, _) in with_following(pictures, 2):
            self.fields.append(field)
            reds = torch.tensor([[float(rgb[0, 0, 0]), float(later[0, 0, 0])]])
            yield (reds * self.network.scale).double().numpy()


class NeedsFlow(Ahead):
    needs_flow = True


def frames(*reds: int, size_hw: tuple[int, int] = (40, 60)) -> list[Frame]:
    """Flat, so that they are one shot, or of other sizes, so that they are not."""
    rgbs = [np.full((*size_hw, 3), red, np.uint8) for red in reds]
    return [Frame(rgb, index / 25, index) for index, rgb in enumerate(rgbs)]


def test_frames_wait_for_those_ahead_and_no_longer() -> None:
    taken: list[int] = []

    def live() -> Iterator[Frame]:
        for frame in frames(10, 11, 12, 13, 14):
            taken.append(frame.index)
            yield frame

    model, seen = load(Ahead, WEIGHTS), []
    for prediction in model.stream(live()):
        seen.append((prediction.frame_index, len(taken), prediction.starts_shot))
        later = 10 + min(prediction.frame_index + 2, 4)
        now = 10 + prediction.frame_index
        assert prediction.map_density == pytest.approx(np.array([[now, later]]) / (now + later))
    assert seen == [(0, 3, True), (1, 4, False), (2, 5, False), (3, 5, False), (4, 5, False)]


def test_a_shot_does_not_see_the_next_one() -> None:
    """Another size is another shot; so is the picture after a cut."""
    other = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    other[0, 0, 0] = 99
    shots = [*frames(20, 21), *frames(30, size_hw=(20, 20)), Frame(other), Frame(other)]
    predictions = list(load(Ahead, WEIGHTS).stream(shots))
    assert [p.starts_shot for p in predictions] == [True, False, True, True, False]
    first_shares = [float(p.map_density[0, 0]) for p in predictions]
    assert first_shares == pytest.approx([20 / 41, 0.5, 0.5, 0.5, 0.5])
    assert list(load(Ahead, WEIGHTS).stream([])) == []


def test_flow_is_computed_where_there_is_an_estimator() -> None:
    with pytest.raises(ValueError, match="ahead needs an optical flow estimator"):
        NeedsFlow({}, weights_hash="none")
    model = load(NeedsFlow, WEIGHTS, estimator=DISFlow("fast"))
    predictions = list(model.stream(frames(1, 1, 1)))
    assert model.computes_flow
    assert [p.flow for p in predictions] == model.fields
    assert model.describe()["flow"]["preset"] == "fast"
    without = load(Ahead, WEIGHTS)
    assert [p.flow for p in without.stream(frames(1, 1))] == [None, None]
    assert without.describe() == {"name": "ahead", "weights": "drawn", "flow": None}


def test_waiting_for_frames_is_not_the_networks_time() -> None:
    def slow() -> Iterator[Frame]:
        for frame in frames(1, 2, 3, 4):
            time.sleep(0.05)
            yield frame

    model = load(Ahead, WEIGHTS)
    seconds: dict[str, float] = {}
    list(model.stream(slow(), seconds))
    assert 0 < seconds["network"] < 0.1


def test_wrong_and_damaged_weights() -> None:
    with pytest.raises(WeightsError, match="1 not expected: more"):
        load(Ahead, {**WEIGHTS, "more": np.zeros(1)})
    damaged = load(Ahead, {"scale": np.full(1, np.nan, np.float32)})
    with pytest.raises(WeightsError, match="ahead: predicts values that are no numbers, first for frame 0"):
        next(damaged.stream(frames(1)))


def test_batch_norms_get_the_counters_they_lack() -> None:
    state = {name: value.numpy() for name, value in nn.Sequential(nn.BatchNorm2d(2)).state_dict().items()}
    old = {name: value for name, value in state.items() if name != "0.num_batches_tracked"}
    assert {name: value.shape for name, value in with_counters(old).items()} == {
        name: value.shape for name, value in state.items()
    }
    counted = with_counters({**state, "0.num_batches_tracked": np.array(5), "unknown": np.zeros(2)})
    assert counted["0.num_batches_tracked"] == 5
    assert set(counted) == {*state, "unknown"}
