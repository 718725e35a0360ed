"""benchmarks/recorded_gaze.py scores as the program does that judges: on a real clip, to the last digits."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def module_at(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


ours = module_at(BENCHMARKS / "recorded_gaze.py")


@pytest.mark.shared
@pytest.mark.parametrize(
    "place", ["ved100/BasketballPass", pytest.param("billiards/billiards_01", marks=pytest.mark.slow)]
)
def test_scores_are_those_of_the_reference(place: str, shared_dir: Path, tmp_path: Path) -> None:
    reference = module_at(shared_dir / "metrics" / "eval_video.py")
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).symlink_to(shared_dir / "data/video_dev" / place)
    shown = list(ours.video_frames(tmp_path))
    rng = np.random.default_rng(3)
    maps = rng.random((shown[-1].index + 1, 30, 40)) ** 4
    expected = reference.clip_scores(
        tmp_path / place, {"model": maps}, place.split("/")[0], 10, np.random.default_rng(0)
    )
    found = []
    for frame in shown:
        values = ours.scored_size(maps[frame.index], frame.size_hw)
        second = frame.second_half
        half = ours.scores(values, frame, frame.density(second), second)
        found.append((ours.scores(values, frame, frame.density()), half))
    np.testing.assert_allclose(np.mean(found, 0), expected["model"], rtol=1e-6)
    viewers = [
        ours.scores(ours.of_viewers(f, ~f.second_half), f, f.density(f.second_half), f.second_half) for f in shown
    ]
    np.testing.assert_allclose(np.mean(viewers, 0), expected["human half"][1], rtol=1e-6)


def test_sets_of_one_clip_count_together() -> None:
    rows = {"a/1": np.array([1.0]), "a/2": np.array([3.0]), "b/1": np.array([5.0]), "c/1": np.array([7.0])}
    means = ours.set_means(rows)
    assert {name: float(value[0]) for name, value in means.items()} == {"a": 2, "single": 6, "mean": 4}
    assert set(ours.set_means({"osie": np.array([1.0]), "crowd": np.array([2.0])})) == {"osie", "crowd", "mean"}
