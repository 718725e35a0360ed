"""What all readers do with files: films and numbered pictures as frames, binary maps as fixations, official maps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError, SourceError
from gfsalnet.types import Fixations, Frame, Map, resize_map
from gfsalnet.video import VideoInfo, count_frames, open_source, read_image

_NUMBER_AT_END = re.compile(r"(\d+)$")
_HALF = 127
"""Binary maps are 0 and 255; JPEG-like noise around them is neither."""


def require_folder(folder: Path, layout: str) -> Path:
    """The folder, if it is there.

    Raises:
        DatasetError: if it is not, with `layout` as the remedy.
    """
    if not folder.is_dir():
        raise DatasetError(folder, "there is no such folder", layout)
    return folder


def numbered(folder: Path, suffixes: tuple[str, ...] = (".png", ".jpg", ".jpeg")) -> Mapping[int, Path]:
    """Files of a folder by the number at the end of their names, in order; empty where there is no such folder."""
    try:
        return _numbered(folder, suffixes, folder.stat().st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=8)  # the maps of a video are asked for frame by frame
def _numbered(folder: Path, suffixes: tuple[str, ...], changed_ns: int) -> Mapping[int, Path]:
    found = {}
    for path in folder.iterdir():
        number = _NUMBER_AT_END.search(path.stem)
        if number and path.suffix.lower() in suffixes and not path.name.startswith("."):
            found[int(number[1])] = path
    return dict(sorted(found.items()))


def picture_frames(pictures: Mapping[int, Path], rate: Fraction) -> Iterator[Frame]:
    """Pictures by their 0-based index as frames; a missing number leaves a gap and shifts nothing.

    Raises:
        SourceError: if a picture is damaged.
    """
    for index, path in pictures.items():
        yield Frame(read_image(path), time_seconds=float(index / rate), index=index)


def film_frames(path: Path) -> Iterator[Frame]:
    """The frames of a video file.

    Raises:
        SourceError: if it is missing or damaged; at the end also if frames were lost, since those after them are then
            not the ones that the gaze belongs to.
    """
    with open_source(str(path)) as reader:
        yield from reader
        if reader.report.frames_lost:
            raise SourceError(path, reader.report.damage or "frames are lost", "Copy or download the video again.")


@lru_cache(maxsize=4096)
def film_info(path: Path) -> VideoInfo:
    """What the header of a video or picture file says.

    Raises:
        SourceError: if it is missing or damaged.
    """
    with open_source(str(path)) as reader:
        return reader.info


def film_count(path: Path) -> int:
    """Frames of a video file, counted.

    Raises:
        SourceError: if it is missing or damaged, or frames of it are lost.
    """
    return count_frames(path)


def fixations_of(binary: NDArray[np.bool_]) -> Fixations:
    """The True pixels of a (H, W) binary map as fixations at pixel centres.

    A pixel of column c covers c…c+1; its centre floors back to c, also after mirroring.
    """
    rows, columns = np.nonzero(binary)
    size_wh = (binary.shape[1], binary.shape[0])
    return Fixations(x=centres(columns), y=centres(rows), size_wh=size_wh)


def centres(pixel_numbers: NDArray[np.integer]) -> NDArray[np.float32]:
    """0-based pixel numbers (N,) as coordinates of the pixels' centres."""
    return np.asarray(pixel_numbers + 0.5, dtype=np.float32)


def grouped_rows(group_of: NDArray[np.integer], count: int) -> list[NDArray[np.intp]]:
    """For each of `count` groups (frames, videos) the rows of a table that belong to it, in the table's order.

    Args:
        group_of: (N,) the group of each row; rows of groups beyond `count` are left out.
        count: how many groups there are.
    """
    order = np.argsort(group_of, kind="stable")
    borders = np.searchsorted(group_of[order], np.arange(count + 1))
    return [order[start:end] for start, end in pairwise(borders)]


def read_binary(path: Path) -> NDArray[np.bool_]:
    """A binary map (H, W), stored as 0 and 255.

    Raises:
        DatasetError: if the file is missing or damaged.
    """
    return _read_grey(path) > _HALF


def read_official_map(path: Path, size_hw: tuple[int, int]) -> Map:
    """A stored grey density map resampled to a size, sums to 1, or all zero where the map is black.

    Raises:
        DatasetError: if the file is missing or damaged.
    """
    return normalised(resize_map(_read_grey(path).astype(np.float32), size_hw))


def normalised(values: Map) -> Map:
    """(H, W) scaled to sum to 1; all zero stays all zero."""
    total = float(values.sum(dtype=np.float64))
    return np.divide(values, total, dtype=np.float32) if total > 0 else values


def _read_grey(path: Path) -> NDArray[np.uint8]:
    remedy = "Copy or download it again."
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DatasetError(path, "there is no such file", remedy) from error
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if grey is None:
        raise DatasetError(path, "it is not an image, or it is damaged", remedy)
    return np.asarray(grey, dtype=np.uint8)
