"""Motion JPEG without a container: one JPEG after the other (ITU-T T.81, annex B)."""

from __future__ import annotations

import re

from gfsalnet.video.structure.base import FileBytes, Structure

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_SEGMENTS = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xF0), 0xFE})
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""A mark, and none of those that may be in the midst of a picture's data."""
_PADDING = re.compile(rb"[\x00\xff]*")
_SEARCHED_BYTES = 1 << 16


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures from their start to their end, by the lengths of their parts; between them there may be padding."""
    at, pictures = _after_padding(file, 0), 0
    while at < file.size:
        if file.at(at, 2) != bytes([0xFF, _START]):
            return Structure(is_loose=True, problem=f"what follows picture {pictures - 1} is no JPEG")
        end, problem = _end_of_picture(file, at + 2)
        if problem is not None:
            return Structure(is_loose=True, problem=f"{problem} in picture {pictures}")
        if end > file.size:
            return Structure(is_loose=True, cut=True)
        pictures, at = pictures + 1, _after_padding(file, end)
    # Of fields there are two to a frame.
    return Structure(at_least=pictures, is_loose=True)


def _end_of_picture(file: FileBytes, at: int) -> tuple[int, str | None]:
    """Where a picture ends, beyond the file if it is cut, and what is wrong before that."""
    while ((head := file.at(at, 4)) and len(head) == 4) or head[1:2] == bytes([_END]):
        if head[0] != 0xFF:
            return at, "there is something between the parts"
        mark, length = head[1], int.from_bytes(head[2:4], "big")
        if mark == _END:
            return at + 2, None
        if mark == 0xFF:
            at += 1  # marks may be filled up
            continue
        if mark not in _SEGMENTS or length < 2:
            return at, "there is a part of no known kind"
        at += 2 + length
        if mark == _SCAN:
            at = _next_marker(file, at)
    return file.size + 1, None


def _next_marker(file: FileBytes, at: int) -> int:
    while at < file.size:
        if found := _MARKER.search(file.at(at, _SEARCHED_BYTES)):
            return at + found.start()
        # The mark may lie across two reads.
        at += _SEARCHED_BYTES - 1
    return file.size


def _after_padding(file: FileBytes, at: int) -> int:
    while at < file.size:
        data = file.at(at, _SEARCHED_BYTES)
        found = _PADDING.match(data)
        length = found.end() if found else 0
        # The first byte of a picture looks like padding.
        if length < len(data):
            return at + length - (length > 0 and data[length - 1] == 0xFF)
        at += length
    return at
