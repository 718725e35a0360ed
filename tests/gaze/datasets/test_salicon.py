"""SALICON on a miniature tree: 1-based (x, y) of many viewers, in both kinds of MATLAB files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import fixation_map, open_dataset

STEM = "COCO_val2014_000000000042"
VIEWERS = [[(1, 1), (640, 480)], [], [(10, 300)]]
"""(x, y) as MATLAB counts."""


def viewer(points: list[tuple[int, int]]) -> dict[str, np.ndarray]:
    fixations = np.array(points, np.float64).reshape(-1, 2) if points else np.zeros((0, 0))
    return {"location": np.zeros((3, 2)), "timestamp": np.zeros((3, 1)), "fixations": fixations}


@pytest.fixture
def root(tmp_path: Path, write_mat, write_png) -> Path:
    write_png(tmp_path / "images" / f"{STEM}.jpg", np.full((480, 640, 3), 77, np.uint8))
    write_png(tmp_path / "images" / "COCO_test2014_000000000001.jpg", np.zeros((480, 640, 3), np.uint8))
    grey = np.zeros((480, 640), np.uint8)
    grey[:, 320:] = 100
    write_png(tmp_path / "maps" / "val" / f"{STEM}.png", grey)
    write_mat(
        tmp_path / "fixations" / "val" / f"{STEM}.mat",
        image=STEM,
        resolution=np.array([[480.0, 640.0]]),
        gaze=tuple(viewer(points) for points in VIEWERS),
    )
    return tmp_path


def test_fixations_are_read_back_to_the_pixel(root: Path) -> None:
    dataset = open_dataset("SALICON", root)
    assert dataset.videos == [STEM]
    (sample,) = dataset.samples(STEM)
    assert sample.name == f"salicon/{STEM}"
    assert sample.frame.size_hw == (480, 640)
    fixations = sample.fixations
    assert fixations.size_wh == (640, 480)
    assert np.floor(fixations.x).tolist() == [0, 639, 9]
    assert np.floor(fixations.y).tolist() == [0, 479, 299]
    assert fixations.subject.tolist() == [0, 0, 2]
    assert np.argwhere(fixation_map(fixations, (480, 640))).tolist() == [[0, 0], [299, 9], [479, 639]]


def test_the_official_map(root: Path) -> None:
    dataset = open_dataset("salicon", root)
    (gaze,) = dataset.gaze(STEM)
    density = dataset.density(STEM, gaze, (480, 640))
    assert density[:, 320:] == pytest.approx(1 / (480 * 320))
    assert not density[:, :320].any()
    (root / "maps" / "val" / f"{STEM}.png").unlink()
    assert dataset.density(STEM, gaze, (48, 64)).sum() == pytest.approx(1, abs=1e-6)
    assert dataset.frame_counts(STEM) == {"pictures": 1, "fixations": 1, "density maps": 0}


def test_pictures_in_folders_of_their_split(root: Path) -> None:
    (root / "images" / "val").mkdir()
    (root / "images" / f"{STEM}.jpg").rename(root / "images" / "val" / f"{STEM}.jpg")
    (sample,) = open_dataset("salicon", root).samples(STEM)
    assert len(sample.fixations) == 3


def test_the_test_split_has_pictures_only(root: Path) -> None:
    dataset = open_dataset("salicon", root, "test")
    assert len(list(dataset.frames(dataset.videos[0]))) == 1
    with pytest.raises(DatasetError, match="not public"):
        dataset.gaze(dataset.videos[0])


def test_other_keys_and_missing_files(root: Path, write_mat) -> None:
    path = root / "fixations" / "val" / f"{STEM}.mat"
    dataset = open_dataset("salicon", root)
    write_mat(path, resolution=np.array([[480.0, 640.0]]), fixations=np.eye(3))
    with pytest.raises(DatasetError, match="it lacks gaze and holds"):
        dataset.gaze(STEM)
    write_mat(path, resolution=np.array([[480.0, 640.0]]), gaze=({"location": np.zeros((2, 2))},))
    with pytest.raises(DatasetError, match="not a struct with N x 2 fixations"):
        dataset.gaze(STEM)
    path.unlink()
    with pytest.raises(DatasetError, match="there is no such file"):
        dataset.gaze(STEM)


def test_a_wrong_root(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"images: there is no such folder"):
        open_dataset("salicon", tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DatasetError, match="COCO_val2014"):
        open_dataset("salicon", tmp_path)
