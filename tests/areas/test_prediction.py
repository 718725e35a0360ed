"""What is predicted for areas, against sums that are done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.areas import Level
from gfsalnet.areas.area import box_corners
from gfsalnet.areas.prediction import Summary, attention_in

FRAME_WH = (40, 40)
DENSITY = np.zeros((4, 4), np.float32)  # cells of 10 pixels
DENSITY[0, 0], DENSITY[1, 1], DENSITY[1, 2] = 0.5, 0.3, 0.2
GATE = np.full((4, 4), 0.25, np.float32)
GATE[1, 1] = 0.75


def test_share_lift_peak_and_motion_of_a_box() -> None:
    (found,) = attention_in([box_corners([15, 10, 35, 30])], FRAME_WH, DENSITY, GATE, "all")
    assert found is not None
    share = 0.3 * 0.5 + 0.2 * 1
    assert found.attention_share == pytest.approx(share)
    assert found.area_share == pytest.approx(400 / 1600)
    assert found.lift == pytest.approx(share / 0.25)
    assert found.peak_lift == pytest.approx(0.3 * 16)
    assert not found.holds_peak
    assert found.motion_share == pytest.approx((0.15 * 0.25 + 0.2 * 0.75) / share)


def test_a_map_of_any_scale_is_divided_by_its_sum() -> None:
    one, many = (attention_in([box_corners([0, 0, 10, 10])], FRAME_WH, DENSITY * k, None, "all")[0] for k in (1, 100))
    assert one is not None
    assert many is not None
    assert one.attention_share == pytest.approx(many.attention_share)
    assert one.holds_peak
    assert one.motion_share is None


def test_an_overlap_belongs_to_all_or_to_the_first() -> None:
    corners = [box_corners([0, 0, 20, 20]), box_corners([0, 0, 40, 40])]
    both = attention_in([*corners], FRAME_WH, DENSITY, None, "all")
    first = attention_in([*corners], FRAME_WH, DENSITY, None, "first")
    assert [found.attention_share for found in both if found] == pytest.approx([0.8, 1.0])
    assert [found.attention_share for found in first if found] == pytest.approx([0.8, 0.2])
    assert [found.area_share for found in first if found] == pytest.approx([0.25, 0.75])
    assert [found.holds_peak for found in first if found] == [True, False]
    assert attention_in([None], FRAME_WH, DENSITY, None, "all") == [None]


def test_a_summary_weighs_frames_by_their_time() -> None:
    summary = Summary(level=Level.parse("0.5"))
    boxes = [box_corners([0, 0, 10, 10]), box_corners([10, 10, 20, 20]), box_corners([0, 0, 20, 20])]
    for index, (box, lasts) in enumerate(zip(boxes, (1.0, 2.0, 1.0), strict=True)):
        summary.add(attention_in([box], FRAME_WH, DENSITY, GATE, "all")[0], 5.0 + index, lasts)
    summary.add(None, 8.0, 1.0)
    row = summary.row()
    assert row["attention_share"] == pytest.approx((0.5 + 2 * 0.3 + 0.8) / 4)
    assert row["lift"] == pytest.approx((0.5 + 2 * 0.3 + 0.8) / ((1 + 2 + 4) / 16))
    assert (row["peak_share"], row["time_to_peak_share_seconds"]) == (pytest.approx(0.8), 2.0)
    assert (row["time_to_first_peak_seconds"], row["time_to_first_peak_from_clip_seconds"]) == (0.0, 5.0)
    assert (row["peak_seconds"], row["seconds_above_level"]) == (2.0, 1.0)
    assert row["motion_share"] == pytest.approx((0.5 * 0.75 + 0.6 * 0.25 + 0.5 * 0.75 + 0.3 * 0.25) / 1.9)
    assert (row["frames"], row["lost_frames"]) == (3, 1)


def test_levels_are_shares_or_lifts() -> None:
    assert Level.parse("20%") == Level.parse("0.2") == Level(value=0.2, is_lift=False)
    assert Level.parse("2x") == Level(value=2, is_lift=True)
    for wrong in ("2", "0", "-1x", "much", "nan"):
        with pytest.raises(ValueError, match=r".+"):
            Level.parse(wrong)
