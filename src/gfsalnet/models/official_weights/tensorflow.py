"""Checkpoints of TensorFlow, format V2: an index and the raw tensors, read without TensorFlow.

The index (`NAME.index`) is a sorted table in LevelDB's file format: blocks of keys and values, a block that says where
those are, and a footer that says where that one is. A value says what a tensor is and where it lies in
`NAME.data-00000-of-00001` (tensor_bundle.proto). Every block and every tensor has a checksum, and all are checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import WeightsError
from gfsalnet.models.official_weights.crc32c import crc32c, masked
from gfsalnet.models.official_weights.wire import Message, varint

_FOOTER_BYTES, _MAGIC = 48, (0xDB4775248B80FB57).to_bytes(8, "little")
_TRAILER_BYTES = 5
"""Bytes after a block: how it is compressed, and its checksum."""
# Field numbers of tensor_bundle.proto and tensor_shape.proto.
_SHARDS, _ENDIANNESS = 1, 2
_DTYPE, _SHAPE, _SHARD, _OFFSET, _SIZE, _CHECKSUM, _SLICES = 1, 2, 3, 4, 5, 6, 7
_DIM, _DIM_SIZE = 2, 1
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 19: "<f2"}
"""DataType of types.proto, as far as weights go; a checkpoint also holds text."""


def find_index(path: Path) -> Path | None:
    """The index of the checkpoint that a path means: its name without an ending, or any of its files."""
    index = path.with_name(re.sub(r"\.(index|meta|data-\d+-of-\d+)$", "", path.name) + ".index")
    return index if index.is_file() else None


def read_tensorflow(index: Path) -> dict[str, NDArray[Any]]:
    """Every variable of numbers, by name.

    Raises:
        WeightsError: if the checkpoint is of a kind that cannot be read.
        ValueError, OSError: if it is damaged, cut off, or a file is missing.
    """
    table = dict(_table(memoryview(index.read_bytes())))
    # The empty key, which sorts first, holds what is true of the whole checkpoint.
    header = Message(table.pop(""))
    if header.number(_ENDIANNESS):
        raise WeightsError(index, "was written on a big-endian machine", "Write it again on another.")
    count = header.number(_SHARDS)
    shards = [index.with_name(f"{index.stem}.data-{shard:05d}-of-{count:05d}") for shard in range(count)]
    entries = {name: Message(value) for name, value in table.items()}
    sliced = [name for name, entry in entries.items() if entry.parts(_SLICES)]
    if sliced:
        raise WeightsError(index, f"{sliced[0]} is stored in parts", "Save it again without a partitioner.")
    return {
        name: _tensor(name, entry, shards[entry.number(_SHARD)])
        for name, entry in entries.items()
        if entry.number(_DTYPE) in _DTYPES
    }


def _tensor(name: str, entry: Message, shard: Path) -> NDArray[Any]:
    with shard.open("rb") as file:
        file.seek(entry.number(_OFFSET))
        data = file.read(entry.number(_SIZE))
    _check(data, entry.parts(_CHECKSUM)[0], name)
    shape = [Message(dim).number(_DIM_SIZE) for part in entry.parts(_SHAPE) for dim in Message(part).parts(_DIM)]
    return np.frombuffer(data, _DTYPES[entry.number(_DTYPE)]).reshape(shape)


def _table(data: memoryview) -> Iterator[tuple[str, memoryview]]:
    """Keys and values of a LevelDB table (leveldb, doc/table_format.md)."""
    # Fixed at 48 bytes: two handles, padding, and the magic number at the very end.
    footer = data[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or footer[-len(_MAGIC) :] != _MAGIC:
        raise ValueError("the index does not end as one")
    at = 0
    for _ in range(2):  # where the meta index lies, which says nothing of keys, is passed over
        (_, at) = varint(footer, at)
    for _, handle in _entries(_block(data, footer[at:])):
        for key, value in _entries(_block(data, handle)):
            yield key.decode(), value


def _block(data: memoryview, handle: memoryview) -> memoryview:
    offset, at = varint(handle, 0)
    size, _ = varint(handle, at)
    # The checksum is over the block and the byte that says how it is compressed.
    block, trailer = data[offset : offset + size + 1], data[offset + size + 1 : offset + size + _TRAILER_BYTES]
    _check(block, trailer, "a block of the index")
    if block[-1]:
        raise ValueError("the index is compressed, which TensorFlow does not do")
    return block[:-1]


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Keys and values of a block; a key says how many bytes it shares with the one before."""
    # A block ends with the offsets at which whole keys stand, for binary search, and their count; neither is needed to
    # read it through.
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    key, at = b"", 0
    while at < end:
        shared, at = varint(block, at)
        own, at = varint(block, at)
        length, at = varint(block, at)
        key = key[:shared] + bytes(block[at : at + own])
        at += own
        yield key, block[at : at + length]
        at += length


def _check(data: bytes | memoryview, stored: bytes | memoryview, what: str) -> None:
    # Masked, because a checksum of data that holds checksums would be weak.
    if masked(crc32c(data)) != int.from_bytes(stored, "little"):
        raise ValueError(f"the checksum of {what} is wrong")
