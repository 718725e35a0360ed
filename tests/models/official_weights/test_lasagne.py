"""Lasagne's weights: what `np.savez` writes of a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gfsalnet.errors import WeightsError
from gfsalnet.models.official_weights.read import read_official

ARRAYS = [np.arange(24, dtype="f4").reshape(2, 3, 2, 2), np.arange(2, dtype="f8"), np.arange(3, dtype=">f4")]


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_in_order(tmp_path: Path, save: object) -> None:
    save(tmp_path / "gen_modelWeights0090.npz", *ARRAYS)
    arrays = read_official(tmp_path / "gen_modelWeights0090.npz")
    assert list(arrays) == ["arr_0", "arr_1", "arr_2"]
    for read, written in zip(arrays.values(), ARRAYS, strict=True):
        np.testing.assert_array_equal(read, written)


def test_a_payload_does_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    np.savez(tmp_path / "w.npz", ARRAYS[0], np.array([Payload(ran)], dtype=object))
    with pytest.raises(WeightsError, match=r"arr_1 holds Python objects, .* nothing was run"):
        read_official(tmp_path / "w.npz")
    assert not ran.exists()
    np.load(tmp_path / "w.npz", allow_pickle=True)["arr_1"]
    assert ran.exists(), "the payload is harmless anyway: this test proves nothing"


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, *ARRAYS)
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[200] ^= 1
    for content in (data[:-10], data[:100], bytes(flipped), b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"w\.npz: not a readable"):
            read_official(path)


def test_texts_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", np.array(["a", "b"]))
    with pytest.raises(WeightsError, match="holds no numbers in arr_0"):
        read_official(tmp_path / "w.npz")
