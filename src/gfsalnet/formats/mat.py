"""MATLAB files of both kinds, v5…v7.2 and v7.3 (HDF5), read into the same plain Python values."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.formats.door import opening
from gfsalnet.formats.hdf5 import HDF5File, open_hdf5
from gfsalnet.limits import Budget, check_bytes
from gfsalnet.packages import needed_by

if TYPE_CHECKING:
    import h5py

_HDF5_STARTS_AT = (0, 512)
"""MATLAB puts 512 bytes of its own before the HDF5 signature."""
_MATRIX, _COMPRESSED, _LAST_TYPE = 14, 15, 18
"""Types of v5: a variable, a packed one, and the last one that there is."""
_HEADER_BYTES, _ORDER_AT, _DEEPEST = 128, 126, 50
"""The header of v5, the order of bytes at its end, and how deep cells are nested at most."""
_PIECE = 1 << 20


def read_mat(path: Path, *wanted: str) -> dict[str, Any]:
    """The variables of a `.mat` file by name.

    Numbers are arrays as MATLAB shows them: (rows, columns), also for a scalar. Text is a `str`, a cell a list in
    MATLAB's order, a struct (of any number of elements) a list of dictionaries.

    Args:
        path: of the file.
        wanted: variables that must be there.

    Raises:
        DatasetError: if the file is missing or damaged, or lacks a wanted variable; the error names those it has.
        MissingPackageError: if the package for its kind is not installed: h5py for v7.3, SciPy for older ones.
    """
    # By the content: .mat says nothing about the version.
    with opening(path, "MATLAB file", DatasetError):
        is_hdf5 = _is_hdf5(path)
    variables = _read_hdf5(path) if is_hdf5 else _read_v5(path)
    missing = [name for name in wanted if name not in variables]
    if missing:
        held = ", ".join(variables) or "nothing"
        remedy = f"The official file holds {', '.join(wanted)}: check that this is the official release."
        raise DatasetError(path, f"it lacks {', '.join(missing)} and holds {held}", remedy)
    return variables


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HDF5_STARTS_AT[1] + 8)
    return any(head[at : at + 4] == b"\x89HDF" for at in _HDF5_STARTS_AT)


def _read_v5(path: Path) -> dict[str, Any]:
    with needed_by(str(path)):
        import scipy.io
    with opening(path, "MATLAB file", DatasetError):
        _check_unpacked(path)
        variables = scipy.io.loadmat(path, chars_as_strings=True)
        # SciPy adds the header as variables such as `__version__`.
        return {name: _from_scipy(path, value) for name, value in variables.items() if not name.startswith("__")}


def _check_unpacked(path: Path) -> None:
    """Hold what the packed variables unpack to against the limit, a piece at a time: SciPy unpacks all at once.

    Their checksums are compared on the way, and lengths of variables that are not packed followed: SciPy trusts them,
    and crashes with the process where they lie.
    """
    budget = Budget(path, DatasetError)
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        if 0 in header[:4]:
            return  # v4, which packs nothing and nests nothing
        # Written as the number of "MI": where its bytes come reversed, the file is little-endian.
        order = "<" if header[_ORDER_AT:] == b"IM" else ">"
        while tag := file.read(8):
            kind, length = struct.unpack(order + "II", tag)
            body = file.read(length)
            if kind not in (_MATRIX, _COMPRESSED) or len(body) < length:
                raise ValueError("a variable is damaged or cut off")
            if kind == _MATRIX:
                _check_elements(memoryview(body), order, 0)
                continue
            unpacking = zlib.decompressobj()
            while body and not unpacking.eof:
                # Unpacked for its length alone, and dropped.
                budget.spend(len(unpacking.decompress(body, _PIECE)))
                body = unpacking.unconsumed_tail
            if not unpacking.eof:
                raise ValueError("a packed variable is cut off")


def _check_elements(body: memoryview, order: str, depth: int) -> None:
    """Whether each element of a variable ends inside it, down to those in cells and structs."""
    at = 0
    while at < len(body):
        (word,) = struct.unpack_from(order + "I", body, at)
        kind, length, start = word & 0xFFFF, word >> 16, at + 4
        if not length:  # the usual form: type and length of 32 bits each
            kind, (length,), start = word, struct.unpack_from(order + "I", body, at + 4), at + 8
        elif length > 4:
            raise ValueError("an element is longer than its room")
        if not 0 < kind <= _LAST_TYPE or start + length > len(body) or depth > _DEEPEST:
            raise ValueError("an element of a variable is damaged")
        if kind == _MATRIX:
            _check_elements(body[start : start + length], order, depth + 1)
        # Data are padded to eight bytes; the short form, type, length and up to four bytes of data, is eight in all.
        at = start + (length + 7) // 8 * 8 if start == at + 8 else at + 8


def _from_scipy(path: Path, value: Any) -> Any:
    from scipy.sparse import issparse

    if issparse(value):
        check_bytes(path, value.shape[0] * value.shape[1] * value.dtype.itemsize, DatasetError)
        return value.toarray()
    if value.dtype.names is not None:
        # Columns first, which is MATLAB's order.
        return [
            {name: _from_scipy(path, element[name]) for name in value.dtype.names} for element in value.ravel(order="F")
        ]
    if value.dtype == object:
        return [_from_scipy(path, element) for element in value.ravel(order="F")]
    if value.dtype.kind == "U":
        return "".join(value.ravel())
    return value


def _read_hdf5(path: Path) -> dict[str, Any]:
    with open_hdf5(path, DatasetError) as file:
        # `#refs#` and the like are MATLAB's own, to which cells refer.
        return {name: _from_hdf5(file, value) for name, value in file.root.items() if not name.startswith("#")}


def _from_hdf5(file: HDF5File, value: Any) -> Any:
    import h5py

    file.visit()
    if isinstance(value, h5py.Group):
        return _struct(file, value)
    kind = _class_of(value)
    if value.attrs.get("MATLAB_empty", 0):
        # The data of an empty variable are its dimensions.
        return {"cell": [], "struct": [], "char": ""}.get(kind, _empty(file.array(value)))
    if value.dtype == h5py.ref_dtype:
        return [_from_hdf5(file, file.root[reference]) for reference in file.array(value).ravel()]
    if kind == "char":
        # Characters are stored as 16-bit numbers.
        return "".join(map(chr, file.array(value).ravel()))
    return _transposed(file.array(value))


def _empty(sides: NDArray[Any]) -> NDArray[Any]:
    shape = [int(side) for side in sides.ravel()]
    if 0 not in shape:
        raise ValueError(f"an empty variable of {shape}")
    return np.zeros(shape)


def _struct(file: HDF5File, group: h5py.Group) -> list[dict[str, Any]]:
    """A struct is a group of its fields; one of several elements has references in each of them."""
    fields = dict(group.items())
    if fields and all(_is_references(value) and _class_of(value) != "cell" for value in fields.values()):
        columns = {name: _from_hdf5(file, value) for name, value in fields.items()}
        return [dict(zip(columns, element, strict=True)) for element in zip(*columns.values(), strict=True)]
    return [{name: _from_hdf5(file, value) for name, value in fields.items()}]


def _is_references(value: Any) -> bool:
    import h5py

    return isinstance(value, h5py.Dataset) and value.dtype == h5py.ref_dtype


def _class_of(value: Any) -> str:
    name = value.attrs.get("MATLAB_class", b"")
    return name.decode() if isinstance(name, bytes) else str(name)


def _transposed(stored: Any) -> NDArray[Any]:
    """MATLAB stores columns first; HDF5 shows them as rows."""
    return np.atleast_2d(np.asarray(stored).T)
