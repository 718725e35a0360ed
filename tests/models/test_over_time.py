"""A frame's map: temperature, centre, motion by a gate."""

from __future__ import annotations

import numpy as np
import pytest

from gfsalnet.errors import WeightsError
from gfsalnet.flow import zero_flow
from gfsalnet.flow.scene_motion import SceneMotion
from gfsalnet.maps import FrameMaps, Map
from gfsalnet.models.over_time import MapsOverTime, MotionGate, OverTime, Reading

SIZE_HW = (12, 16)
FIELD = zero_flow(SIZE_HW)


def blob(row: int, column: int, width: float = 2.0) -> Map:
    y, x = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]]
    powers = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    return (powers / powers.sum()).astype(np.float32)


def motion(residual: Map | float, short: Map | None = None) -> SceneMotion:
    values = np.full(SIZE_HW, residual, np.float32) if isinstance(residual, float) else residual
    return SceneMotion(
        values, values if short is None else short, camera_speed=0.0, inlier_share=1.0, field=FIELD, left=FIELD
    )


def share(maps: FrameMaps, of: Map) -> float:
    """How much of the saliency lies where a blob is."""
    return float(maps.saliency[of > of.max() / 2].sum())


def test_without_any_of_it_the_map_stays() -> None:
    maps = MapsOverTime(OverTime(), "video").fused(blob(5, 5), None)
    np.testing.assert_allclose(maps.saliency, blob(5, 5), atol=1e-6)
    assert maps.motion is None
    assert maps.gate is None


def test_still_pictures_and_videos_have_their_own_centre() -> None:
    left = ((1.0, 0.0),)
    how = OverTime(still=Reading(centre=left), video=Reading(temperature=0.5))
    uniform = np.full(SIZE_HW, 1 / 192, np.float32)
    seen = MapsOverTime(how, "still").fused(uniform, None).saliency
    assert seen[:, 0].sum() == pytest.approx(np.e * seen[:, -1].sum(), rel=1e-3)
    assert np.ptp(MapsOverTime(how, "still", centre_strength=0).fused(uniform, None).saliency) < 1e-8
    softer = MapsOverTime(how, "video").fused(blob(5, 5), None).saliency
    np.testing.assert_allclose(softer[5, 5] / softer[5, 9], np.sqrt(blob(5, 5)[5, 5] / blob(5, 5)[5, 9]), rtol=1e-3)


def test_both_streams_and_their_fusion_have_the_same_centre() -> None:
    """So that what is compared is what they see: where neither sees anything all three are the centre."""
    how = OverTime(video=Reading(centre=((0.0, 1.0, 0.0),)), gate=MotionGate(yielding=0))
    uniform = np.full(SIZE_HW, 1 / 192, np.float32)
    maps = MapsOverTime(how, "video").fused(uniform, motion(0.3))
    assert maps.motion is not None
    for density in (maps.saliency, maps.motion):
        np.testing.assert_allclose(density, maps.appearance, atol=1e-6)
    assert maps.saliency[0, 8] > 2 * maps.saliency[0, 0]


@pytest.mark.parametrize("mean", [0.05, 0.3, 0.7, 1.5])
def test_the_law_of_the_gate(mean: float) -> None:
    """What moves draws where little moves; where much moves motion says nothing."""
    how = OverTime(gate=MotionGate(weight=0.7, yielding=0.25))
    residual = blob(3, 12)
    residual *= mean / residual.mean()
    maps = MapsOverTime(how, "video").fused(blob(8, 4, 4.0), motion(residual))
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
    how = OverTime(gate=MotionGate(yielding=0))
    maps = MapsOverTime(how, "video").fused(blob(8, 4), motion(speed))
    np.testing.assert_allclose(maps.saliency, maps.appearance, atol=1e-6)


def test_without_any_motion_the_gate_is_appearances() -> None:
    maps = MapsOverTime(OverTime(gate=MotionGate()), "video").fused(blob(8, 4), motion(0.0))
    assert maps.gate is not None
    assert (maps.gate == 1).all()


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
    assert how.reach_seconds == how.memory.reach_seconds + MotionGate().reach_seconds
    assert OverTime.from_json({"gate": None}, "config.json").gate is None


@pytest.mark.parametrize(
    "tree",
    [
        *({"gates": {}}, {"gate": {"weigth": 1}}, {"gate": {"weight": "1"}}, {"memory": 3}),
        *({"still": {"centre": [None]}}, *({"still": {"areas": areas}} for areas in ([], [0], [1, -1], 1, ["1"]))),
    ],
)
def test_what_it_does_not_know_is_refused(tree: dict) -> None:
    with pytest.raises(WeightsError, match="unknown of maps over time"):
        OverTime.from_json(tree, "config.json")
