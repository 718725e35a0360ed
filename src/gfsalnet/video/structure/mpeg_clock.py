"""The clock of MPEG's program and transport streams (ISO/IEC 13818-1, 2.4.3.7 and 2.5.3.4)."""

from __future__ import annotations

TICKS = 90_000
"""A second."""


def ticks(coded: bytes, bits_behind: int = 1) -> int:
    """A time: 33 bits in five bytes, with one other bit between its parts of 3, 15 and 15.

    Args:
        coded: the five bytes.
        bits_behind: how many bits follow the last part.
    """
    bits = int.from_bytes(coded[:5], "big") >> bits_behind
    return (bits >> 32 & 7) << 30 | (bits >> 16 & 0x7FFF) << 15 | bits & 0x7FFF
