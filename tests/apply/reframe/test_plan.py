"""What is shown of a shot: still, moving or whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gfsalnet.apply.reframe.aspect import Crop
from gfsalnet.apply.reframe.path import PathSettings
from gfsalnet.apply.reframe.plan import PlanSettings, plan_shot
from gfsalnet.apply.reframe.shots import Shot
from gfsalnet.areas import Area, read_areas

CROP = Crop((640, 360), (202, 360))
CELLS = 64


def shot(centres: np.ndarray, times: np.ndarray | None = None, width: float = 0.05) -> Shot:
    """Looks around `centres`, 0…1 of the frame, one for each frame; 10 a second."""
    times = np.arange(len(centres)) / 10 if times is None else times
    cells = (np.arange(CELLS) + 0.5) / CELLS
    looks = np.exp(-(((cells - np.asarray(centres)[:, None]) / width) ** 2) / 2)
    looks /= looks.sum(axis=1, keepdims=True)
    return Shot(np.arange(len(times)), times, float(times[-1] + 0.1), looks.astype(np.float32))


def middle(starts: np.ndarray) -> np.ndarray:
    return (starts + CROP.length / 2) / CROP.side


def areas(tmp_path: Path, *boxes: list[float], **more: float) -> list[Area]:
    entries = [
        {"name": f"a{n}", "units": "share", "keyframes": [{"time_seconds": 0, "box": box}], **more}
        for n, box in enumerate(boxes)
    ]
    (tmp_path / "areas.json").write_text(json.dumps({"areas": entries}))
    return read_areas(tmp_path / "areas.json")


def test_looks_that_rest_are_given_a_crop_that_rests() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 40)
    view = plan_shot(shot(0.3 + noise), CROP)
    assert view.view == "still"
    assert np.ptp(view.starts) == 0
    assert view.starts[0] == round(view.starts[0])  # whole pixels: nothing is interpolated
    assert middle(view.starts)[0] == pytest.approx(0.3, abs=0.05)
    assert view.kept_share > 0.97
    assert view.way_lengths == 0


def test_looks_that_travel_are_followed_smoothly_and_within_the_limit() -> None:
    centres = np.concatenate([np.full(20, 0.2), np.linspace(0.2, 0.8, 40), np.full(20, 0.8)])
    view = plan_shot(shot(centres), CROP)
    assert view.view == "moving"
    assert np.abs(middle(view.starts) - np.clip(centres, 0.158, 0.842)).max() < 0.12
    speeds = np.abs(np.diff(view.starts)) * 10 / CROP.length
    assert speeds.max() <= PathSettings().most_speed * 1.02  # positions are whole pixels
    assert (np.diff(view.starts) >= -1e-9).all()
    assert np.abs(np.diff(speeds)).max() < 0.15  # it starts and stops softly


def test_a_limit_of_zero_forbids_motion() -> None:
    still = PlanSettings(path=PathSettings(most_speed=0), whole_below=0)
    view = plan_shot(shot(np.linspace(0.2, 0.8, 60)), CROP, (), still)
    assert view.view == "still"
    assert middle(view.starts)[0] == pytest.approx(0.5, abs=0.2)


def test_a_glance_aside_moves_nothing() -> None:
    centres = np.full(60, 0.3)
    centres[30:32] = 0.8
    assert plan_shot(shot(centres), CROP).view == "still"


def test_split_attention_is_shown_whole_unless_told_otherwise() -> None:
    left, right = shot(np.full(30, 0.1)), shot(np.full(30, 0.9))
    middle_too = shot(np.full(30, 0.5))
    looks = (left.marginals + right.marginals + middle_too.marginals) / 3
    split = Shot(left.indices, left.times_seconds, left.end_seconds, looks)
    view = plan_shot(split, CROP)
    assert (view.view, round(view.kept_share, 2)) == ("whole", 0.33)
    assert plan_shot(split, CROP, (), PlanSettings(whole_below=0)).view == "still"


def test_areas_stay_in_view_while_they_are_shown(tmp_path: Path) -> None:
    looks = shot(np.full(120, 0.2))
    view = plan_shot(looks, CROP, areas(tmp_path, [0.7, 0.1, 0.8, 0.3], from_seconds=5, to_seconds=7))
    at = view.starts[54:66]
    assert (at <= 0.7 * 640).all()
    assert (at + CROP.length >= 0.8 * 640 - 1).all()
    assert middle(view.starts)[[0, -1]] == pytest.approx([0.2, 0.2], abs=0.05)


def test_areas_that_do_not_fit_together_show_the_shot_whole(tmp_path: Path) -> None:
    far_apart = areas(tmp_path, [0.0, 0, 0.1, 1], [0.9, 0, 1.0, 1])
    view = plan_shot(shot(np.full(30, 0.5)), CROP, far_apart)
    assert (view.view, view.areas_lost) == ("whole", True)
    cropped = plan_shot(shot(np.full(30, 0.5)), CROP, far_apart, PlanSettings(whole_below=0))
    assert (cropped.view, cropped.areas_lost) == ("still", True)


@pytest.mark.parametrize("times", [np.array([0.0]), np.array([0.0, 0.02, 3.0, 3.01]), np.array([5.0, 9.0])])
def test_few_frames_and_uneven_times(times: np.ndarray) -> None:
    view = plan_shot(shot(np.full(len(times), 0.7), times), CROP)
    assert view.view == "still"
    assert middle(view.starts)[0] == pytest.approx(0.7, abs=0.05)


def test_a_frame_that_stays_counts_as_long_as_it_stays() -> None:
    times = np.array([0.0, 0.05, 0.1, 0.15, 20.0])
    still = PlanSettings(path=PathSettings(most_speed=0))
    view = plan_shot(shot(np.array([0.2, 0.2, 0.2, 0.8, 0.8]), times), CROP, (), still)
    assert middle(view.starts)[0] == pytest.approx(0.8, abs=0.06)


def test_a_crop_of_the_whole_frame_has_nowhere_to_go() -> None:
    view = plan_shot(shot(np.linspace(0, 1, 20)), Crop((640, 360), (640, 360)))
    assert (view.view, view.kept_share) == ("still", pytest.approx(1))


@pytest.mark.slow
def test_an_hour_without_a_cut_is_planned() -> None:
    times = np.arange(0, 3600, 0.2)
    centres = 0.5 + 0.3 * np.sin(times / 9)
    view = plan_shot(shot(centres, times), CROP)
    assert view.view == "moving"
    assert view.kept_share > 0.9
