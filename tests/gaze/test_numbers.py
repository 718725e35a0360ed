"""Which frame a numbered file belongs to: gaps, missing beginnings, parts that count differently."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from gfsalnet.errors import DatasetError, GFSalNetError, SourceError
from gfsalnet.gaze import check_dataset, open_dataset
from gfsalnet.gaze.numbers import first_of_parts, frame_numbers, gaps, numbered

SIZE_WH = (24, 16)


@pytest.fixture
def walk(tmp_path: Path):
    """A folder of frames, each as grey as its number says, and a table with x = number + 1 on each of `gaze`."""

    def make(names: list[str], gaze: list[int]) -> Path:
        folder = tmp_path / "walk"
        folder.mkdir()
        for name in names:
            number = int("".join(filter(str.isdigit, name.split(".")[0]))[-4:])
            cv2.imwrite(str(folder / name), np.full((32, 40, 3), 5 * number % 255, np.uint8))
        rows = [f"walk,{frame},{frame + 1},2" for frame in gaze]
        (tmp_path / "fixations.csv").write_text("\n".join(["video,frame,x,y", *rows]))
        return tmp_path

    return make


def seen(root: Path) -> list[tuple[int, int]]:
    """(grey / 5, x - 1) of each frame with gaze: the number in the picture's name, and in the table."""
    samples = open_dataset("folder", root).samples("walk")
    return [(int(sample.frame.rgb[0, 0, 0]) // 5, int(sample.fixations.x[0]) - 1) for sample in samples]


@pytest.mark.parametrize(
    ("names", "gaze", "expected"),
    [
        # A gap, from 0 and from 1, with and without zeros in front.
        ([f"{n:04d}.png" for n in (0, 1, 2, 4, 5)], range(6), [(n, n) for n in (0, 1, 2, 4, 5)]),
        ([f"{n:04d}.png" for n in (1, 2, 3, 5, 6)], range(6), [(n + 1, n) for n in (0, 1, 2, 4, 5)]),
        ([f"f{n}.png" for n in (8, 9, 11, *range(8))], range(12), [(n, n) for n in (*range(10), 11)]),
        # The first is missing, which the table shows: it counts up to the last number.
        ([f"{n:04d}.png" for n in range(1, 6)], range(6), [(n, n) for n in range(1, 6)]),
        # A table that counts as the names do.
        ([f"{n:04d}.png" for n in range(1, 6)], range(1, 6), [(n, n) for n in range(1, 6)]),
        ([f"{n:04d}.png" for n in range(37, 42)], range(37, 42), [(n, n) for n in range(37, 42)]),
        # Every fifth frame of a video.
        ([f"{n:04d}.png" for n in range(0, 25, 5)], [0, 5, 7, 20], [(0, 0), (5, 5), (20, 20)]),
        # Something else is numbered too.
        ([f"clip7_{n:04d}_640.png" for n in (0, 1, 3)], range(4), None),
    ],
)
def test_pictures_are_matched_by_their_numbers(walk, names, gaze, expected) -> None:
    root = walk(names, list(gaze))
    if expected is None:
        assert list(open_dataset("folder", root).pictures("walk")) == [0, 1, 3]
    else:
        assert seen(root) == expected


@pytest.mark.parametrize(
    ("names", "gaze", "message"),
    [
        (["0002.png", "0003.png"], [0, 1], "numbered from 2 to 3, so it is not clear which is frame 0"),
        (["a1.png", "b.png"], [0], r"b\.png has no number in its name"),
        (["1.png", "01.png"], [0], r"01\.png and 1\.png have the same number|1\.png and 01\.png have the same number"),
        (["c1_f1.png", "c2_f2.png"], [0], "several numbers change"),
    ],
)
def test_what_numbers_do_not_tell_is_refused(walk, names, gaze, message) -> None:
    root = walk([name for name in names if name[0] != "b"], gaze)
    if "b.png" in names:
        cv2.imwrite(str(root / "walk" / "b.png"), np.zeros((32, 40, 3), np.uint8))
    with pytest.raises(GFSalNetError, match=message):
        open_dataset("folder", root).gaze("walk")


def test_a_check_counts_what_a_gap_costs(walk) -> None:
    (check,) = check_dataset("folder", walk([f"{n:04d}.png" for n in range(12) if n != 5], list(range(12))))
    assert (check.frames, check.frames_with_gaze, check.fixations) == (11, 11, 11)
    assert check.is_whole
    notes = "\n".join(check.notes)
    assert "of frames 0 to 11, nothing is there of 5" in notes
    assert "1 fixations are on frames without a picture (5, counted from 0)" in notes


@pytest.fixture
def shots(tmp_path: Path, write_png, write_points):
    """Hollywood-2 shots: pictures as grey as their number, the fixated pixel in that column."""

    def make(numbers: dict[str, dict[str, list[int]]], width: int = 5) -> Path:
        for shot, parts in numbers.items():
            folder = tmp_path / "testing" / shot
            for part, held in parts.items():
                for number in held:
                    name = f"{shot.split('_')[0]}_{number:0{width}d}.png"
                    if part == "fixation":
                        write_points(folder / part / name, [(number, 1)], SIZE_WH)
                    else:
                        write_png(folder / part / name, np.full((*SIZE_WH[::-1], 3), number, np.uint8))
        return tmp_path

    return make


def all_parts(numbers: list[int]) -> dict[str, list[int]]:
    return {"images": numbers, "fixation": numbers, "maps": numbers}


@pytest.mark.parametrize("width", [1, 5])
def test_shots_of_hollywood_keep_their_numbers(shots, width: int) -> None:
    """Of the second shot the beginning is missing in every part, and one in the middle."""
    first, second = "actioncliptest00001_1", "actioncliptest00001_2"
    root = shots({first: all_parts([1, 2, 3]), second: all_parts([6, 7, 9])}, width)
    dataset = open_dataset("hollywood-2", root)
    for sample in dataset.samples(second):
        assert int(sample.frame.rgb[0, 0, 0]) == int(sample.fixations.x[0]) == sample.frame.index + 4
    assert list(dataset.pictures(second)) == [2, 3, 5]
    (_, test) = check_dataset("hollywood-2", root)
    assert f"{second}: of frames 0 to 5, nothing is there of 0 to 1, 4" in "\n".join(test.problems)


def test_missing_fixation_and_density_maps_are_named(shots) -> None:
    shot = "actioncliptest00001_1"
    numbers = {"images": [1, 2, 3, 4, 5], "fixation": [1, 2, 4, 5], "maps": [1, 2, 3, 5]}
    root = shots({shot: numbers})
    dataset = open_dataset("hollywood-2", root)
    assert [int(s.fixations.x[0]) for s in dataset.samples(shot)] == [1, 2, 4, 5]
    (_, test) = check_dataset("hollywood-2", root)
    assert "of frames 0 to 4 there are no fixation maps of 2, no density maps of 3" in "\n".join(test.problems)


@pytest.mark.parametrize("start", [0, 1])
def test_trees_that_count_from_0(shots, start: int) -> None:
    root = shots({"actioncliptest00001_1": all_parts(list(range(start, start + 3)))})
    dataset = open_dataset("hollywood-2", root)
    samples = list(dataset.samples("actioncliptest00001_1"))
    assert [(sample.frame.index, int(sample.fixations.x[0])) for sample in samples] == [
        (i, i + start) for i in range(3)
    ]
    density = dataset.density("actioncliptest00001_1", dataset.gaze("actioncliptest00001_1")[2], SIZE_WH[::-1])
    assert density.sum() == pytest.approx(1, abs=1e-5)


def test_parts_that_count_differently_are_refused() -> None:
    assert first_of_parts("x", {"pictures": [1, 2, 3], "maps": [2, 3]}) == 1
    assert first_of_parts("x", {"pictures": [0, 1, 2], "maps": [1, 2]}) == 0
    assert first_of_parts("x", {"pictures": [], "maps": []}) == 1
    with pytest.raises(DatasetError, match="pictures from 0 to 2, maps from 1 to 3"):
        first_of_parts("x", {"pictures": [0, 1, 2], "maps": [1, 2, 3]})


def test_two_files_of_one_number_are_refused(tmp_path: Path, write_png) -> None:
    for name in ("x_001.png", "x_01.png"):
        write_png(tmp_path / name, np.zeros((9, 9), np.uint8))
    with pytest.raises(DatasetError, match=r"x_001\.png and x_01\.png have the same number"):
        numbered(tmp_path)
    with pytest.raises(SourceError, match="have the same number"):
        frame_numbers(tmp_path)


def test_gaps_in_words() -> None:
    assert gaps({0, 1, 2}, 0, 2) == ""
    assert gaps({1, 5}, 0, 6) == "0, 2 to 4, 6"
    assert gaps(set(range(0, 20, 2)), 0, 18).endswith("and more")
