"""What `predict` has left is used again, where it is of the same source, model and part; else the model is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gfsalnet.models import SaliencyModel
from gfsalnet.predict import Settings, predict_source, predictions
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import VideoWriter, open_source


class CountingModel(SaliencyModel):
    """Gives each frame a map of its own, and counts how many it was asked for."""

    name = "counting"
    input_size_hw = (6, 8)
    asked = 0

    def __init__(self, version: int = 1) -> None:
        self.version = version

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version, "size_wh": (8, 6)}  # as real models: JSON has no tuples

    def stream(self, frames: Iterable[Frame], seconds: dict[str, float] | None = None) -> Iterator[Prediction]:
        for frame in frames:
            self.asked += 1
            density = np.random.default_rng(frame.index).dirichlet(np.ones(48)).reshape(6, 8)
            yield Prediction(frame=frame, map_density=density.astype(np.float32), starts_shot=frame.index in (0, 3))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "clip.mp4", size_wh=(64, 48), rate=Fraction(10)) as writer:
        for index in range(5):
            writer.write(np.full((48, 64, 3), 40 * index, np.uint8), index / 10)
    return tmp_path / "clip.mp4"


def predicted(clip: Path, model: SaliencyModel, output: Path | None, start: float | None = None) -> list[Prediction]:
    with open_source(clip, start_seconds=start) as reader:
        return list(predictions(reader, model, output, (start, None)))


@pytest.mark.parametrize("save", [("npz", "csv"), ("csv",)])
def test_the_maps_of_an_earlier_run_are_the_predictions(clip: Path, tmp_path: Path, save: tuple[str, ...]) -> None:
    model = CountingModel()
    now = predicted(clip, model, None)
    predict_source(model, str(clip), Settings(output=tmp_path / "out", save=save))
    asked = model.asked
    again = predicted(clip, model, tmp_path / "out")
    assert model.asked - asked == (0 if "npz" in save else 5)
    for one, other in zip(now, again, strict=True):
        np.testing.assert_allclose(one.map_density, other.map_density, rtol=1e-6)
        assert (one.frame_index, one.time_seconds, one.starts_shot) == (
            other.frame_index,
            other.time_seconds,
            other.starts_shot,
        )
        np.testing.assert_array_equal(one.frame.rgb, other.frame.rgb)


def test_maps_of_another_model_or_part_are_not_taken(clip: Path, tmp_path: Path) -> None:
    predict_source(CountingModel(), str(clip), Settings(output=tmp_path / "out", save=("npz", "csv")))
    other, part = CountingModel(version=2), CountingModel()
    assert len(predicted(clip, other, tmp_path / "out")) == other.asked == 5
    assert len(predicted(clip, part, tmp_path / "out", start=0.15)) == part.asked == 3
