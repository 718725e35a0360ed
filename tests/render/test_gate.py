from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.render.gate import gate_view

LARGE = {"size_hw": (180, 320), "map_hw": (45, 80)}


def channels(picture: np.ndarray, row: int, column: int) -> tuple[int, int]:
    """Red and blue of one pixel."""
    return int(picture[row, column, 0]), int(picture[row, column, 2])


def test_hue_tells_motion_from_appearance(make_prediction):
    motion = gate_view(make_prediction(1, gate=0.0, **LARGE))
    appearance = gate_view(make_prediction(1, gate=1.0, **LARGE))
    both = gate_view(make_prediction(1, gate=0.5, **LARGE))
    red, blue = channels(motion, 90, 160)
    assert red > blue + 80
    red, blue = channels(appearance, 90, 160)
    assert blue > red + 80
    red, blue = channels(both, 90, 160)
    assert abs(red - blue) <= 2


def test_the_scale_is_fixed_not_stretched(make_prediction):
    slight = gate_view(make_prediction(1, gate=0.6, **LARGE))
    full = gate_view(make_prediction(1, gate=1.0, **LARGE))
    tints = [blue - red for red, blue in (channels(slight, 90, 160), channels(full, 90, 160))]
    assert 0 < tints[0] < 0.3 * tints[1]


def test_the_tint_is_strong_only_where_people_look(make_prediction):
    view = gate_view(make_prediction(1, gate=1.0, **LARGE))
    tint = view[..., 2].astype(int) - view[..., 0]
    assert tint[90, 160] > 80
    assert tint[5, 5] == 0


@pytest.mark.parametrize("size_hw", [(1, 1), (36, 64), (20, 400), (400, 20), (720, 1280)])
def test_any_frame_size(make_prediction, size_hw):
    view = gate_view(make_prediction(1, gate=0.3, size_hw=size_hw))
    assert view.shape == (*size_hw, 3)
    assert view.dtype == np.uint8


def test_the_frame_is_not_changed(make_prediction):
    prediction = make_prediction(1, gate=0.3, **LARGE)
    before = prediction.frame.rgb.copy()
    gate_view(prediction)
    np.testing.assert_array_equal(prediction.frame.rgb, before)


def test_no_gate_no_view(make_prediction):
    with pytest.raises(ValueError, match="no gate"):
        gate_view(make_prediction())
