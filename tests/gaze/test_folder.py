"""The `folder` reader, on a miniature folder and on the real ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.gaze import GazeFolder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two pictures stored at half size; rows of the table deliberately out of order."""
    (tmp_path / "images").mkdir()
    for name, grey in (("b.png", 60), ("a.png", 200)):
        cv2.imwrite(str(tmp_path / "images" / name), np.full((30, 40, 3), grey, np.uint8))
    np.savez(
        tmp_path / "fixations.npz",
        image_index=np.array([1, 0, 1, 0, 1], np.int32),
        subject=np.array([0, 0, 1, 3, 2], np.int16),
        x=np.array([10, 1, 20, 2, 30], np.float32),
        y=np.array([11, 3, 21, 4, 31], np.float32),
        image_names=np.array(["b.png", "a.png"]),
        original_sizes_wh=np.array([[80, 60], [80, 60]], np.int32),
    )
    return tmp_path


def test_every_picture_gets_its_own_fixations(root: Path) -> None:
    first, second = GazeFolder(root)
    assert first.name == f"{root.name}/b"
    assert first.frame.rgb[0, 0].tolist() == [60, 60, 60]
    assert first.frame.size_hw == (30, 40)
    assert first.fixations.size_wh == (80, 60)
    assert first.fixations.x.tolist() == [1, 2]
    assert first.fixations.subject is not None
    assert first.fixations.subject.tolist() == [0, 3]
    assert second.fixations.y.tolist() == [11, 21, 31]


def test_a_picture_nobody_looked_at_has_no_fixations(root: Path) -> None:
    table = dict(np.load(root / "fixations.npz"))
    rows = table["image_index"] == 0
    for column in ("image_index", "subject", "x", "y"):
        table[column] = table[column][rows]
    np.savez(root / "fixations.npz", **table)
    assert [len(GazeFolder(root).fixations(index)) for index in range(2)] == [2, 0]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / "fixations.npz").unlink(), "no such file"),
        (lambda root: (root / "fixations.npz").write_bytes(b"PK junk"), "not a readable NPZ"),
        (lambda root: np.savez(root / "fixations.npz", x=np.zeros(3)), "lacks image_index, subject, y"),
        (lambda root: (root / "images" / "a.png").unlink(), "1 of 2 photographs are missing, the first is a.png"),
    ],
)
def test_a_damaged_folder_says_what_is_wrong(root: Path, damage, message: str) -> None:
    damage(root)
    with pytest.raises(DatasetError, match=message):
        GazeFolder(root)


def test_columns_of_other_lengths_are_refused(root: Path) -> None:
    table = dict(np.load(root / "fixations.npz"))
    np.savez(root / "fixations.npz", **{**table, "x": table["x"][:2]})
    with pytest.raises(DatasetError, match="differ in length"):
        GazeFolder(root)


def test_a_damaged_picture_is_named(root: Path) -> None:
    (root / "images" / "a.png").write_bytes(b"junk")
    with pytest.raises(SourceError, match=r"a\.png"):
        GazeFolder(root)[1]


@pytest.mark.shared
@pytest.mark.parametrize(("name", "images", "viewers"), [("osie", 600, 15), ("crowd", 430, 16), ("scene", 430, 12)])
def test_the_real_folders(shared_dir: Path, name: str, images: int, viewers: int) -> None:
    gaze = GazeFolder(shared_dir / "data" / name)
    assert len(gaze) == images
    total = sum(len(gaze.fixations(index)) for index in range(images))
    assert total == {"osie": 84224, "crowd": 108588, "scene": 37764}[name]
    subjects = {int(s) for index in range(images) for s in gaze.fixations(index).subject}
    assert len(subjects) <= viewers or name == "scene"
    sample = gaze[3]
    assert sample.frame.size_hw[0] <= sample.fixations.size_wh[1]
