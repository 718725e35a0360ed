"""MXF: pieces, each with a key and its length (SMPTE ST 377-1, ST 379-1 and ST 379-2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gfsalnet.video.structure.base import FileBytes, Structure

_KEY_BYTES, _PREFIX = 16, bytes.fromhex("060e2b34")
_START = bytes.fromhex("060e2b34020501010d0102010102")
"""The first partition; the bytes after that say whether it is closed and complete."""
_SEQUENCE = bytes.fromhex("060e2b34025301010d01010101010f00")
_ESSENCE = bytes.fromhex("060e2b34010201010d010301")
_PICTURES = (0x05, 0x15)
"""In the container of D-10, and in the general one."""
_CLIPS = frozenset({0x03, 0x06, 0x09, 0x0B, 0x0D})
"""Kinds of pieces that hold all pictures at once."""
_KIND, _DURATION = 0x0201, 0x0202
_OF_PICTURES = bytes.fromhex("0103020201")
"""The part that tells them from sound and time codes, of the label of a kind."""
_MOST_BEFORE = 1 << 16
"""Bytes of another format that may come before the first piece."""
_LONGEST_SET_BYTES = 1 << 16


class _Piece(NamedTuple):
    key: bytes
    at: int
    """Where its content starts."""
    length: int


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures by their pieces, and by the duration of the tracks of pictures; of several tracks only the latter."""
    start = file.at(0, _MOST_BEFORE).find(_START)
    if start < 0:
        return Structure(problem="its header is damaged")
    tracks: dict[bytes, int] = {}
    stated, end, at, problem = [], 0, start, None
    for piece in _pieces(file, start):
        if piece.key[:4] != _PREFIX:
            problem = f"what follows picture {sum(tracks.values()) - 1} is no part of an MXF"
            break
        if piece.key.startswith(_START):
            # After the versions, the alignment, and where this and the partition before start.
            end = file.number(piece.at + 24, 8) or 0
        elif piece.key == _SEQUENCE and piece.length <= _LONGEST_SET_BYTES:
            stated.append(_duration(file.at(piece.at, piece.length)))
        elif piece.key.startswith(_ESSENCE) and piece.key[12] in _PICTURES:
            tracks[piece.key[12:]] = tracks.get(piece.key[12:], 0) + 1
        at = piece.at + piece.length
    # The last partition, which is written when a recording ends, starts at `end`.
    cut = problem is None and (at > file.size or start + end >= file.size)
    is_counted = len(tracks) == 1 and not _CLIPS & {track[2] for track in tracks}
    expected = max(sum(tracks.values()), min(filter(None, stated), default=0)) if is_counted else None
    return Structure(packets=expected, cut=cut, problem=problem)


def _pieces(file: FileBytes, at: int) -> Iterator[_Piece]:
    while len(head := file.at(at, _KEY_BYTES + 9)) > _KEY_BYTES:
        key, length, width = head[:_KEY_BYTES], head[_KEY_BYTES], 0
        if length & 0x80:  # the lower bits say how many bytes the length has
            width = length & 0x7F
            length = int.from_bytes(head[_KEY_BYTES + 1 : _KEY_BYTES + 1 + width], "big")
        piece = _Piece(key, at + _KEY_BYTES + 1 + width, length)
        yield piece
        at = piece.at + piece.length


def _duration(content: bytes) -> int:
    """How many pictures a sequence has by its own word; 0 if it holds none, or does not know."""
    values, at = {}, 0
    while at + 4 <= len(content):
        tag, length = int.from_bytes(content[at : at + 2], "big"), int.from_bytes(content[at + 2 : at + 4], "big")
        values[tag] = content[at + 4 : at + 4 + length]
        at += 4 + length
    if values.get(_KIND, b"")[8:13] != _OF_PICTURES:
        return 0
    return max(0, int.from_bytes(values.get(_DURATION, b""), "big", signed=True))
