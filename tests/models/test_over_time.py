"""The map over time: centre, motion by a gate, a memory that ends."""

from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.errors import WeightsError
from gfsalnet.flow import zero_flow
from gfsalnet.flow.scene_motion import SceneMotion
from gfsalnet.maps import FrameMaps, Map
from gfsalnet.models.over_time import MapsOverTime, Memory, MotionGate, OverTime, Reading

SIZE_HW = (12, 16)
FIELD = zero_flow(SIZE_HW)


def blob(row: int, column: int, width: float = 2.0) -> Map:
    y, x = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]]
    powers = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    return (powers / powers.sum()).astype(np.float32)


def motion(residual: Map | float) -> SceneMotion:
    values = np.full(SIZE_HW, residual, np.float32) if isinstance(residual, float) else residual
    return SceneMotion(values, camera_speed=0.0, inlier_share=1.0, field=FIELD)


def share(maps: FrameMaps, of: Map) -> float:
    """How much of the saliency lies where a blob is."""
    return float(maps.saliency[of > of.max() / 2].sum())


def test_without_any_of_it_the_map_stays() -> None:
    maps = MapsOverTime(OverTime(memory=Memory(tau_seconds=0)), "video").push(blob(5, 5), None, 0.0)
    np.testing.assert_allclose(maps.saliency, blob(5, 5), atol=1e-6)
    assert maps.motion is None
    assert maps.gate is None


def test_still_pictures_and_videos_have_their_own_centre() -> None:
    left = ((1.0, 0.0),)
    how = OverTime(still=Reading(centre=left), video=Reading(temperature=0.5))
    uniform = np.full(SIZE_HW, 1 / 192, np.float32)
    seen = MapsOverTime(how, "still").push(uniform, None, 0.0).saliency
    assert seen[:, 0].sum() == pytest.approx(np.e * seen[:, -1].sum(), rel=1e-3)
    assert np.ptp(MapsOverTime(how, "still", centre_strength=0).push(uniform, None, 0.0).saliency) < 1e-8
    softer = MapsOverTime(how, "video").push(blob(5, 5), None, 0.0).saliency
    np.testing.assert_allclose(softer[5, 5] / softer[5, 9], np.sqrt(blob(5, 5)[5, 5] / blob(5, 5)[5, 9]), rtol=1e-3)


@pytest.mark.parametrize("mean", [0.05, 0.3, 0.7, 1.5])
def test_the_law_of_the_gate(mean: float) -> None:
    """What moves draws where little moves; where much moves motion says nothing."""
    how = OverTime(gate=MotionGate(weight=0.7, yielding=0.25), memory=Memory(tau_seconds=0))
    residual = blob(3, 12)
    residual *= mean / residual.mean()
    maps = MapsOverTime(how, "video").push(blob(8, 4, 4.0), motion(residual), 0.0)
    assert maps.gate is not None
    assert maps.motion is not None
    moving, resting = float(maps.gate[3, 12]), float(maps.gate[8, 4])
    changed = float(((1 - maps.gate) * maps.saliency).sum())
    gained = share(maps, blob(3, 12)) / float(maps.appearance[blob(3, 12) > blob(3, 12).max() / 2].sum())
    of_motion = 0.7 / (1 + np.exp((mean - 0.7) / 0.1))
    of_appearance = 1 - 0.25 * of_motion
    without = maps.appearance**of_appearance
    without /= without.sum()
    assert changed == pytest.approx(np.abs(maps.saliency - without).sum() / 2, abs=0.005)  # the total variation
    if mean < 0.5:
        assert moving < 0.5 < 0.99 < resting
        assert gained > 1.5
    if mean > 1:
        assert min(moving, resting) > 0.99
        assert gained == pytest.approx(1, abs=0.02)
    expected = maps.appearance**of_appearance * maps.motion**of_motion
    np.testing.assert_allclose(maps.saliency, expected / expected.sum(), rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("speed", [0.0, 0.3, 5.0])
def test_where_everything_moves_alike_motion_changes_nothing(speed: float) -> None:
    how = OverTime(gate=MotionGate(yielding=0), memory=Memory(tau_seconds=0))
    maps = MapsOverTime(how, "video").push(blob(8, 4), motion(speed), 0.0)
    np.testing.assert_allclose(maps.saliency, maps.appearance, atol=1e-6)


def test_without_any_motion_the_gate_is_appearances() -> None:
    maps = MapsOverTime(OverTime(gate=MotionGate()), "video").push(blob(8, 4), motion(0.0), 0.0)
    assert maps.gate is not None
    assert (maps.gate == 1).all()


@pytest.mark.parametrize("rate", [15, 24, 30, 60])
def test_after_a_cut_gaze_stays_some_200_ms_and_is_there_by_400(rate: int) -> None:
    """The maps of two scenes: half of it has gone over by 0.2 s at the latest, nearly all by 0.4 s, at any rate."""
    before, after = blob(3, 3), blob(8, 12)
    over_time = MapsOverTime(OverTime(), "video")
    for index in range(rate):
        over_time.push(before, None, index / rate)
    course = [share(over_time.push(after, None, 1 + index / rate), after) for index in range(rate)]
    arrived = course[-1]
    at = {ms: course[round(ms / 1000 * rate)] / arrived for ms in (0, 200, 400)}
    assert at[0] < 0.45
    assert 0.6 < at[200] < 0.9
    assert at[400] > 0.9


def test_the_memory_ends_at_its_reach() -> None:
    """What came before has no influence at all, so that a video can be cut into segments."""
    how = OverTime(memory=Memory(tau_seconds=0.15, reach_seconds=0.45))
    long, short = MapsOverTime(how, "video"), MapsOverTime(how, "video")
    rng = np.random.default_rng(0)
    maps = [(index / 30, rng.random(SIZE_HW).astype(np.float32)) for index in range(60)]
    maps = [(time, values / values.sum()) for time, values in maps]
    for time, values in maps:
        last_long = long.push(values, None, time)
        if time > 59 / 30 - 0.5:
            last_short = short.push(values, None, time)
    np.testing.assert_allclose(last_long.saliency, last_short.saliency, atol=1e-7)
    assert how.reach_seconds == 0.45
    assert OverTime(gate=MotionGate(reach_seconds=0.5)).reach_seconds == pytest.approx(0.95)


def test_frames_without_times_follow_each_other() -> None:
    over_time = MapsOverTime(OverTime(), "video")
    course = [share(over_time.push(blob(3, 3) if i < 20 else blob(8, 12), None, 0.0), blob(8, 12)) for i in range(40)]
    assert course[19] < 0.01
    assert course[-1] > 0.4


def test_a_frame_of_another_size_starts_again() -> None:
    over_time = MapsOverTime(OverTime(), "video")
    over_time.push(blob(3, 3), None, 0.0)
    other = np.full((6, 8), 1 / 48, np.float32)
    np.testing.assert_allclose(over_time.push(other, None, 0.04).saliency, other, atol=1e-7)


def test_read_from_a_config() -> None:
    tree = {
        "still": {"temperature": 1, "centre": [[0, 1], [0.5, 0]]},
        "gate": {"weight": 0.5},
        "memory": {"tau_seconds": 0},
    }
    how = OverTime.from_json(tree, "config.json")
    assert how.still.centre == ((0.0, 1.0), (0.5, 0.0))
    assert how.gate == MotionGate(weight=0.5)
    assert how.digest != OverTime().digest
    assert OverTime.from_json({"gate": None}, "config.json").gate is None


@pytest.mark.parametrize(
    "tree",
    [{"gates": {}}, {"gate": {"weigth": 1}}, {"gate": {"weight": "1"}}, {"memory": 3}, {"still": {"centre": [None]}}],
)
def test_what_it_does_not_know_is_refused(tree: dict) -> None:
    with pytest.raises(WeightsError, match="unknown of maps over time"):
        OverTime.from_json(tree, "config.json")
