"""Writers of the files that datasets consist of: videos, maps, and MATLAB files of both kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import h5py
import numpy as np
import pytest
import scipy.io


@pytest.fixture
def write_png() -> Callable[[Path, np.ndarray], None]:
    def write(path: Path, picture: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), picture)

    return write


@pytest.fixture
def write_points() -> Callable[..., None]:
    """Writes a binary map of 0 and 255 with the given (column, row) pixels lit."""

    def write(path: Path, points: Sequence[tuple[int, int]], size_wh: tuple[int, int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        binary = np.zeros(size_wh[::-1], np.uint8)
        for column, row in points:
            binary[row, column] = 255
        assert cv2.imwrite(str(path), binary)

    return write


@pytest.fixture
def write_video() -> Callable[..., Path]:
    """Writes a video whose frame i is grey 8·i (or that of `greys`), so that frames can be told apart."""

    def write(
        path: Path,
        count: int = 6,
        *,
        size_wh: tuple[int, int] = (64, 48),
        rate: Fraction | int = 30,
        greys: Sequence[int] | None = None,
        codec: str = "mpeg4",
        pixel_format: str = "yuv420p",
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=Fraction(rate), options={"g": "1"})
            stream.width, stream.height, stream.pix_fmt = *size_wh, pixel_format
            for grey in greys or [8 * index for index in range(count)]:
                picture = np.full((size_wh[1], size_wh[0], 3), grey, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        return path

    return write


class MatWriter:
    """Writes variables to a MATLAB file: arrays, strings, lists as cells, tuples of dictionaries as structs."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, path: Path, **variables: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.kind == "v5":
            scipy.io.savemat(path, {name: _for_scipy(value) for name, value in variables.items()})
            return path
        with h5py.File(path, "w", userblock_size=512) as file:
            for name, value in variables.items():
                _to_hdf5(file, file, name, value)
        with path.open("r+b") as raw:
            raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(128))
        return path


def _for_scipy(value: Any) -> Any:
    if isinstance(value, list):
        cell = np.empty((len(value), 1), object)
        for place, element in enumerate(value):
            cell[place, 0] = _for_scipy(element)
        return cell
    if isinstance(value, tuple):
        struct = np.empty((len(value), 1), [(name, object) for name in value[0]])
        for place, element in enumerate(value):
            for name, field in element.items():
                struct[name][place, 0] = _for_scipy(field)
        return struct
    return value


def _to_hdf5(file: h5py.File, parent: h5py.Group, name: str, value: Any) -> None:
    """As MATLAB does it: columns first, text as numbers, cells and struct arrays as references."""
    if isinstance(value, str):
        data = parent.create_dataset(name, data=np.array([[ord(letter)] for letter in value], np.uint16))
        data.attrs["MATLAB_class"] = np.bytes_("char")
    elif isinstance(value, list):
        data = parent.create_dataset(name, data=_references(file, value), dtype=h5py.ref_dtype)
        data.attrs["MATLAB_class"] = np.bytes_("cell")
    elif isinstance(value, tuple):
        group = parent.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for field in value[0]:
            if len(value) == 1:
                _to_hdf5(file, group, field, value[0][field])
            else:
                references = _references(file, [element[field] for element in value])
                group.create_dataset(field, data=references, dtype=h5py.ref_dtype)
    else:
        array = np.atleast_2d(value)
        stored = array.T if array.size else np.array(array.shape, np.uint64)
        data = parent.create_dataset(name, data=stored)
        data.attrs["MATLAB_class"] = np.bytes_("double")
        if not array.size:
            data.attrs["MATLAB_empty"] = np.uint8(1)


def _references(file: h5py.File, values: Sequence[Any]) -> np.ndarray:
    held = file.require_group("#refs#")
    references = np.empty((1, len(values)), h5py.ref_dtype)
    for place, value in enumerate(values):
        name = f"r{len(held)}"
        _to_hdf5(file, held, name, value)
        references[0, place] = held[name].ref
    return references


@pytest.fixture(params=["v5", "v7.3"])
def write_mat(request: pytest.FixtureRequest) -> MatWriter:
    """A writer of each of the two kinds of MATLAB files."""
    return MatWriter(request.param)


@pytest.fixture
def write_mat5() -> MatWriter:
    return MatWriter("v5")


@pytest.fixture
def write_mat73() -> MatWriter:
    return MatWriter("v7.3")
