"""What several readers need: binary maps as fixations, official density maps, rows of a table by frame."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.formats.door import AGAIN
from gfsalnet.gaze.maps import gaze_density
from gfsalnet.maps import Map, resize_map
from gfsalnet.types import Fixations
from gfsalnet.video.pictures import read_picture

_HALF = 127
"""Binary maps are 0 and 255; JPEG-like noise around them is neither."""


def require_folder(folder: Path, layout: str) -> Path:
    """The folder, checked.

    Raises:
        DatasetError: if it does not exist, with `layout` as the remedy.
    """
    if not folder.is_dir():
        raise DatasetError(folder, "there is no such folder", layout)
    return folder


def fixations_of(binary: NDArray[np.bool_]) -> Fixations:
    """The True pixels of a (H, W) binary map as fixations at pixel centres.

    A pixel of column c covers c…c+1; its centre floors back to c, also after mirroring.
    """
    rows, columns = np.nonzero(binary)
    size_wh = (binary.shape[1], binary.shape[0])
    # Row-major: the second axis is x.
    return Fixations(x=centres(columns), y=centres(rows), size_wh=size_wh)


def centres(pixel_numbers: NDArray[Any]) -> NDArray[np.float32]:
    """0-based pixel numbers (N,) as coordinates of the pixels' centres."""
    return np.asarray(pixel_numbers + 0.5, dtype=np.float32)


def grouped_rows(group_of: NDArray[np.integer], count: int) -> list[NDArray[np.intp]]:
    """The rows of each of `count` groups (frames, videos), in the table's order.

    Args:
        group_of: (N,) the group of each row; rows of groups from `count` on are left out.
        count: how many groups there are.
    """
    order = np.argsort(group_of, kind="stable")  # stable: rows of a group keep their order
    borders = np.searchsorted(group_of[order], np.arange(count + 1))
    return [order[start:end] for start, end in pairwise(borders)]


def viewer_points(rows: NDArray[np.float64], size_wh: tuple[int, int]) -> Fixations:
    """The points of viewers on one frame.

    Args:
        rows: (N, 4) of frame, viewer, x, y in pixels.
        size_wh: of the picture.
    """
    x, y = rows[:, 2].astype(np.float32), rows[:, 3].astype(np.float32)
    return Fixations(x=x, y=y, size_wh=size_wh, subject=rows[:, 1].astype(np.int64))


def read_binary(path: Path) -> NDArray[np.bool_]:
    """A binary map (H, W), stored as 0 and 255, or as 0 and 1.

    Raises:
        DatasetError: if the file is missing or damaged.
    """
    grey = _read_grey(path)
    return grey > (_HALF if grey.max() > 1 else 0)


def read_official_map(path: Path, size_hw: tuple[int, int]) -> Map:
    """A stored grey density map resampled to a size, sums to 1, or all zero where the map is black.

    Raises:
        DatasetError: if the file is missing or damaged.
    """
    return gaze_density(resize_map(_read_grey(path).astype(np.float32), size_hw))


def _read_grey(path: Path) -> NDArray[np.uint8]:
    grey = read_picture(path, cv2.IMREAD_GRAYSCALE, DatasetError, AGAIN)
    return np.asarray(grey, dtype=np.uint8)
