"""TensorFlow's checkpoints: one that TensorFlow wrote, and ones written here after LevelDB's table format."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from written_by_hand import crc32c_bit_by_bit, number, part, varint

from gfsalnet.errors import WeightsError
from gfsalnet.models.official_weights.read import read_official

# Written by TensorFlow 2.15: tf.compat.v1.train.Saver, four variables of which one is text.
REAL_INDEX = (
    "AAAGCAEaAggBAAsPY29udi9iaWFzZXMIARIEEgIIAigINaR7jzAFBxl3ZWlnaHRzCAESDBICCAESAggCEgIIAyAIKBg1wNs9FwAEDW5vdGUIBxIA"
    "ICAoCTUbTDM/AAQNc3RlcAgJEgAgKSgINY0t0+4AAAAAAQAAAAAUc4R5AAAAAAEAAAAAwPKhsAABAnQAeQAAAAABAAAAAAfZToF+CIsBDgAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAV/uAiyR1R9s="
)
REAL_DATA = "AADAvwAAAEAAAAAAAACAPwAAAEAAAEBAAACAQAAAoEAEYlHrlnRleHRADQMAAAAAAA=="

NUMBER_OF_TYPE = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10, "float16": 19}
TENSORS = {
    f"inference/conv{index:02d}/{kind}": np.random.default_rng(index).normal(size=shape).astype(dtype)
    for index in range(40)
    for kind, shape, dtype in (("weights", (3, 3, 2, index), "f4"), ("biases", (5,), "f8"))
} | {"global_step": np.array(200_000), "flag": np.array([True, False]), "half": np.array([0.5], "f2")}


def checksum(data: bytes) -> bytes:
    register = crc32c_bit_by_bit(data)
    rotated = ((register >> 15) | (register << 17)) & 0xFFFFFFFF
    return ((rotated + 0xA282EAD8) & 0xFFFFFFFF).to_bytes(4, "little")


def block(pairs: list[tuple[bytes, bytes]], interval: int) -> bytes:
    """Entries whose keys leave out what they share with the one before, but for every `interval`-th."""
    content, restarts, before = b"", [], b""
    for place, (key, value) in enumerate(pairs):
        shared = 0
        if place % interval:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        else:
            restarts.append(len(content))
        content += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    marks = restarts or [0]
    return content + b"".join(mark.to_bytes(4, "little") for mark in (*marks, len(marks)))


def table(pairs: list[tuple[bytes, bytes]], per_block: int, compression: int = 0) -> bytes:
    content, handles = b"", []

    def add(data: bytes) -> bytes:
        nonlocal content
        handle = varint(len(content)) + varint(len(data))
        trailed = data + bytes([compression])
        content += trailed + checksum(trailed)
        return handle

    for at in range(0, len(pairs), per_block):
        chunk = pairs[at : at + per_block]
        handles.append((chunk[-1][0] + b"~", add(block(chunk, interval=4))))
    meta, index = add(block([], 1)), add(block(handles, interval=1))
    return content + (meta + index).ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def entry(values: Any, offset: int, shard: int, extra: bytes = b"") -> bytes:
    shape = b"".join(part(2, number(1, side)) for side in values.shape)
    data = values.tobytes()
    where = number(3, shard) * bool(shard) + number(4, offset) * bool(offset) + number(5, len(data))
    kind = number(1, NUMBER_OF_TYPE[values.dtype.name])
    return kind + part(2, shape) + where + b"\x35" + checksum(data) + extra


def write(folder: Path, *, shards: int = 1, per_block: int = 9, header: bytes = b"", **table_options: int) -> Path:
    """A checkpoint of `TENSORS`; returns the beginning of its files' names."""
    data = [b""] * shards
    pairs = [(b"", number(1, shards) + header + part(3, number(1, 1)))]
    for place, (name, values) in enumerate(sorted(TENSORS.items())):
        shard = place * shards // len(TENSORS)
        pairs.append((name.encode(), entry(values, len(data[shard]), shard)))
        data[shard] += values.tobytes()
    prefix = folder / "model.ckpt-200000"
    prefix.with_name(f"{prefix.name}.index").write_bytes(table(pairs, per_block, **table_options))
    for shard, content in enumerate(data):
        prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}").write_bytes(content)
    return prefix


def test_what_tensorflow_wrote(tmp_path: Path) -> None:
    (tmp_path / "t.index").write_bytes(base64.b64decode(REAL_INDEX))
    (tmp_path / "t.data-00000-of-00001").write_bytes(base64.b64decode(REAL_DATA))
    arrays = read_official(tmp_path / "t")
    assert sorted(arrays) == ["conv/biases", "conv/weights", "step"]
    np.testing.assert_array_equal(arrays["conv/weights"], np.arange(6, dtype="f4").reshape(1, 2, 3))
    np.testing.assert_array_equal(arrays["conv/biases"], np.array([-1.5, 2], "f4"))
    assert (arrays["step"].item(), arrays["step"].shape, arrays["step"].dtype) == (200_000, (), np.int64)


@pytest.mark.parametrize(("shards", "per_block"), [(1, 9), (1, 200), (3, 1)])
def test_all_variables_of_any_layout(tmp_path: Path, shards: int, per_block: int) -> None:
    prefix = write(tmp_path, shards=shards, per_block=per_block)
    blocks = math.ceil((len(TENSORS) + 1) / per_block)
    assert blocks == {9: 10, 200: 1, 1: 84}[per_block]
    arrays = read_official(prefix)
    assert arrays.keys() == TENSORS.keys()
    for name, values in TENSORS.items():
        np.testing.assert_array_equal(arrays[name], values)
        assert arrays[name].dtype == values.dtype


@pytest.mark.parametrize("ending", ["", ".index", ".meta", ".data-00000-of-00001"])
def test_any_file_of_a_checkpoint_names_it(tmp_path: Path, ending: str) -> None:
    prefix = write(tmp_path)
    assert read_official(prefix.with_name(prefix.name + ending)).keys() == TENSORS.keys()


def index_and_data(prefix: Path) -> tuple[Path, Path]:
    return prefix.with_name(f"{prefix.name}.index"), prefix.with_name(f"{prefix.name}.data-00000-of-00001")


@pytest.mark.parametrize("place", [3, 700, -60, -1])
def test_a_wrong_bit_in_the_index_is_found(tmp_path: Path, place: int) -> None:
    index, _ = index_and_data(write(tmp_path))
    content = bytearray(index.read_bytes())
    content[place] ^= 16
    index.write_bytes(content)
    with pytest.raises(WeightsError, match="not a readable"):
        read_official(index)


def test_a_wrong_bit_in_the_data_is_found(tmp_path: Path) -> None:
    index, data = index_and_data(write(tmp_path))
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    with pytest.raises(WeightsError, match=r"model\.ckpt-200000\.index: .*the checksum of inference/conv\d+/"):
        read_official(index)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
@pytest.mark.parametrize("which", [0, 1], ids=["index", "data"])
def test_files_that_are_cut_off_are_refused(tmp_path: Path, which: int, share: float) -> None:
    files = index_and_data(write(tmp_path))
    content = files[which].read_bytes()
    files[which].write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match="not a readable"):
        read_official(files[0])


def test_a_missing_data_file_is_named(tmp_path: Path) -> None:
    index, data = index_and_data(write(tmp_path))
    data.unlink()
    with pytest.raises(WeightsError, match="data-00000-of-00001"):
        read_official(index)


def test_other_kinds_of_checkpoints_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="compressed"):
        read_official(write(tmp_path, compression=1))
    with pytest.raises(WeightsError, match="big-endian"):
        read_official(write(tmp_path, header=number(2, 1)))


def test_a_variable_in_parts_is_refused(tmp_path: Path) -> None:
    values = np.ones(3, "f4")
    pairs = [(b"", number(1, 1)), (b"split", entry(values, 0, 0, extra=part(7, part(1, number(2, 3)))))]
    (tmp_path / "t.index").write_bytes(table(pairs, 5))
    (tmp_path / "t.data-00000-of-00001").write_bytes(values.tobytes())
    with pytest.raises(WeightsError, match="split is stored in parts"):
        read_official(tmp_path / "t")
