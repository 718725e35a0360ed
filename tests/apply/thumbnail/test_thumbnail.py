"""Thumbnails: sharp, bright, focused, spread over the shots; and crops of photographs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.apply.reframe import Aspect, Crop
from gfsalnet.apply.thumbnail import Quality, best_crop, choose, measure, thumbnails
from gfsalnet.files import write_png
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import open_source


def quality(index: int, shot: int = 0, *, sharp: float = 100, bright: float = 0.5, area: float = 0.1) -> Quality:
    return Quality(
        frame_index=index,
        time_seconds=index / 10,
        shot=shot,
        sharpness=sharp,
        brightness=bright,
        contrast=0.2,
        focus_area=area,
    )


def test_each_shot_gives_its_sharpest_frame() -> None:
    frames = [quality(k, k // 20, sharp=900 if k in (7, 31, 52) else 100 + k % 7) for k in range(60)]
    assert {one.quality.frame_index for one in choose(frames, 3)} == {7, 31, 52}


def test_what_is_blurred_dark_or_at_a_cut_comes_last() -> None:
    frames = [quality(k, sharp=100) for k in range(30)]
    frames[10] = quality(10, sharp=900, bright=0.02)
    frames[0] = quality(0, sharp=900)
    frames[14] = quality(14, sharp=300)
    (best,) = choose(frames, 1)
    assert best.quality.frame_index == 14
    assert "sharper than 93% of the clip" in best.reason


def test_of_equally_sharp_frames_the_focused_one_is_taken() -> None:
    frames = [quality(k, area=0.02 if k == 17 else 0.2) for k in range(30)]
    assert choose(frames, 1)[0].quality.frame_index == 17


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (4, 4), (12, 12), (100, 40)])
def test_as_many_as_are_asked_for_and_there_are(count: int, expected: int) -> None:
    frames = [quality(k, k // 10, sharp=k % 13) for k in range(40)]
    found = choose(frames, count)
    assert len({one.quality.frame_index for one in found}) == expected
    assert [one.file for one in found] == [f"{rank}.jpg" for rank in range(1, expected + 1)]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_of_one_long_shot_they_are_well_apart() -> None:
    frames = [quality(k, sharp=k) for k in range(90)]
    times = sorted(one.quality.frame_index for one in choose(frames, 3))
    assert np.diff(times).min() > 10


def test_sharpness_counts_where_viewers_look(draw) -> None:
    rng = np.random.default_rng(0)
    sharp = rng.integers(0, 255, (90, 160, 3), np.uint8)
    left_sharp = np.where(np.arange(160)[None, :, None] < 80, sharp, cv2.GaussianBlur(sharp, (0, 0), 4))
    density = np.zeros((9, 16), np.float32)

    def of(column: int) -> float:
        looks = density.copy()
        looks[4, column] = 1
        return measure([Prediction(frame=Frame(left_sharp.astype(np.uint8)), map_density=looks)])[0].sharpness

    assert of(3) > 5 * of(12)


def test_the_best_crop_is_around_the_looks() -> None:
    density = np.zeros((20, 64), np.float32)
    density[:, 40:44] = 1 / 80
    start, kept = best_crop(density, Crop((640, 200), (200, 200)))
    assert kept == pytest.approx(1)
    assert start + 100 == pytest.approx(420, abs=2)


def test_files_say_what_was_chosen_and_why(encode, draw, model, tmp_path: Path) -> None:
    frames = [cv2.GaussianBlur(draw(100, 45), (0, 0), 3) for _ in range(15)]
    frames[8] = draw(100, 45)
    with open_source(encode("clip.mp4", frames)) as reader:
        result = thumbnails(reader, model, tmp_path / "out", 1, Aspect(1, 1))
    (row,) = csv.DictReader((result.folder / "thumbnails.csv").open(newline=""))
    assert (row["file"], row["frame_index"], row["width"], row["height"]) == ("1.jpg", "8", "90", "90")
    assert "sharper than 100% of the clip" in row["reason"]
    assert row["reason"].endswith(f"shot {row['shot']}")
    picture = cv2.imread(str(result.folder / "1.jpg"))
    assert picture.shape == (90, 90, 3)
    assert picture[45, 100 - int(row["x"])].min() > 240
    assert json.loads((result.folder / "summary.json").read_text())["thumbnails"][0]["kept_share"] > 0.99


def test_a_photograph_is_cropped(draw, model, tmp_path: Path) -> None:
    write_png(tmp_path / "photo.png", draw(130, 45))
    with open_source(tmp_path / "photo.png") as reader:
        result = thumbnails(reader, model, tmp_path / "out", aspect=Aspect(4, 5))
    assert [one.reason for one in result.chosen] == ["the only frame"]
    assert cv2.imread(str(result.folder / "1.jpg")).shape == (90, 72, 3)
