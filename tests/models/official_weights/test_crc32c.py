"""CRC-32C against the vectors of RFC 3720 and a loop over bits."""

from __future__ import annotations

import numpy as np
import pytest
from written_by_hand import crc32c_bit_by_bit

from gfsalnet.models.official_weights.crc32c import crc32c, masked


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"", 0),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
)
def test_vectors_of_rfc_3720(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


@pytest.mark.parametrize("length", [4095, 4096, 4097, 3 * 4096 + 5, 8 * 4096])
def test_many_lanes_give_what_one_byte_after_another_gives(length: int) -> None:
    data = np.random.default_rng(length).integers(0, 256, length, dtype=np.uint8).tobytes()
    assert crc32c(data) == crc32c_bit_by_bit(data)
    assert crc32c(memoryview(data)) == crc32c(data)


def test_one_wrong_bit_anywhere_shows() -> None:
    data = bytearray(range(256)) * 40
    right = crc32c(bytes(data))
    for place in (0, 1, 5000, len(data) - 1):
        data[place] ^= 4
        assert crc32c(bytes(data)) != right
        data[place] ^= 4


def test_the_stored_form_is_rotated_and_shifted() -> None:
    checksum = crc32c(b"foo")
    rotated = int(f"{checksum:032b}"[17:] + f"{checksum:032b}"[:17], 2)
    assert masked(checksum) == (rotated + 0xA282EAD8) % 2**32
    assert masked(checksum) != checksum
