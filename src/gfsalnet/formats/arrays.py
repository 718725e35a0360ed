"""NumPy's own files: `.npy` and `.npz`, read without pickles."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.door import AGAIN, opening
from gfsalnet.limits import Budget

AnyArray = NDArray[Any]
_SUFFIX = ".npy"
_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Header of a member of a ZIP file: its mark, 22 bytes that the directory repeats, lengths of its name and of more."""


class ArrayArchive:
    """An NPZ file: what is in it, and its arrays one by one, each held against the limit before it is unpacked.

    Raises:
        GFSalNetError: of that kind, if it is missing or damaged.
    """

    def __init__(self, path: Path, kind: type[GFSalNetError], remedy: str = AGAIN) -> None:
        self.path, self._kind, self._remedy = path, kind, remedy
        self._budget = Budget(path, kind)
        with self._opening(), zipfile.ZipFile(path) as archive:
            self._members = {info.filename: info for info in archive.infolist()}

    @property
    def names(self) -> list[str]:
        """Names of the arrays, in order."""
        return [name.removesuffix(_SUFFIX) for name in self._members]

    @property
    def member_names(self) -> list[str]:
        """Names of all files in it, with their endings."""
        return list(self._members)

    def read(self, name: str) -> AnyArray:
        """One array in memory.

        Raises:
            GFSalNetError: if it is missing or damaged, holds Python objects, or is too large.
        """
        with self._opening(), zipfile.ZipFile(self.path) as archive:
            # Opened twice: the header first, so that nothing is unpacked that would be too large.
            with archive.open(self._member(name)) as member:
                shape, dtype, _ = self._header(member, name)
            self._budget.spend(_bytes(shape, dtype))
            with archive.open(self._member(name)) as member:
                array: AnyArray = np.lib.format.read_array(member, allow_pickle=False)
                while member.read(1 << 16):  # to its end, where the checksum is compared
                    pass
        return array

    def read_all(self, wanted: tuple[str, ...] = ()) -> Mapping[str, AnyArray]:
        """All arrays by name.

        Raises:
            GFSalNetError: as `read`; also if one of `wanted` is missing.
        """
        missing = [name for name in wanted if name not in self.names]
        if missing:
            raise self._kind(self.path, f"lacks {', '.join(missing)}", f"It should hold {', '.join(wanted)}.")
        return {name: self.read(name) for name in self.names}

    def mapped(self, name: str) -> AnyArray:
        """An array that is stored uncompressed as it lies on the disk, and takes no memory; others as `read`."""
        info = self._member(name)
        if info.compress_type != zipfile.ZIP_STORED:
            return self.read(name)
        with self._opening(), self.path.open("rb") as file:
            # By the member's own header, whose extra field need not be as long as the directory's.
            file.seek(info.header_offset)
            mark, name_length, more = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
            if mark != b"PK\3\4":
                raise ValueError(f"{name} is not where it should be")
            file.seek(name_length + more, 1)
            start = file.tell()
            shape, dtype, fortran = self._header(file, name)
            offset = file.tell()
            # Or it would be mapped beyond its own bytes, into those of the next member.
            if start + info.file_size < offset + _bytes(shape, dtype):
                raise ValueError(f"{name} is shorter than its header says")
            return _mapped(self.path, shape, dtype, offset, fortran)

    def _member(self, name: str) -> zipfile.ZipInfo:
        info = self._members.get(name + _SUFFIX) or self._members.get(name)
        if info is None:
            raise self._kind(self.path, f"lacks {name}", self._remedy)
        return info

    def _header(self, file: Any, name: str) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
        return _header(file, self.path, self._kind, name)

    def _opening(self) -> Any:
        return opening(self.path, "NPZ file", self._kind, self._remedy)


def read_npy(path: Path, kind: type[GFSalNetError], remedy: str = AGAIN) -> AnyArray:
    """The array of an NPY file as it lies on the disk, memory-mapped: it may be larger than the memory.

    Raises:
        GFSalNetError: of that kind, if it is missing or damaged, or holds Python objects.
    """
    with opening(path, "NumPy file", kind, remedy), path.open("rb") as file:
        shape, dtype, fortran = _header(file, path, kind, "it")
        offset = file.tell()
        if path.stat().st_size < offset + _bytes(shape, dtype):
            raise ValueError("it is shorter than its header says")
        return _mapped(path, shape, dtype, offset, fortran)


def _mapped(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], offset: int, fortran: bool) -> AnyArray:
    if 0 in shape:
        return np.empty(shape, dtype)  # nothing cannot be mapped
    return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")


def _header(
    file: BinaryIO, path: Path, kind: type[GFSalNetError], name: str
) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    """Shape, type and whether columns come first, of an array that starts here."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        # Version 3 differs in the encoding of field names alone.
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    if dtype.hasobject:
        problem = f"{name} holds Python objects, which may run code as they are read; nothing was run"
        raise kind(path, problem, "Save plain arrays of numbers where the file was made.")
    if any(side < 0 for side in shape):
        raise ValueError(f"{name} has the shape {shape}")
    return shape, dtype, fortran


def _bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    count = dtype.itemsize
    for side in shape:
        count *= side  # Python's numbers do not overflow
    return count
