"""Damage as disks, networks and people do it: bits, pieces, lies in headers."""

from __future__ import annotations

import numpy as np

HEAD_BYTES = 4096
"""Where headers lie, which a third of the changes of single bytes go to."""


def mutated(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """A damaged copy, and what was done to it, for whoever has to repeat it."""
    kind = str(rng.choice(list(KINDS)))
    changed = bytearray(data)
    KINDS[kind](changed, rng)
    return bytes(changed), kind


def _place(data: bytearray, rng: np.random.Generator) -> int:
    size = max(len(data), 1)
    third = rng.random()
    if third < 1 / 3:
        return int(rng.integers(min(size, HEAD_BYTES)))
    if third < 1 / 2:  # many formats have their index at the end
        return size - 1 - int(rng.integers(min(size, HEAD_BYTES)))
    return int(rng.integers(size))


def _flip_bit(data: bytearray, rng: np.random.Generator) -> None:
    data[_place(data, rng)] ^= 1 << int(rng.integers(8))


def _noise(data: bytearray, rng: np.random.Generator) -> None:
    start, length = _place(data, rng), int(rng.choice([1, 4, 64, 1000]))
    length = min(length, len(data) - start)
    data[start : start + length] = rng.bytes(length)


def _zeros(data: bytearray, rng: np.random.Generator) -> None:
    start, length = _place(data, rng), int(rng.choice([4, 512, 4096]))
    length = min(length, len(data) - start)
    data[start : start + length] = bytes(length)


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[int(rng.integers(1, len(data))) :]


def _drop(data: bytearray, rng: np.random.Generator) -> None:
    start = _place(data, rng)
    del data[start : start + int(rng.choice([1, 16, 188, 2048]))]


def _insert(data: bytearray, rng: np.random.Generator) -> None:
    start = _place(data, rng)
    data[start:start] = rng.bytes(int(rng.choice([1, 16, 188, 2048])))


def _swap(data: bytearray, rng: np.random.Generator) -> None:
    length = int(rng.choice([16, 188, 1024]))
    if len(data) < 3 * length:
        return
    first, second = sorted(rng.integers(0, len(data) - length, 2))
    if second - first >= length:
        one, other = data[first : first + length], data[second : second + length]
        data[first : first + length], data[second : second + length] = other, one


def _repeat(data: bytearray, rng: np.random.Generator) -> None:
    start, length = _place(data, rng), int(rng.choice([16, 188, 2048]))
    data[start:start] = data[start : start + length]


def _lie(data: bytearray, rng: np.random.Generator) -> None:
    """A length or count that is far too large, or none at all."""
    start, width = _place(data, rng), int(rng.choice([2, 4, 8]))
    value = bytes(rng.choice([b"\xff", b"\x7f", b"\x00"])) * width
    data[start : start + width] = value[: len(data) - start]


KINDS = {
    "bit": _flip_bit,
    "noise": _noise,
    "zeros": _zeros,
    "cut": _cut,
    "drop": _drop,
    "insert": _insert,
    "swap": _swap,
    "repeat": _repeat,
    "lie": _lie,
}
