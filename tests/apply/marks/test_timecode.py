"""Timecodes, by their definition and by OpenTimelineIO."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from gfsalnet.apply.marks.timecode import NTSC, STANDARD_RATES, Timebase, can_drop, nearest_rate


@pytest.mark.parametrize("rate", STANDARD_RATES, ids=lambda rate: f"{float(rate):.5g}")
@pytest.mark.parametrize("drop", [False, True])
def test_frames_come_back(rate, drop):
    if drop and not can_drop(rate):
        return
    base = Timebase(rate, drop)
    frames = [*range(0, 20_000, 7), *(base.nominal * 60 * minute for minute in range(1, 1430, 13))]
    codes = [base.timecode(frame) for frame in frames]
    assert [base.frame_of(code) for code in codes] == frames
    assert len(set(codes)) == len(set(frames))


@pytest.mark.parametrize(
    "rate", [24 * NTSC, Fraction(24), Fraction(25), 30 * NTSC, Fraction(30), 60 * NTSC, Fraction(60)]
)
@pytest.mark.parametrize("drop", [False, True])
def test_as_opentimelineio_counts(rate, drop):
    otio = pytest.importorskip("opentimelineio")
    if drop and not can_drop(rate):
        return
    base = Timebase(rate, drop)
    rng = np.random.default_rng(0)
    for frame in [*range(1700, 1900), *range(17_900, 18_100), *rng.integers(0, base.nominal * 86_000, 500).tolist()]:
        time = otio.opentime.RationalTime(frame, float(rate))
        assert base.timecode(frame) == otio.opentime.to_timecode(time, float(rate), drop), frame


def test_drop_frame_keeps_up_with_the_clock():
    base = Timebase(30 * NTSC, drop_frame=True)
    assert base.timecode(base.frame_at(3600)) == "01:00:00;00"
    assert Timebase(30 * NTSC).timecode(base.frame_at(3600)) == "00:59:56:12"
    assert base.timecode(1799), base.timecode(1800) == ("00:00:59;29", "00:01:00;02")
    assert Timebase(60 * NTSC, drop_frame=True).timecode(3600) == "00:01:00;04"
    assert Timebase(Fraction(25)).timecode(25 * 86_400) == "00:00:00:00"


@pytest.mark.parametrize("text", ["1:00:00:00", "00:60:00:00", "00:00:00:25", "", "00:00:00", "00:01:00;00"])
def test_what_is_no_timecode_is_refused(text):
    with pytest.raises(ValueError, match="timecode"):
        (Timebase(30 * NTSC, drop_frame=True) if ";" in text else Timebase(Fraction(25))).frame_of(text)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (Fraction(30000, 1001), 30 * NTSC),
        (Fraction(2997, 100), 30 * NTSC),
        (Fraction(24000, 1001), 24 * NTSC),
        (Fraction(24), Fraction(24)),
        (Fraction(25), Fraction(25)),
        (Fraction(15), Fraction(15)),
        (Fraction(60), Fraction(60)),
    ],
)
def test_steady_rates_are_taken_exactly(stated, expected):
    times = np.round(np.arange(500) / float(stated), 3)  # of a clock of milliseconds
    assert nearest_rate(stated, times) == (expected, True)
    assert nearest_rate(stated, times[:1]) == (expected, True)


def test_variable_rates_take_the_nearest_of_editors():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.02, 0.047, 900))
    rate, is_steady = nearest_rate(Fraction(30), times)
    assert not is_steady
    assert rate in (Fraction(30), 30 * NTSC)
    gap = np.append(np.arange(100), np.arange(130, 200)) / 25
    assert nearest_rate(Fraction(20), gap) == (Fraction(25), False)
