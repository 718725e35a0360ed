"""MPEG program streams, as on DVD: packets with their lengths (ISO/IEC 13818-1 and 11172-1)."""

from __future__ import annotations

from gfsalnet.video.structure.base import FileBytes, Structure
from gfsalnet.video.structure.mpeg_clock import TICKS, ticks

_PACK, _END, _FIRST_WITH_LENGTH = 0xBA, 0xB9, 0xBB
_MPEG2 = 0b01
_SECTOR_BYTES = 2048
_MOST_PADDING_BYTES = 64
"""Zeros between two packets: on a Video CD there are 20 after those of the sound."""


def walk(file: FileBytes, stream: int) -> Structure:
    """Starts of pictures that have a time; the pictures between those have none."""
    at, pictures, zeros, is_ended = 0, 0, 0, False
    while len(head := file.at(at, 14)) >= 4:
        code = head[3]
        if head[:3] != b"\0\0\1" or code < _END:
            rest = file.at(at, 1 << 16)
            if not rest.strip(b"\0"):
                zeros += len(rest)
                at += len(rest)
                continue
            padding = len(rest) - len(rest.lstrip(b"\0")) - 2
            if 0 < padding <= _MOST_PADDING_BYTES and rest[padding : padding + 3] == b"\0\0\1":
                at += padding
                continue
            return Structure(is_loose=True, problem=f"what follows picture {pictures - 1} is no packet")
        is_ended = code == _END
        if is_ended:
            at += 4
        elif code == _PACK:
            at += _pack_bytes(head)
        else:
            # FFmpeg numbers a stream 0x100 above the code of its packets.
            pictures += code == stream & 0xFF and _has_time(head)
            at += 6 + int.from_bytes(head[4:6], "big")
    # A few zeros are padding, and so is what follows the end; others are room for what never came.
    cut = at > file.size or 0 < len(head) < 4 or (zeros >= _SECTOR_BYTES and not is_ended)
    from_start = _starts_clock(file.at(0, 14))
    return Structure(at_least=pictures, is_loose=True, from_start=from_start, cut=cut)


def _pack_bytes(head: bytes) -> int:
    """How long the header of a pack is: in MPEG-2 it ends with a number of stuffing bytes, in MPEG-1 it is shorter."""
    if len(head) < 14 or head[4] >> 6 != _MPEG2:
        return 12
    return 14 + (head[13] & 7)


def _starts_clock(head: bytes) -> bool:
    """Whether a stream begins with a pack of its first half second: only who writes it begins there."""
    if len(head) < 14 or head[:4] != bytes([0, 0, 1, _PACK]):
        return False
    return ticks(head[4:9], bits_behind=3 if head[4] >> 6 == _MPEG2 else 1) < TICKS / 2


def _has_time(head: bytes) -> bool:
    if len(head) < 14:
        return False
    if head[6] >> 6 == 0b10:  # MPEG-2
        return head[7] & 0x80 > 0
    return head[6] >> 4 in (2, 3)
