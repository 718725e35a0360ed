"""Maps on disk as a sequence: a folder of pictures or arrays, a stack in one file, a film."""

from __future__ import annotations

import re
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import SourceError
from gfsalnet.evaluation.sources import AnyMap
from gfsalnet.video import open_source

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".exr")
FILMS = (".mp4", ".avi", ".mkv", ".mov", ".webm")
SEQUENCE_SUFFIXES = (".npz", ".npy", *FILMS, *PICTURES)

GREY_TOLERANCE = 6
"""Of 255: how far the channels of a grey picture may lie apart after lossy compression."""


class MapSequence(ABC):
    """The maps of one video, in order."""

    def __init__(self, where: Path) -> None:
        self.where = where

    @abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abstractmethod
    def read(self, indices: Sequence[int]) -> Iterator[tuple[int, AnyMap]]:
        """The maps at ascending positions: (position, (h, w) map).

        Raises:
            SourceError: if one cannot be read or is no map.
        """


def open_sequence(place: Path) -> MapSequence:
    """The maps in a folder or file, see `map_files` for the layouts.

    Raises:
        SourceError: if there are none, or they cannot be read.
    """
    if place.is_dir():
        for inner in (place / "maps.npz", place / "maps"):
            if inner.exists():
                return open_sequence(inner)
        files = _frame_files(place)
        return open_sequence(files[0]) if len(files) == 1 else MapFiles(place, _in_order(place, files))
    suffix = place.suffix.lower()
    if suffix in FILMS:
        return MapFilm(place)
    return MapFiles(place, [place]) if suffix in PICTURES else MapArray(place)


class MapFiles(MapSequence):
    """One picture or array a map."""

    def __init__(self, where: Path, files: Sequence[Path]) -> None:
        super().__init__(where)
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def read(self, indices: Sequence[int]) -> Iterator[tuple[int, AnyMap]]:
        """One file after the other."""
        return ((index, read_map(self._files[index])) for index in indices)


class MapArray(MapSequence):
    """An array (T, h, w), or (h, w) for one map."""

    def __init__(self, where: Path) -> None:
        super().__init__(where)
        array = _read_array(where)
        self._maps = array[np.newaxis] if array.ndim == 2 else array
        if self._maps.ndim != 3:
            raise SourceError(where, f"holds an array of shape {array.shape}", "Store (frames, height, width).")

    def __len__(self) -> int:
        return len(self._maps)

    def read(self, indices: Sequence[int]) -> Iterator[tuple[int, AnyMap]]:
        """Slices of the array."""
        return ((index, self._maps[index]) for index in indices)


class MapFilm(MapSequence):
    """A grey film, 8 bits a value."""

    def __init__(self, where: Path) -> None:
        super().__init__(where)
        with open_source(str(where)) as reader:  # headers lie about how many frames there are
            self._count = sum(1 for _ in reader)

    def __len__(self) -> int:
        return self._count

    def read(self, indices: Sequence[int]) -> Iterator[tuple[int, AnyMap]]:
        """Decode up to the last one asked for."""
        wanted = set(indices)
        with open_source(str(self.where)) as reader:
            for frame in reader:
                if frame.index in wanted:
                    yield frame.index, _grey(frame.rgb, f"{self.where}, frame {frame.index}")
                if frame.index >= max(wanted, default=-1):
                    return


def read_map(path: Path) -> AnyMap:
    """One (h, w) map from a picture of 8, 16 or 32 bits, or from a NumPy file.

    Raises:
        SourceError: if the file cannot be read, or holds no map.
    """
    if path.suffix.lower() not in PICTURES:
        array = np.squeeze(_read_array(path))
        if array.ndim != 2:
            raise SourceError(path, f"holds an array of shape {array.shape}", "Store one (height, width) map in it.")
        return array
    try:
        stored = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    except (OSError, cv2.error):
        stored = None
    if stored is None:
        raise SourceError(path, "is no picture that can be read", "Write it again as PNG.")
    return _grey(np.asarray(stored), path)


def _grey(picture: AnyMap, where: object) -> AnyMap:
    """The one channel of a picture whose channels are alike; alpha does not count."""
    if picture.ndim == 2:
        return picture
    colours = picture[..., :3].astype(np.float64)
    full_scale = 256**picture.itemsize - 1 if picture.dtype.kind == "u" else colours.max()
    if np.ptp(colours, axis=2).max() > GREY_TOLERANCE / 255 * full_scale:
        remedy = "Give the maps themselves, not heat maps or overlays: one grey value a pixel."
        raise SourceError(where, "is a colour picture, not a saliency map", remedy)
    return picture[..., 1]  # of a film's channels, green carries the most bits


def _read_array(path: Path) -> AnyMap:
    try:
        if path.suffix.lower() == ".npy":
            array: AnyMap = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            with np.load(path, allow_pickle=False) as archive:
                array = archive[_array_name(path, archive.files)]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SourceError(path, f"is not a readable NumPy file ({error})", "Write it again with numpy.save.") from error
    if array.dtype.kind not in "buif":
        raise SourceError(path, f"holds values of type {array.dtype}", "Store real numbers.")
    return array


def _array_name(path: Path, names: Sequence[str]) -> str:
    if "density" in names or len(names) == 1:
        return "density" if "density" in names else names[0]
    raise SourceError(path, f"holds {', '.join(names) or 'nothing'}", "Store the maps under the name `density`.")


def _frame_files(folder: Path) -> list[Path]:
    files = [path for path in folder.iterdir() if path.name[0] != "." and path.suffix.lower() in SEQUENCE_SUFFIXES]
    if not files:
        raise SourceError(folder, "holds no maps", "Write one PNG or NPY a frame into it.")
    return files


def _in_order(folder: Path, files: list[Path]) -> list[Path]:
    """By the last number in their names; a gap would shift all maps behind it."""
    numbers = [re.findall(r"\d+", path.stem) for path in files]
    if not all(numbers):
        odd = files[numbers.index([])].name
        raise SourceError(folder, f"{odd} has no number in its name", "Name the maps by frame, such as 0001.png.")
    last = np.array([int(found[-1]) for found in numbers])
    order = np.argsort(last, kind="stable")
    steps = np.diff(last[order])
    if (steps != 1).any():
        before, after = _around(files, order, steps)
        problem = f"the numbers jump from {before} to {after}"
        raise SourceError(folder, problem, "Write one map for each frame, numbered without gaps or doubles.")
    return [files[position] for position in order]


def _around(files: list[Path], order: NDArray[np.intp], steps: NDArray[np.int64]) -> tuple[str, str]:
    position = int(np.flatnonzero(steps != 1)[0])
    return files[order[position]].name, files[order[position + 1]].name
