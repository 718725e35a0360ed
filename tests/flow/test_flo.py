from __future__ import annotations

import struct

import numpy as np
import pytest

from gfsalnet.errors import OutputError, SourceError
from gfsalnet.flow import read_flo, write_flo
from gfsalnet.flow.flo import flo_size_hw
from gfsalnet.types import FlowField


def flo_bytes(vectors_hw2: list[list[tuple[float, float]]], magic: bytes = b"PIEH") -> bytes:
    """The format as Middlebury writes it down."""
    numbers = [number for row in vectors_hw2 for vector in row for number in vector]
    return magic + struct.pack(f"<ii{len(numbers)}f", len(vectors_hw2[0]), len(vectors_hw2), *numbers)


def test_reads_what_the_format_says(tmp_path):
    path = tmp_path / "a.flo"
    path.write_bytes(flo_bytes([[(1, 2), (3, 4), (5, 6)], [(-0.5, 0), (1e10, 1e10), (7, 8)]]))
    assert flo_size_hw(path) == (2, 3)
    expected = np.array([[[1, 2], [3, 4], [5, 6]], [[-0.5, 0], [1e10, 1e10], [7, 8]]], np.float32)
    np.testing.assert_array_equal(read_flo(path).flow_pixels, expected)


def test_writes_what_the_format_says(tmp_path):
    path = tmp_path / "new" / "a.flo"
    write_flo(path, FlowField(np.array([[[1, 2], [3, 4], [5, 6]]], np.float32)))
    assert path.read_bytes() == flo_bytes([[(1, 2), (3, 4), (5, 6)]])
    assert [file.name for file in path.parent.iterdir()] == ["a.flo"]


def test_a_round_trip_changes_no_bit(tmp_path):
    field = FlowField(np.random.default_rng(0).normal(0, 30, (11, 7, 2)).astype(np.float32))
    write_flo(tmp_path / "a.flo", field)
    assert read_flo(tmp_path / "a.flo").flow_pixels.tobytes() == field.flow_pixels.tobytes()


WHOLE = flo_bytes([[(1, 2), (3, 4)]])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "ends after 0 bytes"),
        (WHOLE[:11], "ends after 11 bytes"),
        (flo_bytes([[(1, 2)]], magic=b"HEIP"), "no .flo file"),
        (WHOLE[:-1], "has 27 bytes, not the 28 of 2x1"),
        (WHOLE + b"\0", "has 29 bytes, not the 28 of 2x1"),
        (b"PIEH" + struct.pack("<ii", 2, -1), "claims to be 2x-1"),
        (b"PIEH" + struct.pack("<ii", 2**30, 2**30), "claims to be"),
        (flo_bytes([[(1, float("nan"))]]), "NaN"),
    ],
)
def test_damaged_files_are_told(tmp_path, content, problem):
    path = tmp_path / "a.flo"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=problem) as caught:
        read_flo(path)
    assert str(path) in str(caught.value)


def test_missing_files_and_full_disks_are_told(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        read_flo(tmp_path / "none.flo")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_flo(tmp_path / "file" / "a.flo", FlowField(np.zeros((1, 1, 2), np.float32)))
