from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.flow import DISFlow, FlowStream
from gfsalnet.types import Frame


def grey_frames(*values: int, size_hw: tuple[int, int] = (4, 5)) -> list[Frame]:
    return [Frame(np.full((*size_hw, 3), value, np.uint8), index=index) for index, value in enumerate(values)]


def test_each_frame_gets_the_flow_that_leads_to_it(mean_difference):
    stream = FlowStream(mean_difference())
    fields = [stream.push(frame, starts_shot=False) for frame in grey_frames(10, 13, 11)]
    assert [field.flow_pixels[0, 0, 0] for field in fields] == [0, 3, -2]


def test_the_first_frame_and_a_cut_have_no_motion(mean_difference):
    estimator = mean_difference()
    stream = FlowStream(estimator)
    cuts = [True, False, True, False]
    fields = [stream.push(frame, cut) for frame, cut in zip(grey_frames(10, 20, 90, 91), cuts, strict=True)]
    assert [field.flow_pixels[0, 0, 0] for field in fields] == [0, 10, 0, 1]
    assert {field.size_hw for field in fields} == {(6, 8)}
    assert estimator.calls == 2


def test_a_frame_of_another_size_begins_anew(mean_difference):
    stream = FlowStream(mean_difference())
    small, large = grey_frames(1, 5), grey_frames(100, 107, size_hw=(9, 9))
    fields = [stream.push(frame, starts_shot=False) for frame in (*small, *large)]
    assert [field.flow_pixels[0, 0, 0] for field in fields] == [0, 4, 0, 7]


def test_a_real_estimator_in_a_stream(moved):
    previous, current = moved((120, 160), 2, -1)
    stream = FlowStream(DISFlow())
    first = stream.push(Frame(previous), starts_shot=True)
    second = stream.push(Frame(current, index=1), starts_shot=False)
    assert first.size_hw == second.size_hw == (240, 320)
    assert not first.flow_pixels.any()
    assert np.median(second.flow_pixels, axis=(0, 1)) == pytest.approx((4, -2), abs=0.2)
