"""What a folder holds: videos, pictures that are the frames of one video, or pictures of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gfsalnet.choices import FolderAs
from gfsalnet.video.files import is_image, is_video
from gfsalnet.video.image_header import file_size_wh

MAX_MEAN_STEP = 100
"""Numbers further apart on average are times or serial numbers, and not those of frames."""
NAMES_LISTED = 3


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """The files of a folder that count, and those that do not."""

    kind: FolderAs
    paths: Sequence[Path]
    """The frames of one video in order if `kind` is `frames`; otherwise each is a source."""
    left_out: Sequence[Path]
    """Videos and pictures that are not among `paths`."""


def sort_out(files: Sequence[Path], folder_as: FolderAs | None = None) -> Holdings:
    """Tell what the files of a folder are.

    Where there is a video, pictures are posters and the like, and left out. Without one, pictures of one size whose
    names differ in one number are frames; other pictures are sources of their own.

    Args:
        files: in natural order.
        folder_as: what to take them for instead.
    """
    videos, pictures = [path for path in files if is_video(path)], [path for path in files if is_image(path)]
    kind = folder_as or _kind(videos, pictures)
    paths, left_out = (videos, pictures) if kind == "videos" else (pictures, videos)
    return Holdings(kind=kind, paths=paths, left_out=left_out)


def _kind(videos: Sequence[Path], pictures: Sequence[Path]) -> FolderAs:
    if videos:
        return "videos"
    are_frames = len(pictures) > 1 and frame_numbers(pictures) is not None and are_of_one_size(pictures)
    return "frames" if are_frames else "pictures"


def frame_numbers(paths: Sequence[Path]) -> list[int] | None:
    """The numbers that tell pictures apart, if their names differ in nothing else; None if they do.

    >>> frame_numbers([Path("cam2_0009.png"), Path("cam2_0010.png")])
    [9, 10]
    >>> frame_numbers([Path("beach.jpg"), Path("dog.jpg")])
    """
    # Texts and numbers alternate, so equal positions can be compared from name to name.
    names = [re.split(r"([0-9]+)", path.stem) for path in paths]
    columns = list(zip(*names, strict=True)) if len({len(parts) for parts in names}) == 1 else []
    texts, digits = columns[::2], columns[1::2]
    differing = [column for column in digits if len(set(map(int, column))) > 1]
    # Two numbers that change (scene and take) do not count the frames of one video.
    if len(differing) > 1 or any(len(set(column)) > 1 for column in texts):
        return None
    numbers = [int(text) for column in (differing or digits[-1:]) for text in column]
    return numbers if len(set(numbers)) == len(paths) else None


def frame_positions(paths: Sequence[Path]) -> tuple[list[int], str | None]:
    """Where each picture stands in its video, the first at 0, and what is to be said of it.

    A missing number is a missing frame: the others keep their places. Pictures without numbers follow each other.
    """
    in_order, numbers = list(range(len(paths))), frame_numbers(paths)
    if numbers is None or numbers != sorted(numbers):
        return in_order, None
    span = numbers[-1] - numbers[0] + 1
    # Numbers such as Unix times would leave a video of hours with a few frames in it.
    if span > MAX_MEAN_STEP * len(paths):
        return in_order, "the numbers of the pictures are far apart: they follow each other at a steady rate"
    positions = [number - numbers[0] for number in numbers]
    missing = span - len(paths)
    if not missing:
        return positions, None
    first = next(at for at, position in enumerate(positions) if at != position) + numbers[0]
    what = f"picture number {first} is" if missing == 1 else f"{missing} picture numbers, the first {first}, are"
    return positions, f"{what} missing: the frames after a gap keep their numbers and times"


def are_of_one_size(paths: Sequence[Path]) -> bool:
    """Whether no header tells of another size; width and height may change places, as EXIF may turn some."""
    sizes = (file_size_wh(path) for path in paths)
    return len({tuple(sorted(size_wh)) for size_wh in sizes if size_wh is not None}) <= 1


def left_out_note(source: str, paths: Sequence[Path]) -> str:
    """One line on the files that are not read."""
    return f"{source}: left out {_names(paths)} (see --folder-as)"


def nameless_note(source: str, paths: Sequence[Path]) -> str:
    """One line on videos whose names have no ending."""
    return f"{source}: left out {_names(paths)}, which may be video but has no ending; named on its own, it is read"


def _names(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - NAMES_LISTED} more" if len(paths) > NAMES_LISTED else ""
    return ", ".join(path.name for path in paths[:NAMES_LISTED]) + more
