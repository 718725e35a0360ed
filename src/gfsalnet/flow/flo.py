"""Middlebury's .flo files: the flow of one pair of frames, as benchmarks and estimators elsewhere write it.

Little endian: the number 202021.25 as float32 ("PIEH"), width and height as int32, then (dx, dy) as float32 for every
pixel, row by row (Baker et al., IJCV 2011).
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from gfsalnet.errors import SourceError
from gfsalnet.files import write_whole
from gfsalnet.types import FlowField

UNKNOWN_PIXELS = 1e9
"""A vector with a component beyond this is marked as unknown."""
_HEADER = struct.Struct("<fii")
_MAGIC = 202021.25
_LARGEST_SIDE = 99_999
"""What Middlebury's own reader accepts."""
_REMEDY = "Write it again: a .flo file is 12 bytes of header and 8 bytes per pixel."


def read_flo(path: Path) -> FlowField:
    """The field of a .flo file, bit by bit; unknown vectors stay beyond `UNKNOWN_PIXELS`.

    Raises:
        SourceError: if the file is not there, is no .flo file, is cut short or too long, or holds NaN.
    """
    height, width = flo_size_hw(path)
    try:
        vectors = np.fromfile(path, "<f4", offset=_HEADER.size)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        return FlowField(vectors.reshape(height, width, 2).astype(np.float32))
    except ValueError as error:
        raise SourceError(path, str(error), "Compute this flow again.") from error


def flo_size_hw(path: Path) -> tuple[int, int]:
    """Height and width by the header, which is held against the length of the file.

    Raises:
        SourceError: if the file is not there, is no .flo file, or is cut short or too long.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
        length = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(header) < _HEADER.size:
        raise SourceError(path, f"ends after {length} bytes", _REMEDY)
    magic, width, height = _HEADER.unpack(header)
    # Compared exactly: 202021.25 is a float32 to the last bit.
    if magic != _MAGIC:
        raise SourceError(path, "is no .flo file: it does not begin with PIEH", _REMEDY)
    if not (0 < width <= _LARGEST_SIDE and 0 < height <= _LARGEST_SIDE):
        raise SourceError(path, f"claims to be {width}x{height} pixels", _REMEDY)
    expected = _HEADER.size + 8 * width * height
    if length != expected:
        raise SourceError(path, f"has {length} bytes, not the {expected} of {width}x{height} pixels", _REMEDY)
    return height, width


def write_flo(path: Path, field: FlowField) -> None:
    """Write a field as a .flo file, whole or not at all.

    Raises:
        OutputError: if it cannot be written.
    """
    height, width = field.size_hw
    write_whole(path, _HEADER.pack(_MAGIC, width, height) + field.flow_pixels.astype("<f4").tobytes())


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(path, f"cannot be read ({error.strerror or error})", "Give a .flo file, or a folder of them.")
