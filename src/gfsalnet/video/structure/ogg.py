"""Ogg: pages with numbers and checksums, which hold packets (RFC 3533)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from gfsalnet.video.structure.base import FileBytes, Structure

_CAPTURE, _HEADER_BYTES, _FULL = b"OggS", 27, 255
"""A page begins with the lengths of its packets, in steps of 255; a lower one ends a packet."""
_FIRST, _LAST = 2, 4
_ALL_BITS = (1 << 32) - 1
_TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Every byte with its last bit first."""
_SEARCHED_BYTES = 1 << 16
_THEORA, _THEORA_HEADER, _VP8 = b"\x80theora", 0x80, b"OVP80"


@dataclass(frozen=True)
class _Page:
    flags: int
    stream: int
    """A number that was drawn at random."""
    number: int
    sizes: bytes
    content: bytes


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures of a stream, if its pages are all there, from the one marked as its first to the one marked as its last.

    Where streams begin anew, another recording was appended; its pictures count as well.
    """
    streams: list[int] = []
    are_beginning, pages, expected, is_ended = False, 0, 0, True
    pictures = _Pictures()
    for page in _pages(file):
        is_first = page.flags & _FIRST > 0
        if is_first:
            streams = [*streams, page.stream] if are_beginning else [page.stream]
        are_beginning = is_first
        if streams[stream : stream + 1] != [page.stream]:
            continue
        if is_first and not is_ended:
            return Structure(problem=f"its video begins anew after page {pages - 1}, without an end")
        if not is_first and page.number > expected:
            return Structure(problem=f"pages of the video are missing after page {pages - 1}")
        pictures.add(page)
        expected, is_ended, pages = page.number + 1, page.flags & _LAST > 0, pages + 1
    if not pages:
        return Structure(problem="the first page of its video is damaged")
    return Structure(packets=pictures.count if is_ended else None, cut=not is_ended)


class _Pictures:
    """Counts packets that hold pictures."""

    def __init__(self) -> None:
        self._codec = self._begun = b""
        self._found = 0

    @property
    def count(self) -> int | None:
        """How many there were; None for codecs whose other packets are not known here."""
        return self._found if self._codec else None

    def add(self, page: _Page) -> None:
        """Note those that end in a page."""
        if page.flags & _FIRST:
            self._codec = next((codec for codec in (_THEORA, _VP8) if page.content.startswith(codec)), b"")
        at = 0
        for size in page.sizes:
            # Of a packet, its first bytes tell what it holds.
            self._begun = self._begun or page.content[at : at + min(size, len(_VP8))]
            at += size
            if size < _FULL:
                self._found += self._holds_picture()
                self._begun = b""

    def _holds_picture(self) -> bool:
        # An empty packet repeats the picture before.
        if not self._begun or self._codec == _VP8:
            return bool(self._begun) and self._begun != _VP8
        return not self._begun[0] & _THEORA_HEADER


def _pages(file: FileBytes) -> Iterator[_Page]:
    """The pages whose checksum is right; players look for the next one after any other."""
    at = 0
    while (at := _next_capture(file, at)) < file.size:
        head = file.at(at, _HEADER_BYTES)
        sizes = file.at(at + _HEADER_BYTES, head[-1])
        page = head + sizes + file.at(at + _HEADER_BYTES + len(sizes), sum(sizes))
        if len(page) < _HEADER_BYTES or _checksum(page) != int.from_bytes(page[22:26], "little"):
            at += 1
            continue
        stream, number = int.from_bytes(page[14:18], "little"), int.from_bytes(page[18:22], "little")
        yield _Page(page[5], stream, number, sizes, page[_HEADER_BYTES + len(sizes) :])
        at += len(page)


def _next_capture(file: FileBytes, at: int) -> int:
    """Where a page may begin, from `at` on; the size of the file if nowhere."""
    while at < file.size:
        found = file.at(at, _SEARCHED_BYTES).find(_CAPTURE)
        if found >= 0:
            return at + found
        # The mark may lie across two reads.
        at += _SEARCHED_BYTES - len(_CAPTURE) + 1
    return file.size


def _checksum(page: bytes) -> int:
    """As of a page in which the place of the checksum holds zeros; zlib's with the bits of all bytes turned round."""
    turned = (page[:22] + bytes(4) + page[26:]).translate(_TURNED)
    value = zlib.crc32(turned, _ALL_BITS) ^ _ALL_BITS
    return int(f"{value:032b}"[::-1], 2)
