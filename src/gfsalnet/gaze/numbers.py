"""Numbered files: the number in a name says which frame it belongs to, never its place in a listing."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.video.files import is_image, visible_files

_NUMBER_AT_END = re.compile(r"(\d+)$")
_REMEDY = "Name the frames by number, such as 0000.png, 0001.png."


def numbered(folder: Path, suffixes: tuple[str, ...] = (".png", ".jpg", ".jpeg")) -> Mapping[int, Path]:
    """Files of a folder by the number at the end of their names, in order; empty if there is no such folder.

    Raises:
        DatasetError: if two files have one number.
    """
    try:
        # The folder's time is part of the key: files that are added later are found.
        return _numbered(folder, suffixes, folder.stat().st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=32)  # readers ask for the maps of a video frame by frame
def _numbered(folder: Path, suffixes: tuple[str, ...], changed_ns: int) -> Mapping[int, Path]:
    found: dict[int, Path] = {}
    for path in folder.iterdir():
        # At the end of the name, which may have other numbers before it, such as a date or that of the video.
        number = _NUMBER_AT_END.search(path.stem)
        if number and path.suffix.lower() in suffixes and not path.name.startswith("."):
            other = found.setdefault(int(number[1]), path)
            if other is not path:
                names = " and ".join(sorted((other.name, path.name)))
                raise DatasetError(folder, f"{names} have the same number", "Remove one of them.")
    return dict(sorted(found.items()))


def frame_numbers(folder: Path) -> Mapping[int, Path]:
    """The pictures of a folder of frames by the number in their names that counts the frames, in order.

    Raises:
        SourceError: if a name has no number, two have the same, or it is not clear which number counts.
    """
    files = [path for path in visible_files(folder) if is_image(path)]
    found = [[int(digits) for digits in re.findall(r"\d+", path.stem)] for path in files]
    if not all(found):
        raise SourceError(folder, f"{files[found.index([])].name} has no number in its name", _REMEDY)
    # Names with equally many numbers: the one that changes counts the frames, the others name the clip or its size.
    if len({len(numbers) for numbers in found}) == 1:
        columns = list(zip(*found, strict=True))
        changing = [column for column in columns if len(set(column)) > 1] or columns[-1:]
    else:
        # Names of different build: the last number is the only one that they have in common.
        changing = [tuple(numbers[-1] for numbers in found)]
    if len(changing) > 1:
        names = " and ".join(path.name for path in files[:2])
        problem = f"several numbers change in its names ({names}), and it is not clear which counts the frames"
        raise SourceError(folder, problem, _REMEDY)
    numbers = changing[0]
    by_number = dict(sorted(zip(numbers, files, strict=True)))
    if len(by_number) < len(files):
        double = next(number for number in by_number if numbers.count(number) > 1)
        first, second = [path.name for path, number in zip(files, numbers, strict=True) if number == double][:2]
        raise SourceError(folder, f"{first} and {second} have the same number", "Remove one of them.")
    return by_number


def first_of_parts(where: object, parts: Mapping[str, Collection[int]]) -> int:
    """The number that the first frame of a video has in the names of all its parts (pictures, maps, …): 0 or 1.

    Args:
        where: the place that an error names.
        parts: name of a part → the numbers of its files.

    Raises:
        DatasetError: if one part counts from 0 and another from 1, so that their numbers do not tell what belongs
            together.
    """
    filled = {part: (min(numbers), max(numbers)) for part, numbers in parts.items() if numbers}
    starts = {part: first for part, (first, _) in filled.items()}
    # Official numbering starts at 1; a part that starts later lacks its first frames.
    if 0 not in starts.values():
        return 1
    ends = {last for _, last in filled.values()}
    if set(starts.values()) != {0} and len(ends) > 1:
        spans = ", ".join(f"{part} from {first} to {last}" for part, (first, last) in filled.items())
        problem = f"its parts are numbered differently ({spans}), so it is not clear what belongs together"
        raise DatasetError(where, problem, "Number them all from 1.")
    return 0


def first_of_frames(where: object, numbers: Collection[int], frames: NDArray[np.int64] | None) -> int:
    """The number that the first frame of a folder of frames has in its name, whether that picture is there or not.

    Args:
        where: the place that an error names.
        numbers: those in the names of its pictures.
        frames: the frame numbers in the table; None if it has times instead.

    Raises:
        DatasetError: if pictures at the beginning may be missing, and what the table says does not tell.
    """
    first, last = min(numbers), max(numbers)
    if first == 0 or (frames is not None and not len(frames)):
        return first
    if first == 1:
        # A table that counts from 0 never reaches the last number: one that does counts as the names do.
        return 0 if frames is not None and int(frames.max()) == last else 1
    if frames is not None and first <= int(frames.min()) and int(frames.max()) <= last:
        return 0
    problem = f"its pictures are numbered from {first} to {last}, so it is not clear which is frame 0 of the table"
    raise DatasetError(where, problem, "Number the pictures from 0 or 1, or write their numbers in the column frame.")


def gaps(numbers: Collection[int], first: int, last: int) -> str:
    """The numbers missing between two, in words: `5, 7 to 9`; empty if none is."""
    runs: list[list[int]] = []
    for number in range(first, last + 1):
        if number in numbers:
            continue
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = [f"{start}" if start == end else f"{start} to {end}" for start, end in runs[:5]]
    return ", ".join(shown) + (" and more" if len(runs) > 5 else "")
