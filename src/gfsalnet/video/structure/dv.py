"""DV: pictures of one length, each of 10 or 12 sequences with a header (SMPTE 314M, IEC 61834-2)."""

from __future__ import annotations

from gfsalnet.video.structure.base import FileBytes, Structure

_SEQUENCE_BYTES = 12_000
_HEADER, _SECTION = 0, 0xE0
"""The kind of a block, in the upper three bits of its first byte."""
_MOST_SEQUENCES = 48
"""In a picture: 12 in each of four channels."""


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures by the numbers of their sequences."""
    first = _place(file, 0)
    if first is None:
        return Structure(problem="its first picture has no start")
    sequences, left = divmod(file.size, _SEQUENCE_BYTES)
    again = (number for number in range(1, _MOST_SEQUENCES) if first == _place(file, number * _SEQUENCE_BYTES))
    length = next(again, max(1, sequences))
    expected = [_place(file, number * _SEQUENCE_BYTES) for number in range(length)]
    for number in range(sequences):
        if _place(file, number * _SEQUENCE_BYTES) != expected[number % length]:
            return Structure(problem=f"the parts of picture {number // length} are not as those before")
    is_cut = left > 0 or sequences % length > 0
    return Structure(packets=None if is_cut else sequences // length, cut=is_cut)


def _place(file: FileBytes, at: int) -> bytes | None:
    """The channel and the number of a sequence; None where none begins."""
    head = file.at(at, 3)
    return head[1:] if len(head) == 3 and head[0] & _SECTION == _HEADER else None
