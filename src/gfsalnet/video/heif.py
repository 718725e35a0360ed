"""How an AVIF or HEIC picture is put together, by its boxes (ISO 23008-12): decoders give it as it is stored."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from gfsalnet.types import RGB

HEAD_BYTES = 1 << 20
"""The boxes that describe a picture come first, and are small; its pixels follow."""
STILL_BRANDS = frozenset({b"avif", b"mif1", b"heic", b"heix", b"heim", b"heis", b"miaf"})
SEQUENCE_BRANDS = frozenset({b"avis", b"hevc", b"hevx", b"msf1"})

Box = tuple[bytes, bytes]


@dataclass
class Still:
    """How the main picture of a file is to be turned."""

    steps: list[tuple[bytes, int]] = field(default_factory=list)
    """`irot` with quarter turns against the clock, `imir` with 0 for upside down and 1 for left to right, in order."""

    def upright(self, rgb: RGB) -> RGB:
        """(H, W, 3) stored pixels as they are to be seen."""
        for name, value in self.steps:
            rgb = np.rot90(rgb, value) if name == b"irot" else np.flip(rgb, value)
        return np.ascontiguousarray(rgb)


def is_still(head: bytes) -> bool:
    """Whether the main brand of a file says that it holds a picture."""
    return head[4:8] == b"ftyp" and head[8:12] in STILL_BRANDS


def is_sequence(head: bytes) -> bool:
    """Whether the main brand of a file says that it holds an AVIF or HEIC sequence."""
    return head[4:8] == b"ftyp" and head[8:12] in SEQUENCE_BRANDS


def main_picture(head: bytes) -> Still:
    """The main picture by the first bytes of a file; without turns where they cannot be made out."""
    try:
        meta = next((body[4:] for name, body in _boxes(head) if name == b"meta"), b"")
        inside = dict(_boxes(meta))
        # After four bytes of version and flags; version 1 has wider numbers.
        item = _number(inside[b"pitm"], 4, 2 if inside[b"pitm"][0] == 0 else 4)
        properties = dict(_boxes(inside[b"iprp"]))
        listed = list(_boxes(properties[b"ipco"]))
        used = _associations(properties[b"ipma"]).get(item, [])
    except (KeyError, IndexError, struct.error):
        return Still()
    chosen = [listed[at - 1] for at in used if 0 < at <= len(listed)]
    # The lowest bits: two for quarter turns, one for the axis.
    masks = {b"irot": 3, b"imir": 1}
    return Still([(name, body[0] & masks[name]) for name, body in chosen if name in masks and body])


def _boxes(data: bytes) -> Iterator[Box]:
    at = 0
    while at + 8 <= len(data):
        length, start = _number(data, at, 4), at + 8
        # ISO 14496-12: 1 means that the length follows in 64 bits, 0 that the box reaches to the end of the file.
        if length == 1:
            length, start = _number(data, at + 8, 8), at + 16
        if length == 0:
            length = len(data) - at
        if length < 8:
            return
        yield data[at + 4 : at + 8], data[start : at + length]
        at += length


def _number(data: bytes, at: int, width: int) -> int:
    if at + width > len(data):
        raise IndexError(at)
    return int.from_bytes(data[at : at + width], "big")


def _associations(ipma: bytes) -> dict[int, list[int]]:
    """Item → the 1-based positions of its properties, in order."""
    # The version widens the numbers of items, a flag those of properties; the high bit of each says "essential".
    wide_items, wide_positions = ipma[0] > 0, ipma[3] & 1
    found: dict[int, list[int]] = {}
    count, at = _number(ipma, 4, 4), 8
    for _ in range(count):
        item = _number(ipma, at, 4 if wide_items else 2)
        at += 4 if wide_items else 2
        properties, at = _number(ipma, at, 1), at + 1
        width = 2 if wide_positions else 1
        mask = 0x7FFF if wide_positions else 0x7F
        found[item] = [_number(ipma, at + width * n, width) & mask for n in range(properties)]
        at += width * properties
    return found
