"""Maps belong to the frames that their numbers name; what cannot be told is refused, never shifted."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn import Drawn, blob

from gfsalnet.errors import SourceError
from gfsalnet.evaluation.map_files import MapsFolder
from gfsalnet.evaluation.numbering import Matched, VideoFrames, match_maps, numbers_in_names

FRAMES = 30


def match(numbers: Sequence[int] | None, maps: int = 0, first_number: int | None = None, **drawn: int) -> Matched:
    frames = VideoFrames(Drawn(("a",), **{"length": FRAMES, **drawn}), "a", FRAMES - 1)
    return match_maps("maps", len(numbers) if numbers else maps, numbers, frames, first_number)


def frames_of(matched: Matched) -> list[int]:
    """Frame of each map, in the maps' order."""
    return sorted(matched.place, key=lambda index: matched.place[index])


CERTAIN = {
    "all from 0": (range(30), range(30)),
    "all from 1": (range(1, 31), range(30)),
    "from 1, first missing": (range(2, 31), range(1, 30)),
    "from 1, one missing inside": ([*range(1, 15), *range(16, 31)], [*range(14), *range(15, 30)]),
    "from 0, one missing inside": ([*range(14), *range(15, 30)], [*range(14), *range(15, 30)]),
    "from 0, last missing": (range(29), range(29)),
    "from 0, every tenth": ([0, 10, 20], [0, 10, 20]),
    "from 1, the last of every ten": ([10, 20, 30], [9, 19, 29]),
    "from 0, one too many": (range(31), range(30)),
    "from 1, one too many": (range(1, 32), range(30)),
    "a whole set that goes on from another video": (range(501, 531), range(30)),
}


@pytest.mark.parametrize("case", CERTAIN)
def test_numbers_that_leave_no_doubt(case: str) -> None:
    numbers, expected = CERTAIN[case]
    matched = match(list(numbers))
    assert frames_of(matched) == list(expected)
    assert bool(matched.notes) == (list(numbers) not in (list(range(30)), list(range(1, 31))))


def test_a_note_says_which_frames_are_scored() -> None:
    assert "3 maps for 30 frames: of frames 0 to 20 (counted from 0), every 10 frames" in match([0, 10, 20]).notes[0]
    assert "frames 1 to 29" in match(list(range(2, 31))).notes[0]
    assert "with gaps" in match([0, *range(2, 30)]).notes[0]


DOUBTFUL = {
    "from 1 without the last, or from 0 without the first": (
        range(1, 30),
        "first may be number 0 or 1.*--first-number",
    ),
    "from 1 without both ends, or from 0": (range(2, 30), "first may be number 0 or 1"),
    "every tenth, from 1 or from 0": ([1, 11, 21], "first may be number 0 or 1"),
    "as many as frames, but beginning at 2": (range(2, 32), "numbered 2 to 31, the video has 30 frames"),
    "another frame rate, from 0": (range(25), "25 maps are numbered 0 to 24, the video has 30 frames.*frame rate"),
    "two too many": (range(32), "numbered 0 to 31, the video has 30 frames"),
    "other numbers altogether": ([40, 80, 120], "numbered 40 to 120"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_doubt_is_refused_with_the_reason(case: str) -> None:
    numbers, words = DOUBTFUL[case]
    with pytest.raises(SourceError, match=words):
        match(list(numbers))


@pytest.mark.parametrize(("first", "expected"), [(0, range(1, 30)), (1, range(29))])
def test_the_user_may_say_the_first_number(first: int, expected: Sequence[int]) -> None:
    assert frames_of(match(list(range(1, 30)), first_number=first)) == list(expected)


def test_a_first_number_that_cannot_be_is_refused() -> None:
    with pytest.raises(SourceError, match="numbered 0 to 29"):
        match(list(range(30)), first_number=1)


def test_maps_without_numbers_must_be_as_many_as_frames() -> None:
    assert frames_of(match(None, 30)) == list(range(30))
    assert "last map is left out" in match(None, 31).notes[0]
    with pytest.raises(SourceError, match=r"holds 29 maps, the video has 30 frames\..*frame_index"):
        match(None, 29)


def test_a_header_that_only_estimates_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Drawn, "frame_counts", lambda self, video: {"pictures": 29})
    for numbers, maps in ((None, 30), (list(range(1, 31)), 30), (list(range(30)), 30)):
        matched = match(numbers, maps)
        assert frames_of(matched) == list(range(30))
        assert matched.notes == []


def test_an_npz_may_say_which_frames_its_maps_are_of(tmp_path: Path) -> None:
    stack = np.stack([blob(10 + index, 20, 5) for index in range(4)])
    np.savez(tmp_path / "a.npz", maps=stack, frame_index=np.array([0, 2, 3, 4]))
    supplied = MapsFolder(tmp_path).maps(Drawn(("a",)), "a", [0, 1, 2, 4])
    maps = dict(supplied.maps)
    assert list(maps) == [0, 2, 4]
    assert np.array_equal(maps[4], stack[3])
    for wrong in (np.array([0, 0, 1, 2]), np.arange(3), np.array([0.0, 1.0, 2.0, 3.0])):
        np.savez(tmp_path / "a.npz", maps=stack, frame_index=wrong)
        with pytest.raises(SourceError, match="frame_index does not name one frame for each of 4 maps"):
            MapsFolder(tmp_path).maps(Drawn(("a",)), "a", [0])


NAMES: dict[str, tuple[list[str], list[int]]] = {
    "zeros": (["0001", "0002", "0010"], [1, 2, 10]),
    "no zeros": (["frame_9", "frame_10"], [9, 10]),
    "a number that all share": (["video2_0001", "video2_0002"], [1, 2]),
    "a number that all share at the end": (["0001_v2", "0002_v2", "0004_v2"], [1, 2, 4]),
    "the count of all at the end": (["1of30", "2of30"], [1, 2]),
    "twice the same": (["0001_0001", "0002_0002"], [1, 2]),
    "frame and milliseconds": (["0001_40ms", "0002_80ms", "0003_120ms"], [1, 2, 3]),
    "frame and seconds": (["7_t0.96", "8_t1.00", "9_t1.04"], [7, 8, 9]),
    "names that differ": (["a_0001", "b_0002"], [1, 2]),
    "one file": (["clip7_0003"], [3]),
}


@pytest.mark.parametrize("case", NAMES)
def test_which_number_of_a_name_is_the_frame(case: str) -> None:
    names, numbers = NAMES[case]
    assert numbers_in_names(Path("maps"), [Path(f"{name}.png") for name in names]) == numbers


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["0001", "mean"], "mean.png has no number"),
        (["a_1", "b_1"], r"a_1\.png and b_1\.png have the same number"),
        (["1_400", "2_800", "5_2000"], "several numbers change"),
    ],
)
def test_names_that_cannot_be_told(names: list[str], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        numbers_in_names(Path("maps"), [Path(f"{name}.png") for name in names])


def pictures_without(missing: int, first: int) -> Callable[[Drawn, str], dict[int, Path]]:
    return lambda self, video: {index: Path(f"{index + first:04d}.jpg") for index in range(12) if index != missing}


@pytest.mark.parametrize("first", [0, 1])
def test_pictures_of_the_dataset_with_a_gap(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures' own numbers decide, and a stack has a map for each picture that is there."""
    there = [index for index in range(12) if index != 5]
    monkeypatch.setattr(Drawn, "pictures", pictures_without(5, first))
    monkeypatch.setattr(Drawn, "frames_folder", lambda self, video: None)
    monkeypatch.setattr(Drawn, "frame_counts", lambda self, video: {"pictures": 11})
    frames = VideoFrames(Drawn(("a",), length=12), "a", 11)
    for numbers in ([index + first for index in there], None):
        assert frames_of(match_maps("maps", 11, numbers, frames)) == there
    shorter = [index + first for index in there[1:-1]]  # in doubt, were there no pictures
    assert frames_of(match_maps("maps", 9, shorter, frames)) == there[1:-1]
    assert frames_of(match_maps("maps", 12, [index + first for index in range(12)], frames)) == list(range(12))
    with pytest.raises(SourceError, match="holds 12 maps"):
        match_maps("maps", 12, None, frames)


def test_decomposed_names_are_found(tmp_path: Path) -> None:
    name = "Vidéo Ü 1"
    folder = tmp_path / unicodedata.normalize("NFD", name)
    folder.mkdir()
    for index in range(5):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((8, 8), 10 * index, np.uint8))
    assert len(MapsFolder(tmp_path).sequence([unicodedata.normalize("NFC", name)], name)) == 5


@pytest.mark.shared
def test_maps_that_start_late(shared_dir: Path, tmp_path: Path) -> None:
    from gfsalnet.evaluation import EvaluationSettings, evaluate
    from gfsalnet.gaze import open_dataset

    case = shared_dir / "cases" / "maps-start-late"
    if not case.is_dir():
        pytest.skip("the case is not here")
    report = evaluate(
        open_dataset("folder", case / "data", None),
        MapsFolder(case / "maps"),
        EvaluationSettings(metrics=("nss",), humans_every=0),
        tmp_path,
    )
    assert report.prediction is not None
    assert report.prediction.pooled["nss"].value == pytest.approx(16.15, abs=0.05)
    assert report.videos[0].frame_index.tolist() == list(range(1, 30))
