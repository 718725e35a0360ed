"""`gfsalnet aoi`: the numbers come from the maps and the gaze, and nothing is half written."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from command import gfsalnet, one_line_error

from gfsalnet.areas import read_areas
from gfsalnet.video import VideoWriter

AREAS = [
    {"name": "left", "units": "share", "keyframes": [{"time_seconds": 0, "box": [0, 0, 0.5, 1]}]},
    {
        "name": "late",
        "units": "pixels",
        "keyframes": [{"time_seconds": 0, "box": [10, 8, 50, 40]}],
        "from_seconds": 0.2,
    },
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    scenery = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    with VideoWriter(tmp_path / "clip.mp4", size_wh=(64, 48), rate=Fraction(10), time_base=Fraction(1, 1000)) as writer:
        for index in range(5):
            writer.write(np.roll(scenery, index, axis=1), index / 10)
    (tmp_path / "areas.json").write_text(json.dumps({"areas": AREAS}))
    gaze = [["video", "subject", "time_seconds", "x", "y"]]
    gaze += [["clip", who, f"{t / 50:.2f}", x, 20] for who, x in (("A", 5), ("B", 60)) for t in range(25)]
    with (tmp_path / "gaze.csv").open("w", newline="") as file:
        csv.writer(file).writerows(gaze)
    return tmp_path


def test_gaze_that_is_not_there_is_told_before_results_of_other_gaze(folder: Path) -> None:
    assert gfsalnet("aoi", "clip.mp4", "--areas", "areas.json", "--model", "pqft", "--output", "out").exit_code == 0
    done = gfsalnet("aoi", "clip.mp4", "--areas", "areas.json", "--model", "pqft", "--output", "out", "--gaze", "none")
    one_line_error(done, "none: there is no such file or folder")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def aoi(*options: str, areas: str = "areas.json") -> Path:
    done = gfsalnet("aoi", "clip.mp4", "--areas", areas, "--model", "pqft", "--output", "out", *options)
    assert done.exit_code == 0, done.output
    return Path("out/clip/aoi")


def test_the_numbers_are_those_of_the_maps_and_of_the_gaze(folder: Path) -> None:
    found = aoi("--gaze", "gaze.csv", "--save", "npz,video,plots")
    maps = np.load(found / "maps.npz")
    density = maps["density"].astype(np.float64)
    in_left = np.clip(density.shape[2] / 2 - np.arange(density.shape[2]), 0, 1)  # half of a middle column
    shares = (density * in_left).sum(axis=(1, 2)) / density.sum(axis=(1, 2))
    frames = rows(found / "frames.csv")
    assert [float(row["attention_share"]) for row in frames if row["area"] == "left"] == pytest.approx(shares, rel=1e-5)
    assert [row["time_seconds"] for row in frames if row["area"] == "late"] == ["0.2", "0.3", "0.4"]
    left, late = rows(found / "prediction.csv")
    assert float(left["attention_share"]) == pytest.approx(shares.mean(), rel=1e-5)
    assert (left["shown_seconds"], late["shown_seconds"], late["onset_seconds"]) == ("0.5", "0.3", "0.2")
    by_viewer = {(row["area"], row["viewer"]): row for row in rows(found / "viewers.csv")}
    assert (by_viewer["left", "A"]["gaze_share"], by_viewer["left", "B"]["gaze_share"]) == ("1", "0")
    assert by_viewer["left", "A"]["gaze_dwell_seconds"] == "0.5"
    assert by_viewer["left", "B"]["time_to_first_gaze_seconds"] == ""
    assert [row["gaze_share"] for row in rows(found / "comparison.csv")] == ["0.5", "0"]
    if find_spec("matplotlib") is not None:
        assert cv2.imread(str(found / "curves.png")) is not None
    assert [area.name for area in read_areas(found / "areas.json")] == ["left", "late"]


def test_people_alone_and_a_part_of_the_video(folder: Path) -> None:
    assert rows(aoi("--end", "0.1", "--save", "csv") / "prediction.csv")[1]["frames"] == "0"  # shown from 0.2 s on
    found = aoi("--gaze", "gaze.csv", "--people-only", "--start", "0.2", "--save", "parquet", "--overwrite")
    names = {path.name for path in found.iterdir()}
    assert {"viewers.csv", "viewers.parquet", "people.csv", "frames.csv"} <= names
    assert not {"prediction.csv", "comparison.csv", "maps.npz", "aoi.mp4"} & names
    assert [row["exposed_seconds"] for row in rows(found / "viewers.csv") if row["area"] == "left"] == ["0.3", "0.3"]


def test_an_area_is_followed(folder: Path) -> None:
    found = aoi("--follow", "--save", "csv")
    states = [row["state"] for row in rows(found / "frames.csv") if row["area"] == "left"]
    assert states[0] == "drawn"
    assert set(states[1:]) == {"followed"}
    moved = read_areas(found / "areas.json")[1]
    assert len(moved.keyframes) == 5
    assert moved.units == "pixels"


def test_a_picture_is_measured_too(folder: Path) -> None:
    cv2.imwrite("still.png", np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8))
    still = [{**AREAS[0]}]
    Path("still.json").write_text(json.dumps({"areas": still}))
    done = gfsalnet(
        "aoi", "still.png", "--areas", "still.json", "--model", "pqft", "--output", "out", "--save", "video"
    )
    assert done.exit_code == 0, done.output
    assert len(rows(Path("out/still/aoi/frames.csv"))) == 1
    assert Path("out/still/aoi/aoi.png").exists()


def test_results_are_kept_unless_something_changed(folder: Path) -> None:
    aoi("--save", "csv")
    assert (
        "already in"
        in gfsalnet(
            *("aoi", "clip.mp4", "--areas", "areas.json", "--model", "pqft", "--output", "out", "--save", "csv")
        ).output
    )
    other = gfsalnet(
        *[
            "aoi",
            "clip.mp4",
            "--areas",
            "areas.json",
            "--model",
            "pqft",
            "--output",
            "out",
            "--save",
            "csv",
            "--margin",
            "2px",
        ]
    )
    assert other.exit_code == 1
    assert "settings.margin_pixels was 0.0, is 2.0" in other.stderr
    aoi("--save", "csv", "--margin", "2px", "--overwrite")


@pytest.mark.parametrize(
    ("areas", "options", "message"),
    [
        ([{**AREAS[0], "from_seconds": 9}], [], "begins at 9 s, but the video ends at 0.5 s"),
        ([AREAS[0], AREAS[0]], [], "has the name 'left'"),
        (AREAS, ["--gaze", "nothing.csv"], "no such file"),
        (AREAS, ["--gaze", "areas.json"], "areas.json: it has two columns"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    areas: Sequence[object], options: Sequence[str], message: str, folder: Path
) -> None:
    Path("areas.json").write_text(json.dumps({"areas": areas}))
    done = gfsalnet("aoi", "clip.mp4", "--areas", "areas.json", "--model", "pqft", "--output", "out", *options)
    assert done.exit_code == 1
    assert message in done.stderr
    assert not Path("out").exists() or not list(Path("out").rglob("*"))


def test_the_report_shows_the_areas(folder: Path) -> None:
    aoi("--gaze", "gaze.csv", "--save", "csv")
    done = gfsalnet("report", "clip.mp4", "--model", "pqft", "--aoi", "out", "--output", "page.html")
    assert done.exit_code == 0, done.output
    page = Path("page.html").read_text()
    assert "<h3>Areas as measured</h3>" in page
    assert ">late</th>" in page
    assert page.count("data:image/png") >= 1
    drawn = json.loads(page.partition('"areas": ')[2].partition(', "hotSpots"')[0])  # what the player shows at first
    assert drawn == json.loads(Path("out/clip/aoi/areas.json").read_text())["areas"]
    missing = gfsalnet("report", "clip.mp4", "--model", "pqft", "--aoi", "nowhere", "--output", "other.html")
    assert missing.exit_code == 1
    assert "holds no tables of areas" in missing.stderr
