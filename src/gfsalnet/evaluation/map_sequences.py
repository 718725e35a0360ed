"""Maps on disk as a sequence: a folder of pictures or arrays, a stack in one file, a video."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from gfsalnet.errors import SourceError
from gfsalnet.evaluation.numbering import numbers_in_names
from gfsalnet.evaluation.sources import AnyMap
from gfsalnet.formats.arrays import ArrayArchive, read_npy
from gfsalnet.video import open_source
from gfsalnet.video.pictures import read_picture

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".exr")
VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm")
SEQUENCE_SUFFIXES = (".npz", ".npy", *VIDEOS, *PICTURES)

FRAME_INDEX = "frame_index"
"""The array of an NPZ with the 0-based frame of each map; without it the maps belong to all frames in order."""
GREY_TOLERANCE = 6
"""How far the channels of a grey picture may differ after lossy compression, on a scale of 255."""


class MapSequence(ABC):
    """The maps of one video, in order."""

    numbers: Sequence[int] | None = None
    """The numbers in their names, ascending, each once; None if they have no names."""
    first_number: int | None = None
    """The number of the video's first frame; None if it is not known."""

    def __init__(self, where: Path) -> None:
        self.where = where

    @abstractmethod
    def __len__(self) -> int:
        """The number of maps."""

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
        # A single picture is the map of one frame; a single file of another kind holds those of all frames.
        if len(files) == 1 and files[0].suffix.lower() not in PICTURES:
            return open_sequence(files[0])
        return MapFiles(place, files)
    suffix = place.suffix.lower()
    if suffix in VIDEOS:
        return MapVideo(place)
    return MapArray(place) if suffix not in PICTURES else MapPicture(place)


class MapPicture(MapSequence):
    """The map of a photograph, under any name."""

    def __len__(self) -> int:
        return 1

    def read(self, indices: Sequence[int]) -> Iterator[tuple[int, AnyMap]]:
        """The picture, (h, w)."""
        return ((index, read_map(self.where)) for index in indices)


class MapFiles(MapSequence):
    """One numbered picture or array per map."""

    def __init__(self, where: Path, files: Sequence[Path]) -> None:
        super().__init__(where)
        # By number and not by name: 10.png comes after 9.png.
        by_number = dict(sorted(zip(numbers_in_names(where, files), files, strict=True)))
        self.numbers, self._files = list(by_number), list(by_number.values())

    def __len__(self) -> int:
        return len(self._files)

    def read(self, indices: Sequence[int]) -> Iterator[tuple[int, AnyMap]]:
        """One file after the other, (h, w) each."""
        return ((index, read_map(self._files[index])) for index in indices)


class MapArray(MapSequence):
    """An array (T, h, w), or (h, w) for one map."""

    def __init__(self, where: Path) -> None:
        super().__init__(where)
        array = _read_array(where)
        self._maps = array[np.newaxis] if array.ndim == 2 else array
        if self._maps.ndim != 3:
            raise SourceError(where, f"holds an array of shape {array.shape}", "Store (frames, height, width).")
        # `frame_index` counts from 0 by definition, so nothing is left to find out.
        self.numbers, self.first_number = _frame_index(where, len(self._maps)), 0

    def __len__(self) -> int:
        return len(self._maps)

    def read(self, indices: Sequence[int]) -> Iterator[tuple[int, AnyMap]]:
        """Slices (h, w) of the array."""
        return ((index, self._maps[index]) for index in indices)


class MapVideo(MapSequence):
    """A grey video, 8 bits per value."""

    def __init__(self, where: Path) -> None:
        super().__init__(where)
        with open_source(str(where)) as reader:  # counted, since headers only estimate the number of frames
            self._count = sum(1 for _ in reader)

    def __len__(self) -> int:
        return self._count

    def read(self, indices: Sequence[int]) -> Iterator[tuple[int, AnyMap]]:
        """Decode up to the last one asked for; (h, w) uint8 each."""
        wanted = set(indices)
        with open_source(str(self.where)) as reader:
            for frame in reader:
                if frame.index in wanted:
                    yield frame.index, _grey(frame.rgb, f"{self.where}, frame {frame.index}")
                if frame.index >= max(wanted, default=-1):
                    return


_AGAIN = "Write it again with numpy.save."


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
    return _grey(read_picture(path, cv2.IMREAD_UNCHANGED, SourceError, "Write it again as PNG."), path)


def _grey(picture: AnyMap, where: object) -> AnyMap:
    """The one channel of a picture whose channels are alike; alpha does not count."""
    if picture.ndim == 2:
        return picture
    colours = picture[..., :3].astype(np.float64)
    # 255 or 65535; of floats, what the map itself reaches.
    full_scale = 256**picture.itemsize - 1 if picture.dtype.kind == "u" else colours.max()
    if np.ptp(colours, axis=2).max() > GREY_TOLERANCE / 255 * full_scale:
        remedy = "Give the maps themselves, not heat maps or overlays: one grey value per pixel."
        raise SourceError(where, "is a colour picture, not a saliency map", remedy)
    return picture[..., 1]  # after decoding a video, green keeps the most precision of the three channels


def _read_array(path: Path) -> AnyMap:
    # Memory-mapped where it is not packed: a stack of all frames may be larger than the memory.
    if path.suffix.lower() == ".npy":
        array = read_npy(path, SourceError, _AGAIN)
    else:
        archive = ArrayArchive(path, SourceError, _AGAIN)
        array = archive.mapped(_array_name(path, archive.names))
    if array.dtype.kind not in "buif":
        raise SourceError(path, f"holds values of type {array.dtype}", "Store real numbers.")
    return array


def _frame_index(path: Path, maps: int) -> Sequence[int] | None:
    """The 0-based frame of each map by the array `frame_index` of an NPZ; None without that array."""
    if path.suffix.lower() == ".npy":
        return None
    archive = ArrayArchive(path, SourceError, _AGAIN)
    if FRAME_INDEX not in archive.names:
        return None
    index = archive.read(FRAME_INDEX)
    if index.shape != (maps,) or index.dtype.kind not in "ui" or (np.diff(index.astype(np.int64)) <= 0).any():
        problem = f"its {FRAME_INDEX} does not name one frame for each of {maps} maps, ascending"
        raise SourceError(path, problem, f"Store {maps} whole numbers, counted from 0.")
    return [int(number) for number in index]


def _array_name(path: Path, names: Sequence[str]) -> str:
    stacks = (
        ["density"] if "density" in names else [name for name in names if name not in (FRAME_INDEX, "time_seconds")]
    )
    if len(stacks) == 1:
        return stacks[0]
    raise SourceError(path, f"holds {', '.join(names) or 'nothing'}", "Store the maps under the name `density`.")


def _frame_files(folder: Path) -> list[Path]:
    files = [path for path in folder.iterdir() if path.name[0] != "." and path.suffix.lower() in SEQUENCE_SUFFIXES]
    if not files:
        raise SourceError(folder, "holds no maps", "Write one PNG or NPY per frame into it.")
    return files
