"""AViMoS on a miniature tree: [row, column] with repeats, map videos of ten bits, the split file."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import av
import numpy as np
import pytest

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.gaze import fixation_counts, open_dataset

POINTS = [[[0, 63], [47, 0], [47, 0]], [[10, 20]], []]
"""[row, column]."""


@pytest.fixture
def root(tmp_path: Path, write_video) -> Path:
    split = {"train": ["b.mp4"], "public_test": ["a", "gone"], "private_test": ["c"]}
    (tmp_path / "TrainTestSplit.json").write_text(json.dumps(split))
    write_video(tmp_path / "Videos" / "a.mp4", 3)
    write_video(tmp_path / "Videos" / "b.mp4", 3)
    for part, name in (("FixationsTest/Test", "a"), ("FixationsTrain/Train", "b")):
        folder = tmp_path / part / name
        folder.mkdir(parents=True)
        (folder / "fixations.json").write_text(json.dumps(POINTS))
    map_video(tmp_path / "SaliencyTest" / "Test" / "a.mp4")
    return tmp_path


def map_video(path: Path) -> None:
    """Three frames of ten bits: a step in the second column of eighths, then in the third, …."""
    path.parent.mkdir(parents=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray10le"
        for index in range(3):
            values = np.zeros((48, 64), np.uint16)
            values[:, 8 * index : 8 * index + 8] = 1023 << 6
            frame = av.VideoFrame.from_ndarray(values, format="gray16le").reformat(format="gray10le")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_rows_and_columns_are_read_back_to_the_pixel(root: Path) -> None:
    dataset = open_dataset("AViMoS", root)
    assert (dataset.split, dataset.videos) == ("public_test", ["a"])
    first, second, third = dataset.gaze("a")
    counts = fixation_counts(first.fixations, (48, 64))
    assert counts[0, 63] == 1
    assert counts[47, 0] == 2  # repeats count
    assert (np.floor(second.fixations.x), np.floor(second.fixations.y)) == (20, 10)
    assert len(third.fixations) == 0
    assert [sample.frame.index for sample in dataset.samples("a")] == [0, 1, 2]
    assert open_dataset("avimos", root, "train").videos == ["b"]


def test_the_official_maps_in_any_order(root: Path) -> None:
    dataset = open_dataset("avimos", root)
    gaze = dataset.gaze("a")
    for index in (0, 1, 1, 0, 2):
        density = dataset.density("a", gaze[index], (48, 64))
        assert density.sum() == pytest.approx(1, abs=1e-5)
        inside = density[:, 8 * index : 8 * index + 8]
        assert inside.sum() == pytest.approx(1, abs=1e-3)
        assert inside == pytest.approx(1 / (48 * 8), rel=1e-2)
    sent = pickle.loads(pickle.dumps(dataset))
    assert np.array_equal(sent.density("a", gaze[2], (48, 64)), density)
    without = open_dataset("avimos", root, "train")
    assert without.density("b", without.gaze("b")[1], (48, 64)).argmax() == 10 * 64 + 20
    assert dataset.frame_counts("a") == {"pictures": 3, "fixations": 3, "density maps": 3}


def test_a_map_video_that_is_too_short_or_damaged(root: Path) -> None:
    path = root / "FixationsTest" / "Test" / "a" / "fixations.json"
    path.write_text(json.dumps([*POINTS, [[1, 1]]]))
    dataset = open_dataset("avimos", root)
    gaze = dataset.gaze("a")
    with pytest.raises(DatasetError, match="no frame 3"):
        dataset.density("a", gaze[3], (48, 64))
    (root / "SaliencyTest" / "Test" / "a.mp4").write_bytes(b"junk")
    with pytest.raises(DatasetError, match="cannot be decoded"):
        dataset.density("a", gaze[0], (48, 64))


@pytest.mark.parametrize("content", ["{}", "[[[1, 2], [3]]]", '[[["a", "b"]]]', "[1, 2]", "[[[1"])
def test_damaged_fixations(root: Path, content: str) -> None:
    (root / "FixationsTest" / "Test" / "a" / "fixations.json").write_text(content)
    with pytest.raises(DatasetError, match=r"fixations\.json"):
        open_dataset("avimos", root).gaze("a")


def test_missing_parts(root: Path) -> None:
    (root / "Videos" / "a.mp4").unlink()
    dataset = open_dataset("avimos", root)
    with pytest.raises(SourceError, match=r"does not hold a\.mp4"):
        list(dataset.frames("a"))
    with pytest.raises(DatasetError, match="none of the 1 videos of the split private_test"):
        open_dataset("avimos", root, "private_test")
    (root / "TrainTestSplit.json").write_text('{"train": []}')
    with pytest.raises(DatasetError, match="no list public_test"):
        open_dataset("avimos", root)
    (root / "TrainTestSplit.json").unlink()
    with pytest.raises(DatasetError, match=r"TrainTestSplit\.json: there is no such file\. AViMoS has"):
        open_dataset("avimos", root)
