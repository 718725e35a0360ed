"""MATLAB files: the same values out of both kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from gfsalnet.errors import DatasetError
from gfsalnet.formats.mat import read_mat


def test_numbers_text_cells_and_structs_are_the_same_in_both_kinds(tmp_path: Path, write_mat) -> None:
    matrix = np.arange(6.0).reshape(2, 3)
    path = write_mat(
        tmp_path / "a.mat",
        matrix=matrix,
        scalar=np.array([[7.0]]),
        text="vaildlist",
        cell=["first", "second", matrix],
        one=({"name": "x", "values": matrix},),
        several=({"n": np.array([[1.0]]), "m": np.zeros((0, 2))}, {"n": np.array([[2.0]]), "m": matrix}),
        empty=np.zeros((0, 2)),
    )
    read = read_mat(path)
    assert np.array_equal(read["matrix"], matrix)
    assert read["scalar"].tolist() == [[7.0]]
    assert read["text"] == "vaildlist"
    assert read["cell"][:2] == ["first", "second"]
    assert np.array_equal(read["cell"][2], matrix)
    assert len(read["one"]) == 1
    assert read["one"][0]["name"] == "x"
    assert np.array_equal(read["one"][0]["values"], matrix)
    assert [element["n"].item() for element in read["several"]] == [1, 2]
    assert [element["m"].shape for element in read["several"]] == [(0, 2), (2, 3)]
    assert read["empty"].shape == (0, 2)


def test_cells_keep_matlabs_order(tmp_path: Path) -> None:
    """A 2 x 2 cell counts down its columns."""
    cell = np.empty((2, 2), object)
    cell[:] = [["1", "3"], ["2", "4"]]
    scipy.io.savemat(tmp_path / "a.mat", {"cell": cell})
    assert read_mat(tmp_path / "a.mat")["cell"] == ["1", "2", "3", "4"]


def test_a_sparse_matrix_is_filled(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"I": scipy.sparse.csc_matrix(np.eye(3))})
    assert np.array_equal(read_mat(tmp_path / "a.mat")["I"], np.eye(3))


def test_a_missing_variable_names_those_that_are_there(tmp_path: Path, write_mat) -> None:
    path = write_mat(tmp_path / "a.mat", other=np.eye(2), more="text")
    with pytest.raises(DatasetError, match=r"a\.mat: it lacks I and holds (other, more|more, other)"):
        read_mat(path, "I", "other")


@pytest.mark.parametrize("content", [b"", b"junk", b"\x89HDF\r\n\x1a\njunk", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.mat"):
        read_mat(tmp_path / "a.mat", "I")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cut_off_files_are_refused(tmp_path: Path, write_mat, share: float) -> None:
    path = write_mat(tmp_path / "a.mat", I=np.random.default_rng(0).random((80, 80)))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DatasetError, match=r"a\.mat"):
        read_mat(path, "I")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no such file"):
        read_mat(tmp_path / "no.mat")
