"""The checksum of TensorFlow's files: CRC-32C (Castagnoli; RFC 3720, section 12.1), with NumPy for speed.

One byte after another would take Python a minute for a large network. A CRC is linear, though: the bytes are laid into
many lanes that take their steps together, and then neighbours are joined, the left one moved on by as many zero bytes
as the right one covers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Registers = NDArray[np.uint32]

_POLYNOMIAL = np.uint32(0x82F63B78)
"""Bits in reverse, as the least significant bit of a byte goes first."""
_LANES = 4096
"""A power of two."""


def _table() -> Registers:
    registers = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        registers = (registers >> 1) ^ np.where(registers & 1, _POLYNOMIAL, np.uint32(0))
    return registers


_TABLE = _table()
_PLAIN_TABLE: list[int] = _TABLE.tolist()
_BITS: Registers = np.uint32(1) << np.arange(32, dtype=np.uint32)


def crc32c(data: bytes | memoryview) -> int:
    """The checksum of some bytes, 0…2³² - 1.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    values = np.frombuffer(data, np.uint8)
    length = len(values) // _LANES
    # What does not fill the lanes comes first, one byte after the other, and starts the first lane.
    head, lanes = np.split(values, [len(values) - length * _LANES])
    registers = np.zeros(_LANES, np.uint32)
    registers[0] = _one_by_one(0xFFFFFFFF, head.tobytes())
    if not length:
        return int(registers[0]) ^ 0xFFFFFFFF
    for column in np.ascontiguousarray(lanes.reshape(_LANES, length).T):
        registers = _step(registers, column)
    shift = _shift(length)
    # Twelve rounds join 4096 lanes; the step over zero bytes doubles with what a register covers.
    while len(registers) > 1:
        registers = _apply(shift, registers[::2]) ^ registers[1::2]
        shift = _apply(shift, shift)
    return int(registers[0]) ^ 0xFFFFFFFF


def masked(checksum: int) -> int:
    """The checksum as it is stored (LevelDB, util/crc32c.h): data that holds checksums may then have one itself."""
    return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _one_by_one(register: int, data: bytes) -> int:
    for byte in data:
        register = _PLAIN_TABLE[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register


def _step(registers: Registers, byte: NDArray[np.uint8]) -> Registers:
    stepped: Registers = _TABLE[(registers ^ byte) & 0xFF] ^ (registers >> 8)
    return stepped


def _shift(length: int) -> Registers:
    """(32,): what becomes of each single bit of a register as it goes over that many zero bytes."""
    registers = _BITS
    for _ in range(length):
        registers = _step(registers, np.uint8(0))
    return registers


def _apply(matrix: Registers, registers: Registers) -> Registers:
    """The registers under a linear map, given by its value (32,) for each single bit."""
    chosen = np.where(registers[:, None] & _BITS, matrix, np.uint32(0))
    joined: Registers = np.bitwise_xor.reduce(chosen, axis=1)
    return joined
