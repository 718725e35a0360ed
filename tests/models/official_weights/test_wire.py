"""The wire format of Protocol Buffers: bytes written by hand, from the examples of its specification on."""

from __future__ import annotations

import pytest

from gfsalnet.models.official_weights.wire import Message, varint


def message(*parts: bytes) -> Message:
    return Message(memoryview(b"".join(parts)))


def test_the_examples_of_the_specification() -> None:
    assert message(b"\x08\x96\x01").number(1) == 150
    assert bytes(message(b"\x12\x07testing").parts(2)[0]) == b"testing"
    inner = Message(message(b"\x1a\x03\x08\x96\x01").parts(3)[0])
    assert inner.number(1) == 150
    assert message(b"\x32\x06\x03\x8e\x02\x9e\xa7\x05").numbers(6) == [3, 270, 86942]


def test_numbers_may_be_packed_or_not_and_the_last_one_counts() -> None:
    mixed = message(b"\x08\x01", b"\x0a\x02\x02\x03", b"\x08\x04")
    assert mixed.numbers(1) == [1, 2, 3, 4]
    assert mixed.number(1) == 4
    assert message().number(1) == 0
    assert message().numbers(9) == []


def test_fixed_widths_are_kept_as_bytes_and_unknown_fields_passed_over() -> None:
    both = message(b"\x0d\x01\x02\x03\x04", b"\x11" + bytes(range(8)), b"\x98\x7d\x05")
    assert bytes(both.parts(1)[0]) == b"\x01\x02\x03\x04"
    assert bytes(both.parts(2)[0]) == bytes(range(8))
    assert both.number(2003) == 5


def test_numbers_longer_than_a_machine_word_are_read_whole() -> None:
    assert varint(memoryview(b"\xff" * 9 + b"\x01"), 0) == (2**64 - 1, 10)


@pytest.mark.parametrize("data", [b"\x08", b"\x08\x96", b"\x12\x07test", b"\x0d\x01\x02", b"\x12", b"\x0b", b"\xff"])
def test_what_is_cut_off_or_unknown_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|wire type"):
        message(data)
