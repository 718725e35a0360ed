"""The wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), as far as weights files need it.

Read by hand, in place of the protobuf package: Caffe's and TensorFlow's files need a dozen fields, and the package
would have to come with the compiled schemas of both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


class Message:
    """The fields of an encoded message, by number; messages inside it are left unread.

    Raises:
        ValueError: if it is damaged or cut off.
    """

    def __init__(self, data: memoryview) -> None:
        self._fields: dict[int, list[int | memoryview]] = defaultdict(list)
        for number, value in _fields(data):
            self._fields[number].append(value)

    def parts(self, number: int) -> list[memoryview]:
        """Every value of a field that holds bytes: text, messages, fixed-width or packed numbers."""
        return [value for value in self._fields[number] if isinstance(value, memoryview)]

    def numbers(self, number: int) -> list[int]:
        """Every whole number ≥ 0 of a field, packed or not."""
        numbers: list[int] = []
        for value in self._fields[number]:
            numbers.extend([value] if isinstance(value, int) else _varints(value))
        return numbers

    def number(self, number: int) -> int:
        """The last whole number ≥ 0 of a field; 0 without one."""
        return (self.numbers(number) or [0])[-1]


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number that starts at a position, seven bits a byte with the low ones first, and the position after it.

    >>> varint(memoryview(bytes([0, 0b1010_1100, 0b0000_0010])), 1)
    (300, 3)
    """
    value = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("a number is cut off")
        byte = data[at]
        # The high bit says whether another byte follows.
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = varint(data, at)
        yield value


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        # A tag is the number of the field and, in its lowest three bits, how its value is written.
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = varint(data, at)
            yield number, value
            continue
        if kind == _LENGTH:
            length, at = varint(data, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"there is no wire type {kind}")
        # A slice past the end would silently be shorter.
        if at + length > len(data):
            raise ValueError("a field is cut off")
        yield number, data[at : at + length]
        at += length
