"""The flow image, alone and beside what is left of it without the camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gfsalnet.render.flow_view import flow_view
from gfsalnet.types import FlowField


def steady_flow(dx: float, size_hw: tuple[int, int] = (24, 32)) -> FlowField:
    flow = np.zeros((*size_hw, 2), np.float32)
    flow[..., 0] = dx
    return FlowField(flow)


def test_flow_is_drawn_at_the_size_of_the_frame(make_prediction):
    white = flow_view(make_prediction())
    assert white.shape == (36, 64, 3)
    assert white.min() == 255
    assert flow_view(make_prediction(flow=steady_flow(0))).min() > 250
    right, left = flow_view(make_prediction(flow=steady_flow(3))), flow_view(make_prediction(flow=steady_flow(-3)))
    assert right.shape == left.shape == (36, 64, 3)
    assert np.abs(right.astype(int) - left).max() > 100


def test_flow_is_on_one_scale_for_the_whole_video(make_prediction):
    slow, fast = (flow_view(make_prediction(flow=steady_flow(dx))).astype(int) for dx in (0.1, 1))
    assert (255 - slow).max() < 0.3 * (255 - fast).max()


@pytest.mark.parametrize("size_hw", [(36, 64), (37, 63), (240, 320), (1, 1), (3, 200)])
def test_what_is_left_without_the_camera_stands_beside_the_flow(make_prediction, size_hw):
    """A pan to the left: colour on one side, white on the other."""
    pan = replace(make_prediction(size_hw=size_hw, flow=steady_flow(-3)), flow_against_scene=steady_flow(0))
    view = flow_view(pan)
    assert view.shape == (*size_hw, 3)
    if min(size_hw) >= 4:
        row, column = size_hw[0] // 2, size_hw[1] // 4
        assert np.ptp(view[row, column].astype(int)) > 100
        assert view[row, -column].min() == 255
