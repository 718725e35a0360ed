"""`gfsalnet dataset check` and `prepare` as a user runs them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gfsalnet.cli import app


def gfsalnet(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["dataset", *map(str, arguments)])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), np.zeros((30, 40, 3), np.uint8))
    (tmp_path / "fixations.csv").write_text("image,x,y\na,1,2\na,40,2\nb,5,6\n")
    return tmp_path


@pytest.fixture
def hollywood(tmp_path: Path) -> Path:
    """One shot of three frames, the last without a fixation map."""
    for part, count in (("images", 3), ("fixation", 2), ("maps", 3)):
        folder = tmp_path / "testing" / "actioncliptest00001_1" / part
        folder.mkdir(parents=True)
        for frame in range(1, count + 1):
            picture = np.random.default_rng(frame).integers(0, 255, (32, 48), dtype=np.uint8)
            cv2.imwrite(str(folder / f"actioncliptest00001_{frame:05d}.png"), picture)
    return tmp_path


def test_a_whole_folder_is_status_0(pictures: Path) -> None:
    done = gfsalnet("check", "folder", pictures)
    assert done.exit_code == 0, done.stderr
    heading, row = done.stdout.splitlines()[:2]
    assert heading.split() == [
        "split",
        "videos",
        "official",
        "frames",
        "official",
        "with",
        "gaze",
        "fixations",
        "outside",
    ]
    assert row.split() == ["all", "2", "–", "2", "–", "2", "3", "1"]


def test_a_part_of_a_dataset_is_status_1_and_says_what_is_missing(hollywood: Path) -> None:
    done = gfsalnet("check", "Hollywood-2", hollywood)
    assert done.exit_code == 1
    assert "3557 of 3558 videos are missing" in done.stdout
    assert "training: there is no such folder" in done.stdout
    assert "3 pictures, 2 fixation maps, 3 density maps; the frame too many is dropped, none is shifted" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_many_problems_do_not_fill_the_screen(tmp_path: Path) -> None:
    for number in range(601, 640):
        (tmp_path / "annotation" / f"{number:04d}").mkdir(parents=True)
    done = gfsalnet("check", "dhf1k", tmp_path)
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) < 30
    assert "more" in done.stdout


@pytest.mark.parametrize("command", ["check", "prepare"])
@pytest.mark.parametrize(
    ("name", "words"),
    [("dhf1k", ("0001 to 0600", "DHF1K has video/001.AVI"))],
)
def test_a_wrong_root_is_one_line(tmp_path: Path, command: str, name: str, words: tuple) -> None:
    done = gfsalnet(command, name, tmp_path)
    assert done.exit_code == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert all(word in line for word in words)
    assert "Traceback" not in done.stderr


def test_prepare_caches_flow_and_goes_on_where_it_was(hollywood: Path) -> None:
    for _ in range(2):
        done = gfsalnet("prepare", "hollywood-2", hollywood, "--flow", "dis-ultrafast", "--workers", 1)
        assert done.exit_code == 0, done.stderr
        assert "1 of 1 video prepared: 0 frames extracted, 2 flow fields in the cache" in done.stdout
    assert len(list((hollywood / "flow-cache").rglob("*.flow"))) == 2


def test_prepare_extracts_films_where_training_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "fixations.csv").write_text("video,frame,x,y\nclip,0,1,1\n")
    film = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (48, 32))
    for grey in (10, 20, 30):
        film.write(np.full((32, 48, 3), grey, np.uint8))
    film.release()
    done = gfsalnet("prepare", "folder", tmp_path, "--flow", "none", "--workers", 1)
    assert "nothing to prepare: pictures are read as they are, videos are extracted with --frames" in done.stdout
    done = gfsalnet("prepare", "folder", tmp_path, "--frames", "--flow", "none", "--workers", 1)
    assert done.exit_code == 0, done.stderr
    assert "1 of 1 video prepared: 3 frames extracted, 0 flow fields in the cache" in done.stdout
    assert len(list((tmp_path / "frames" / "clip").iterdir())) == 3


def test_prepare_names_what_fails(hollywood: Path) -> None:
    next((hollywood / "testing" / "actioncliptest00001_1" / "images").iterdir()).write_bytes(b"junk")
    done = gfsalnet("prepare", "hollywood-2", hollywood, "--workers", 1)
    assert done.exit_code == 1
    assert "error: actioncliptest00001_1" in done.stderr
    assert "0 of 1 video prepared" in done.stdout


def test_prepare_has_nothing_to_do_for_pictures(pictures: Path) -> None:
    done = gfsalnet("prepare", "folder", pictures)
    assert done.exit_code == 0
    assert "nothing to prepare" in done.stdout


def test_help_and_wrong_commands(tmp_path: Path) -> None:
    assert "NAME" in gfsalnet("check", "--help").stdout
    assert gfsalnet("prepare", "folder", tmp_path, "--workers", 0).exit_code == 2
    assert gfsalnet("prepare", "folder", tmp_path, "--flow", "guess").exit_code == 2
    assert gfsalnet("dance").exit_code == 2


@pytest.mark.slow
def test_compose_writes_clips_that_are_read_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "photos" / "images").mkdir(parents=True)
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / "photos" / "images" / f"{name}.png"), rng.integers(0, 255, (90, 120, 3), np.uint8))
    rows = [f"{name},{x},{y}" for name in ("a", "b") for x, y in rng.integers(10, 80, (9, 2))]
    (tmp_path / "photos" / "fixations.csv").write_text("\n".join(["image,x,y", *rows]))
    done = gfsalnet("compose", tmp_path / "clips", tmp_path / "photos", "--clips", 2, "--frames", 3)
    assert done.exit_code == 0, done.stderr
    assert "2 clips of 3 frames" in done.stdout
    checked = gfsalnet("check", "folder", tmp_path / "clips")
    assert checked.exit_code == 0, checked.stdout
    again = gfsalnet("compose", tmp_path / "clips", tmp_path / "photos", "--clips", 2, "--frames", 3)
    assert again.exit_code == 1
    assert "is there already" in again.stderr


def test_shard_writes_what_is_read_back_and_goes_on(pictures: Path, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    done = gfsalnet("shard", "folder", pictures, shards)
    assert done.exit_code == 0, done.stderr
    assert "2 pictures, 1 tar file written" in done.stdout
    assert 'dataset = "shards"' in done.stdout
    assert gfsalnet("check", "shards", shards).exit_code == 0
    assert "0 tar files written" in gfsalnet("shard", "folder", pictures, shards).stdout
