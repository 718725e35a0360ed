"""The file of areas: both forms are read alike, and what makes no sense is refused with its place."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gfsalnet.areas import check_fit, never_shown, read_areas
from gfsalnet.errors import AreasError

BOX = {"time_seconds": 0, "box": [0.1, 0.2, 0.3, 0.4]}


def written(tmp_path: Path, *areas: Any) -> Path:
    path = tmp_path / "areas.json"
    path.write_text(json.dumps({"areas": list(areas)}))
    return path


def area(**changed: Any) -> dict[str, Any]:
    return {"name": "logo", "units": "share", "keyframes": [BOX], **changed}


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "areas.csv"
    path.write_text(text)
    return path


def test_an_area_is_linear_between_its_keyframes_and_held_outside_them(tmp_path: Path) -> None:
    keyframes = [
        {"time_seconds": 2, "box": [10, 20, 30, 40]},
        {"time_seconds": 4, "polygon": [[20, 20], [60, 20], [60, 40], [20, 40]]},
    ]
    (logo,) = read_areas(written(tmp_path, area(units="pixels", keyframes=keyframes, from_seconds=1, to_seconds=9)))
    assert logo.corners_at(0, (100, 100))[:, 0].tolist() == [10, 30, 30, 10]
    assert logo.corners_at(2.5, (100, 100))[:, 0].tolist() == [12.5, 37.5, 37.5, 12.5]
    assert logo.corners_at(9, (100, 100))[:, 0].tolist() == [20, 60, 60, 20]
    assert [logo.is_shown(time) for time in (0.9, 1, 8.9, 9)] == [False, True, True, False]
    assert logo.moves


def test_shares_are_of_width_and_height(tmp_path: Path) -> None:
    (logo,) = read_areas(written(tmp_path, area()))
    np.testing.assert_allclose(logo.corners_at(0, (200, 50)), [[20, 10], [60, 10], [60, 20], [20, 20]])


def test_a_table_says_the_same(tmp_path: Path) -> None:
    rows = (
        "name;units;time_seconds;x0;y0;x1;y1;polygon;to_seconds\n"
        "ball;pixels;0;1;2;3;4;;5,5\n"
        'post;pixels;;;;;;"1 1; 9 1; 5 9";\n'
        "ball;;1,5;2;3;4;5;;\n"
    )
    ball, post = read_areas(table(tmp_path, rows))
    assert (ball.name, ball.to_seconds, len(ball.keyframes)) == ("ball", 5.5, 2)
    assert ball.keyframes[1].time_seconds == 1.5
    assert post.keyframes[0].corners.tolist() == [[1, 1], [9, 1], [5, 9]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": " "}, "area 1 has no name"),
        ({"units": "percent"}, "has the units 'percent'"),
        ({"units": None}, "has the units None"),
        ({"keyframes": []}, "has no keyframes"),
        ({"keyframe": []}, "Did you mean keyframes"),
        ({"keyframes": [{"time_seconds": -1, "box": [0, 0, 1, 1]}]}, "time_seconds is -1"),
        ({"keyframes": [{"box": [0, 0, 1, 1]}]}, "has no time_seconds"),
        ({"keyframes": [BOX, BOX]}, "keyframe 2 is at 0 s, not after"),
        ({"keyframes": [{"time_seconds": 0, "box": [0.5, 0, 0.2, 1]}]}, "has no width or height"),
        ({"keyframes": [{"time_seconds": 0, "box": [0, 0, 1]}]}, "no list of four numbers"),
        ({"keyframes": [{"time_seconds": 0, "box": [0, 0, 1, float("nan")]}]}, "no list of four numbers"),
        ({"keyframes": [{"time_seconds": 0, "polygon": [[0, 0], [1, 1]]}]}, "three or more points"),
        ({"keyframes": [{"time_seconds": 0, "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}]}, "crosses itself"),
        ({"keyframes": [{"time_seconds": 0}]}, "needs a box or a polygon"),
        ({"keyframes": [{"time_seconds": 0, "box": [0, 0, 640, 360]}]}, "in shares of the frame, but reaches 640"),
        ({"units": "pixels"}, "in pixels, but none of its numbers is above 1"),
        ({"from_seconds": 3, "to_seconds": 3}, "ends at 3 s, before or when it begins"),
        (
            {"keyframes": [BOX, {"time_seconds": 1, "polygon": [[0, 0], [1, 0], [1, 1]]}]},
            "keyframe 2 has 3 corners, the first keyframe 4",
        ),
        (
            {"keyframes": [BOX, {"time_seconds": 1, "polygon": [[0.3, 0.2], [0.1, 0.2], [0.1, 0.4], [0.3, 0.4]]}]},
            "folds over between 0 s and 1 s",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(AreasError) as caught:
        read_areas(written(tmp_path, area(**changed)))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it lacks the column name"),
        ("name,units,x0,y0,x1,y1\n", "it holds no areas"),
        ("name,unit,x0,y0,x1,y1\na,share,0,0,1,1\n", "unknown column 'unit'"),
        ("name,units,x0,y0,x1,y1\na,share,0,0,1,1\na,share,0,0,1,1\n", "row 3 is at 0 s, not after"),
        ("name,units,x0,y0,x1,y1\na,share,0,0,one,1\n", "row 2: x1 holds something else than numbers: 'one'"),
        ("name,units,x0,y0,x1,y1\na,share,0,0,,1\n", "row 2: its box is no list of four numbers"),
        ("name,units,x0,y0,x1,y1,time_seconds\na,share,0,0,1,1,0\na,pixels,0,0,1,1,1\n", "row 3: units of a is pixels"),
        ("name,units,polygon\na,share,0 0; 1 0; one 1\n", "row 2: its polygon is"),
    ],
)
def test_wrong_rows_are_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(AreasError) as caught:
        read_areas(table(tmp_path, text))
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", '{"areas": 3}', '{"areas": [', "[" * 100_000, '{"areas": [3]}'])
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "areas.json"
    path.write_text(text)
    with pytest.raises(AreasError):
        read_areas(path)
    with pytest.raises(AreasError, match="no such file"):
        read_areas(tmp_path / "nothing.json")


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AreasError, match=r"area 2 \(logo\) has the name 'logo', as area 1"):
        read_areas(written(tmp_path, area(), area()))


def test_what_can_never_be_seen_is_refused_and_what_is_cut_is_noted(tmp_path: Path) -> None:
    def fit(**changed: Any) -> list[str]:
        path = written(tmp_path, area(**changed))
        return check_fit(read_areas(path), path, (640, 360), 10.0)

    assert fit() == []
    assert fit(keyframes=[{"time_seconds": 0, "box": [0, 0, 1, 1]}]) == []
    with pytest.raises(AreasError, match="begins at 10 s, but the video ends"):
        fit(from_seconds=10)
    outside = {"time_seconds": 0, "box": [1.1, 0, 1.4, 1]}
    with pytest.raises(AreasError, match="outside the frame of 640x360"):
        fit(keyframes=[outside])
    (moved,) = fit(keyframes=[outside, {"time_seconds": 5, "box": [0.1, 0, 0.4, 1]}])
    assert "at 1 of its keyframes it lies partly outside" in moved
    (late,) = fit(keyframes=[BOX, {**BOX, "time_seconds": 12}])
    assert "1 of its keyframes are later than the end" in late
    assert "to_seconds is 30" in fit(to_seconds=30)[0]


def test_what_is_shown_at_no_time_of_a_part_is_noted(tmp_path: Path) -> None:
    areas = read_areas(written(tmp_path, area(from_seconds=2, to_seconds=4)))
    assert never_shown(areas, (None, None)) == never_shown(areas, (3.0, 9.0)) == never_shown(areas, (None, 2.1)) == []
    for part in ((4.0, None), (None, 2.0)):
        (note,) = never_shown(areas, part)
        assert "it is shown from 2 s to 4 s, and at no time that is measured" in note


def test_a_thousand_areas_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, *(area(name=f"area {number}") for number in range(1000)))
    assert [found.name for found in read_areas(path)] == [f"area {number}" for number in range(1000)]


@pytest.mark.slow
def test_a_box_in_every_frame_is_read_in_time_that_grows_with_their_number(tmp_path: Path) -> None:
    took = []
    for count in (1000, 8000):
        keyframes = [{"time_seconds": index / 25, "box": [index, 0, index + 9, 9]} for index in range(count)]
        path = tmp_path / "areas.json"
        path.write_text(json.dumps({"areas": [{"name": "a", "units": "pixels", "keyframes": keyframes}]}))
        began = time.process_time()
        assert len(read_areas(path)[0].keyframes) == count
        took.append(time.process_time() - began)
    assert took[1] < 30 * took[0]  # with the square of it, 64 times
