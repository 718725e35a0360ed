"""UCF-Sports and Hollywood-2 on miniature trees of the official layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.gaze import fixation_map, open_dataset
from gfsalnet.gaze.datasets.ucf_sports import official_videos

SIZE_WH = (24, 16)
POINTS = {1: [(0, 0), (23, 15)], 2: [(5, 9)], 3: []}


@pytest.fixture
def make_video(write_png, write_points):
    """Frames of grey 10·number, the points of POINTS, and maps with all mass in their one lit quarter."""

    def make(folder: Path, stem: str, width: int, numbers: range, start: int = 1) -> None:
        for number in numbers:
            name = f"{stem}_{number:0{width}d}.png"
            write_png(folder / "images" / name, np.full((*SIZE_WH[::-1], 3), 10 * number, np.uint8))
            write_points(folder / "fixation" / name, POINTS[number - start + 1], SIZE_WH)
            density = np.zeros(SIZE_WH[::-1], np.uint8)
            density[:8, :12] = 200
            write_png(folder / "maps" / name, density)

    return make


@pytest.fixture
def ucf(tmp_path: Path, make_video) -> Path:
    make_video(tmp_path / "testing" / "Diving-Side-001", "Diving-Side_001", 3, range(1, 4))
    make_video(tmp_path / "testing" / "Walk-Front-007", "Walk-Front_007", 3, range(1, 4))
    make_video(tmp_path / "training" / "Walk-Front-008", "Walk-Front_008", 3, range(1, 4))
    return tmp_path


def test_the_official_lists() -> None:
    train, test = official_videos("train"), official_videos("test")
    assert (len(train), len(test)) == (103, 47)
    assert not set(train) & set(test)
    assert test == sorted(test)
    assert {"Kicking-Side-010", "Swing-Bench-020"} <= set(train)
    assert {"Golf-Swing-Back-005", "Kicking-Front-006", "Swing-SideAngle-004"} <= set(test)


def test_ucf_is_read_back_to_the_pixel(ucf: Path) -> None:
    dataset = open_dataset("UCF-Sports", ucf)
    assert dataset.split == "test"
    assert dataset.videos == ["Diving-Side-001", "Walk-Front-007"]
    samples = list(dataset.samples("Diving-Side-001"))
    assert [sample.frame.index for sample in samples] == [0, 1, 2]
    assert [int(sample.frame.rgb[0, 0, 0]) for sample in samples] == [10, 20, 30]
    assert samples[0].name == "ucf-sports/Diving-Side-001/000000"
    for sample, points in zip(samples, POINTS.values(), strict=True):
        fixations = sample.fixations
        assert fixations.size_wh == SIZE_WH
        assert sorted(zip(np.floor(fixations.x), np.floor(fixations.y), strict=True)) == sorted(points)
        lit = [(int(column), int(row)) for row, column in np.argwhere(fixation_map(fixations, SIZE_WH[::-1]))]
        assert sorted(lit) == sorted(points)
    assert open_dataset("ucf-sports", ucf, "train").videos == ["Walk-Front-008"]
    assert dataset.sigma_pixels("Diving-Side-001") == 20


def test_the_official_map_is_read_and_replaced_only_where_it_is_missing(ucf: Path) -> None:
    dataset = open_dataset("ucf-sports", ucf)
    gaze = dataset.gaze("Diving-Side-001")
    density = dataset.density("Diving-Side-001", gaze[1], (16, 24))
    assert density[:8, :12] == pytest.approx(1 / 96)
    assert not density[8:].any()
    assert dataset.density("Diving-Side-001", gaze[1], (8, 12)).sum() == pytest.approx(1, abs=1e-6)
    (ucf / "testing" / "Diving-Side-001" / "maps" / "Diving-Side_001_002.png").unlink()
    made = open_dataset("ucf-sports", ucf).density("Diving-Side-001", gaze[1], (16, 24))
    assert np.unravel_index(made.argmax(), made.shape) == (9, 5)


def test_a_missing_frame_shifts_nothing(ucf: Path) -> None:
    folder = ucf / "testing" / "Diving-Side-001"
    (folder / "images" / "Diving-Side_001_001.png").unlink()
    (folder / "fixation" / "Diving-Side_001_003.png").unlink()
    samples = list(open_dataset("ucf-sports", ucf).samples("Diving-Side-001"))
    assert [(sample.frame.index, int(sample.frame.rgb[0, 0, 0])) for sample in samples] == [(1, 20)]
    assert np.floor(samples[0].fixations.x).tolist() == [5]


def test_hidden_files_of_other_systems_are_no_maps(ucf: Path) -> None:
    (ucf / "testing" / "Diving-Side-001" / "fixation" / "._Diving-Side_001_004.png").write_bytes(b"x")
    assert len(open_dataset("ucf-sports", ucf).gaze("Diving-Side-001")) == 3


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: [path.unlink() for path in (folder / "fixation").iterdir()], "holds no fixation maps"),
        (lambda folder: next((folder / "fixation").iterdir()).write_bytes(b""), "not an image"),
        (lambda folder: next((folder / "fixation").iterdir()).write_bytes(b"junk"), "not an image"),
    ],
)
def test_missing_or_damaged_gaze_is_an_error(ucf: Path, damage, message: str) -> None:
    damage(ucf / "testing" / "Diving-Side-001")
    with pytest.raises(DatasetError, match=message):
        open_dataset("ucf-sports", ucf).gaze("Diving-Side-001")


def test_missing_pictures_are_an_error(ucf: Path) -> None:
    for path in (ucf / "testing" / "Diving-Side-001" / "images").iterdir():
        path.unlink()
    with pytest.raises(SourceError, match="holds no pictures"):
        list(open_dataset("ucf-sports", ucf).frames("Diving-Side-001"))


@pytest.mark.parametrize("name", ["ucf-sports", "hollywood-2"])
def test_a_wrong_root_says_what_is_expected(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=r"testing: there is no such folder\. .* has training/ and testing/"):
        open_dataset(name, tmp_path)
    (tmp_path / "testing" / "something").mkdir(parents=True)
    with pytest.raises(DatasetError, match="it holds no"):
        open_dataset(name, tmp_path)


def test_the_shots_of_hollywood_start_at_their_own_first_number(tmp_path: Path, make_video) -> None:
    testing = tmp_path / "testing"
    make_video(testing / "actioncliptest00002_1", "actioncliptest00002", 5, range(1, 4))
    make_video(testing / "actioncliptest00002_2", "actioncliptest00002", 5, range(4, 7), start=4)
    make_video(testing / "actioncliptest00002_10", "actioncliptest00002", 5, range(20, 21), start=20)
    dataset = open_dataset("hollywood2", tmp_path)
    assert dataset.videos == [f"actioncliptest00002_{shot}" for shot in (1, 2, 10)]
    samples = list(dataset.samples("actioncliptest00002_2"))
    assert [(sample.frame.index, int(sample.frame.rgb[0, 0, 0])) for sample in samples] == [(0, 40), (1, 50), (2, 60)]
    assert np.floor(samples[1].fixations.x).tolist() == [5]
    assert dataset.density("actioncliptest00002_2", dataset.gaze("actioncliptest00002_2")[1], (16, 24))[8:].sum() == 0
    (testing / "actioncliptest00002_2" / "images" / "actioncliptest00002_00004.png").unlink()
    frames = list(open_dataset("hollywood2", tmp_path).frames("actioncliptest00002_2"))
    assert [(frame.index, int(frame.rgb[0, 0, 0])) for frame in frames] == [(1, 50), (2, 60)]


def test_frames_and_gaze_in_any_order(tmp_path: Path, make_video) -> None:
    """By index from 0, whatever the numbers; a binary map is read when it is asked for."""
    shot = tmp_path / "testing" / "actioncliptest00002_2"
    make_video(shot, "actioncliptest00002", 5, range(4, 7), start=4)
    (shot / "images" / "actioncliptest00002_00005.png").unlink()
    (shot / "fixation" / "actioncliptest00002_00006.png").write_bytes(b"junk")
    dataset = open_dataset("hollywood2", tmp_path)
    assert {index: path.name for index, path in dataset.pictures(shot.name).items()} == {
        0: "actioncliptest00002_00004.png",
        2: "actioncliptest00002_00006.png",
    }
    gaze = dataset.gaze_by_index(shot.name)
    assert list(gaze) == [0, 1, 2]
    assert (gaze[1].index, np.floor(gaze[1].fixations.x).tolist()) == (1, [5])
    with pytest.raises(DatasetError, match=r"00006\.png"):
        _ = gaze[2]
    assert dataset.frames_folder(shot.name) is None
