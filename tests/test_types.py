"""The records check their shapes at the door and resize maps as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfsalnet.maps import resize_density, resize_map
from gfsalnet.types import Fixations, FlowField, Frame, Prediction, Sample

FRAME = Frame(np.zeros((6, 8, 3), np.uint8), time_seconds=0.5, index=3)


def test_frame_refuses_what_is_not_rgb() -> None:
    for array in (np.zeros((6, 8), np.uint8), np.zeros((6, 8, 4), np.uint8), np.zeros((0, 8, 3), np.uint8)):
        with pytest.raises(ValueError, match="must be"):
            Frame(array)
    with pytest.raises(ValueError, match="uint8"):
        Frame(np.zeros((6, 8, 3), np.float32))
    assert FRAME.size_hw == (6, 8)
    assert repr(FRAME) == "Frame(index=3, time_seconds=0.500, size_hw=(6, 8))"


def test_flow_refuses_nan_and_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 2\)"):
        FlowField(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(ValueError, match="NaN"):
        FlowField(np.full((4, 4, 2), np.nan, np.float32))


def test_prediction_gives_maps_of_the_frame_that_sum_to_one() -> None:
    small = np.zeros((3, 4), np.float32)
    small[1, 2] = 1
    prediction = Prediction(frame=FRAME, map_density=small, map_gate=np.full((3, 4), 0.25, np.float32))
    assert prediction.density.shape == (6, 8)
    assert prediction.density.dtype == np.float32
    assert prediction.density.sum() == pytest.approx(1, abs=1e-6)
    assert np.unravel_index(prediction.density.argmax(), (6, 8)) in {(2, 4), (2, 5), (3, 4), (3, 5)}
    assert prediction.gate is not None
    assert np.allclose(prediction.gate, 0.25)
    assert prediction.appearance is None
    assert (prediction.frame_index, prediction.time_seconds) == (3, 0.5)
    assert prediction.density is prediction.density  # made once


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.full((3, 4), -1, np.float32), "negative"),
        (np.full((3, 4), np.nan, np.float32), "NaN"),
        (np.zeros((3, 4), np.float64), "float32"),
        (np.zeros((3, 5), np.float32), "the density is"),
    ],
)
def test_prediction_refuses_bad_maps(bad: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Prediction(frame=FRAME, map_density=np.full((3, 4), 1 / 12, np.float32), map_gate=bad)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_densities_keep_their_mass_at_any_size(h: int, w: int, height: int, width: int) -> None:
    values = np.random.default_rng(h * 41 + w).random((h, w)).astype(np.float32)
    resized = resize_density(values, (height, width))
    assert resized.shape == (height, width)
    assert resized.sum(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    bounded = resize_map(values, (height, width))
    assert values.min() - 1e-6 <= bounded.min() <= bounded.max() <= values.max() + 1e-6


def test_a_map_without_mass_becomes_uniform() -> None:
    assert np.allclose(resize_density(np.zeros((2, 2), np.float32), (4, 5)), 1 / 20)


def test_fixations_know_which_lie_inside() -> None:
    x, y = np.array([0, 7.9, 8, -0.1], np.float32), np.array([0, 5.9, 1, 1], np.float32)
    assert Fixations(x=x, y=y, size_wh=(8, 6)).inside.tolist() == [True, True, False, False]
    with pytest.raises(ValueError, match="NaN"):
        Fixations(x=np.array([np.nan], np.float32), y=np.zeros(1, np.float32), size_wh=(8, 6))
    with pytest.raises(ValueError, match="y is"):
        Fixations(x=x, y=y[:2], size_wh=(8, 6))


def test_fixations_take_lists_and_refuse_what_is_no_number() -> None:
    fixations = Fixations(x=[1, 2.5], y=(3, 4), size_wh=(8, 6), subject=[0, 1])  # type: ignore[arg-type]
    assert fixations.x.dtype == np.float32
    assert fixations.x.tolist() == [1, 2.5]
    assert fixations.subject is not None
    assert fixations.subject.dtype == np.int64
    for wrong in (["a"], None, [[1], [2, 3]]):
        with pytest.raises(ValueError, match=r"x must hold numbers|x is"):
            Fixations(x=wrong, y=[1], size_wh=(8, 6))  # type: ignore[arg-type]


def test_reprs_say_shape_size_and_count_never_values() -> None:
    fixations = Fixations(x=np.arange(300), y=np.arange(300), size_wh=(640, 360), subject=np.arange(300) % 17)
    assert repr(fixations) == "Fixations(n=300, size_wh=(640, 360), viewers=17)"
    sample = Sample(name="a", frame=FRAME, fixations=fixations)
    assert len(repr(sample)) < 200


class TestSaliency:
    density = np.array([[0.0, 0.25], [0.25, 0.5]], np.float32)
    prediction = Prediction(frame=Frame(np.zeros((2, 2, 3), np.uint8)), map_density=density)

    def test_scales(self) -> None:
        assert self.prediction.to_saliency().tolist() == [[0, 0.5], [0.5, 1]]
        assert self.prediction.to_saliency("density").tolist() == self.density.tolist()
        log = self.prediction.to_saliency("log")
        assert np.isfinite(log).all()
        assert np.exp(log)[1].tolist() == pytest.approx([0.25, 0.5])
        with pytest.raises(ValueError, match="frame, density or log"):
            self.prediction.to_saliency("loud")  # type: ignore[arg-type]
