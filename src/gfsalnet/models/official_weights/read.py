"""Weights files as their authors published them: one reader a format, all without running anything in the file.

A reader gives arrays of numbers by name, in the official layout; `PublishedModel.from_official` turns those into ours.

| format | names |
|---|---|
| PyTorch, safetensors | of the state dict, without `module.` |
| Lasagne (npz) | `arr_0`, `arr_1`, … |
| Keras 2 (HDF5) | the path, such as `conv1/conv1/kernel:0` |
| Caffe | `layer/0`, `layer/1`: the blobs of a layer |
| TensorFlow checkpoint V2 | of the variables |
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from gfsalnet.errors import WeightsError
from gfsalnet.formats.arrays import ArrayArchive
from gfsalnet.formats.door import opening
from gfsalnet.models.official_weights.formats import read_caffe, read_keras, read_lasagne
from gfsalnet.models.official_weights.tensorflow import find_index, read_tensorflow
from gfsalnet.packages import needed_by

__all__ = ["official_file", "read_official"]

Reader: TypeAlias = "Callable[[Path], dict[str, NDArray[Any]]]"


def _read_pytorch(path: Path) -> dict[str, NDArray[Any]]:
    with needed_by(str(path)):
        from gfsalnet.models.official_weights.pytorch import read_pytorch
    return read_pytorch(path)


def _read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    with needed_by(str(path)):
        from gfsalnet.models.official_weights.pytorch import read_safetensors
    return read_safetensors(path)


_AGAIN = "Fetch it again from where its authors published it."
_BY_HEAD: tuple[tuple[bytes, Reader], ...] = (
    (b"\x89HDF\r\n\x1a\n", read_keras),
    (b"\x80", _read_pytorch),  # a pickle: PyTorch's format of before 1.6
)
_NO_WEIGHTS: tuple[tuple[bytes, str, str], ...] = (
    (b"<", "is a web page, not weights", "Open the link in a browser, and save what it offers there."),
    (b"version https://git-lfs", "only says where Git LFS has the file", "Fetch the file itself: git lfs pull."),
)
_FORMATS = "PyTorch, safetensors, npz, Keras HDF5, a .caffemodel or a TensorFlow checkpoint"


def read_official(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an official weights file, under its own names and in its own layout.

    The format is told by the content; Caffe's, which has no mark, by its suffix. A TensorFlow checkpoint is several
    files: name any of them, or what their names begin with.

    Raises:
        WeightsError: if the file is missing, damaged, cut off, of an unknown format, or holds anything but numbers.
        MissingPackageError: if the package that reads its format is not installed.
    """
    path = official_file(path)
    with opening(path, "weights file", WeightsError, _AGAIN):
        arrays = _reader(path)(path)
    if not arrays:
        raise WeightsError(path, "holds no weights", _AGAIN)
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise WeightsError(path, f"holds no numbers in {name} but {array.dtype}", "Save plain arrays of numbers.")
    return arrays


def official_file(path: Path) -> Path:
    """The file that a path means: for a TensorFlow checkpoint its index, else itself.

    Raises:
        WeightsError: if it is no file.
    """
    found = find_index(path) or path
    if found.is_dir():
        raise WeightsError(path, "is a folder", "Name the file in it.")
    if not found.is_file():
        raise WeightsError(path, "no such file", "Look at its name, and where it was saved.")
    return found


def _reader(path: Path) -> Reader:
    if path.suffix == ".index":
        return read_tensorflow
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise WeightsError(path, "is empty", _AGAIN)
    for mark, problem, remedy in _NO_WEIGHTS:
        if head.lstrip().startswith(mark):
            raise WeightsError(path, problem, remedy)
    if head.startswith(b"PK"):
        return _reader_of_zip(path)
    for mark, reader in _BY_HEAD:
        if head.startswith(mark):
            return reader
    if head[8:9] == b"{":  # after eight bytes that say how long its JSON header is
        return _read_safetensors
    if path.suffix == ".caffemodel":
        return read_caffe
    raise WeightsError(path, "is of an unknown format", f"Give weights as {_FORMATS}.")


def _reader_of_zip(path: Path) -> Reader:
    # torch.save and NumPy's savez both write zip archives: only their members tell them apart.
    names = ArrayArchive(path, WeightsError, _AGAIN).member_names
    if any(name.endswith("data.pkl") for name in names):
        return _read_pytorch
    if all(name.endswith(".npy") for name in names):
        return read_lasagne
    raise WeightsError(path, f"is an archive ({', '.join(names[:3])} …)", "Unpack it, and name the weights in it.")
