"""NUT: frames whose first byte stands for a row of a table in the header (NUT Open Container Format, nut.txt)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntFlag

from gfsalnet.video.structure.base import FileBytes, Structure

_MAIN = bytes.fromhex("4e4d7a561f5f04ad")
_RESYNC = bytes.fromhex("4e4be4adeeca4569")
_MARKS = (_MAIN, _RESYNC, *map(bytes.fromhex, ("4e5311405bf2f9db", "4e58dd672f23e64e", "4e49ab68b596ba78")))
"""How packets begin that hold no frame: the header, the places to start from, streams, the index, and information."""
_MARK_BYTES, _LONGEST_WITHOUT_CHECKSUM = 8, 4096
_SEARCHED_BYTES, _HEADER_BYTES, _FRAME_HEADER_BYTES = 1 << 16, 1 << 16, 256
_ROWS, _NOT_A_ROW = 256, 0x4E
_SPLIT_VERSION = 3
"""Later ones have a second number."""
_LONGEST_NUMBER_BYTES = 10
_LONGEST_SHARED = 4096
"""Longer frames do not leave out their first bytes."""


class _Flags(IntFlag):
    """What the header of a frame holds besides its row, in this order after the row; the first may change the flags."""

    CODED = 1 << 12
    STREAM = 1 << 4
    TIME = 1 << 3
    SIZE = 1 << 5
    MATCH = 1 << 11
    SHARED = 1 << 10
    RESERVED = 1 << 7
    CHECKSUM = 1 << 6
    INVALID = 1 << 13


@dataclass(frozen=True)
class _Row:
    flags: int
    stream: int = 0
    step: int = 1
    """In bytes, of the upper part of a size."""
    size: int = 0
    reserved: int = 0
    shared: int = 0
    """Which of the beginnings in the header is that of the frame."""


class _Numbers:
    """Numbers of seven bits a byte; IndexError at the end, or where one is longer than numbers are."""

    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    def next(self) -> int:
        """An unsigned number; of a signed one the code."""
        value = 0
        for _ in range(_LONGEST_NUMBER_BYTES):
            byte = self._data[self.at]
            value, self.at = value << 7 | byte & 0x7F, self.at + 1
            if byte < 0x80:
                return value
        raise IndexError

    def some(self, count: int) -> list[int]:
        """So many of them."""
        return [self.next() for _ in range(count)]


def walk(file: FileBytes, stream: int) -> Structure:
    """Frames by their headers."""
    at = file.at(0, _SEARCHED_BYTES).find(_MAIN)
    try:
        table = _Table(_Numbers(file.at(_content(file, at)[0], _HEADER_BYTES)))
    except IndexError:
        return Structure(problem="its header is damaged")
    frames: Counter[int] = Counter()
    while at < file.size:
        try:
            if file.at(at, _MARK_BYTES) in _MARKS:
                start, length = _content(file, at)
            else:
                number, start, length = table.frame(file, at)
                frames[number] += length > 0
                if _holds_mark(file, at, start + length):
                    raise IndexError
        except IndexError:
            if at + _MARK_BYTES > file.size:
                break
            return Structure(problem=f"what follows frame {frames[stream] - 1} is no part of a NUT")
        at = start + length
    is_cut = at != file.size
    return Structure(packets=None if is_cut else frames[stream], cut=is_cut)


def _content(file: FileBytes, at: int) -> tuple[int, int]:
    """Where the content of a packet starts, and how long it is with the checksum at its end."""
    numbers = _Numbers(file.at(at + _MARK_BYTES, _LONGEST_NUMBER_BYTES))
    length = numbers.next()
    # The head of a long one has a checksum of its own.
    return at + _MARK_BYTES + numbers.at + 4 * (length > _LONGEST_WITHOUT_CHECKSUM), length


def _holds_mark(file: FileBytes, at: int, end: int) -> bool:
    """Whether a place to start from lies within a frame: then the frame is not as long as its header says."""
    while at < end and (data := file.at(at, min(_SEARCHED_BYTES, end - at))):
        if _RESYNC in data:
            return True
        # The mark may lie across two reads.
        at += max(1, len(data) - _MARK_BYTES + 1) if at + len(data) < end else len(data)
    return False


def _field(fields: list[int], number: int, otherwise: int) -> int:
    return fields[number] if number < len(fields) else otherwise


class _Table:
    """The table of the header: what a frame is like whose header begins with a byte."""

    def __init__(self, numbers: _Numbers) -> None:
        if numbers.next() > _SPLIT_VERSION:
            numbers.next()
        self._streams, _, bases = numbers.some(3)
        numbers.some(2 * bases)
        self._rows: list[_Row] = []
        step, stream, shared = 1, 0, 0
        while len(self._rows) < _ROWS:
            flags, count = numbers.some(2)
            fields = numbers.some(count)
            # Of fields that are left out, these keep the value of the row before.
            step, stream, shared = _field(fields, 1, step), _field(fields, 2, stream), _field(fields, 7, shared)
            size, reserved = _field(fields, 3, 0), _field(fields, 4, 0)
            for number in range(min(_field(fields, 5, step - size), _ROWS)):
                self._add(_Row(flags, stream, step, size + number, reserved, shared))
        self._shared_bytes = [0]
        for _ in range(numbers.next()):
            self._shared_bytes.append(numbers.next())
            numbers.at += self._shared_bytes[-1]

    def _add(self, row: _Row) -> None:
        # The first byte of all marks stands for no row.
        if len(self._rows) == _NOT_A_ROW:
            self._rows.append(_Row(_Flags.INVALID))
        self._rows.append(row)

    def frame(self, file: FileBytes, at: int) -> tuple[int, int, int]:
        """The stream of a frame, where its content starts, and how long it is; IndexError if there is no frame."""
        numbers = _Numbers(file.at(at, _FRAME_HEADER_BYTES))
        row = self._rows[file.at(at, 1)[0]]
        numbers.at = 1
        flags = row.flags ^ (numbers.next() if row.flags & _Flags.CODED else 0)
        stream = numbers.next() if flags & _Flags.STREAM else row.stream
        if flags & _Flags.TIME:
            numbers.next()
        size = row.size + row.step * (numbers.next() if flags & _Flags.SIZE else 0)
        if flags & _Flags.MATCH:
            numbers.next()
        shared = numbers.next() if flags & _Flags.SHARED else row.shared
        numbers.some(numbers.next() if flags & _Flags.RESERVED else row.reserved)
        if flags & _Flags.INVALID or stream >= self._streams:
            raise IndexError
        left_out = self._shared_bytes[shared] if size <= _LONGEST_SHARED else 0
        return stream, at + numbers.at + 4 * (flags & _Flags.CHECKSUM > 0), max(0, size - left_out)
