"""ASF and WMV: a header with counts, then packets of one size with parts of pictures (ASF specification 01.20)."""

from __future__ import annotations

from gfsalnet.video.structure.base import FileBytes, Structure

_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_OBJECT_BYTES, _DATA_HEADER_BYTES = 24, 50
_LIVE, _MULTIPLE, _KEY = 1, 1, 0x80
_HUNDRED_NANOSECONDS = 1e-7
_STAMPED = 8
"""Bytes that are stored with every part of a picture, or more: the length of the whole, and its time."""
# Where the file properties are in their object, and how wide: length of the file, packets, duration, preroll, flags,
# bytes of a packet.
_FIELDS = ((40, 8), (56, 8), (64, 8), (80, 8), (88, 4), (92, 4))


class _NotAPacketError(ValueError):
    pass


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures whose first part is found, and whether the file is as long as its header says."""
    fields = _properties(file)
    at = file.number(16, 8, "little") or 0
    if fields is None or file.at(at, 16) != _DATA:
        return Structure(problem="its header is damaged")
    size, packets, duration, preroll_ms, flags, packet_bytes = fields
    # The counts of a live recording's header were never filled in.
    if flags & _LIVE:
        return Structure()
    seconds = duration * _HUNDRED_NANOSECONDS - preroll_ms / 1000
    at += _DATA_HEADER_BYTES
    if file.size < size or file.size < at + packets * packet_bytes:
        return Structure(cut=True, seconds=seconds)
    # Packets are all of one size, so a destroyed one does not hide where the next begins.
    parts = _Parts(stream)
    for number in range(packets):
        try:
            parts.read(file.at(at + number * packet_bytes, packet_bytes))
        except (_NotAPacketError, IndexError):
            return Structure(problem=f"packet {number} makes no sense", seconds=seconds)
    return Structure(at_least=parts.pictures, problem=parts.problem, seconds=seconds)


def _properties(file: FileBytes) -> list[int] | None:
    at, end = 30, min(file.number(16, 8, "little") or 0, file.size)
    while at + _OBJECT_BYTES <= end:
        head = file.at(at, 104)
        if head[:16] == _PROPERTIES and len(head) == 104:
            return [int.from_bytes(head[start : start + width], "little") for start, width in _FIELDS]
        at += max(int.from_bytes(head[16:24], "little"), _OBJECT_BYTES)
    return None


class _Parts:
    """Puts the parts of one stream's pictures together."""

    def __init__(self, stream: int) -> None:
        self.pictures = 0
        self.problem: str | None = None
        self._stream = stream
        self._number: int | None = None
        self._have = self._whole = 0

    def read(self, packet: bytes) -> None:
        at = 1 + (packet[0] & 0x0F) if packet[0] & 0x80 else 0  # error correction
        # Two bits for each number of the header say how wide it is.
        kinds, lengths = packet[at], packet[at + 1]
        at += 2
        packet_length, at = _sized(packet, at, kinds >> 5 & 3)
        _, at = _sized(packet, at, kinds >> 1 & 3)
        padding, at = _sized(packet, at, kinds >> 3 & 3)
        at += 6  # when it is sent, and for how long it is shown
        end = (packet_length or len(packet)) - padding
        count, width = 1, 0
        if kinds & _MULTIPLE:
            count, width, at = packet[at] & 0x3F, packet[at] >> 6, at + 1
        for _ in range(count):
            at = self._part(packet, at, lengths, width, end)

    def _part(self, packet: bytes, at: int, lengths: int, width: int, end: int) -> int:
        stream = packet[at] & ~_KEY
        number, at = _sized(packet, at + 1, lengths >> 4 & 3)
        offset, at = _sized(packet, at, lengths >> 2 & 3)
        stamped, at = _sized(packet, at, lengths & 3)
        whole = int.from_bytes(packet[at : at + 4], "little") if stamped >= _STAMPED else 0
        at += stamped
        length, at = _sized(packet, at, width) if width else (end - at, at)
        if at + length > end or end > len(packet) or length < 0 or stream == 0:
            raise _NotAPacketError
        if stream == self._stream and stamped >= _STAMPED:
            self._join(number, offset, length, whole)
        return at + length

    def _join(self, number: int, offset: int, length: int, whole: int) -> None:
        if offset == 0:
            # Pictures are numbered in one byte.
            follows = self._number is None or number == (self._number + 1) % 256
            if not follows or self._have != self._whole:
                self.problem = self.problem or f"parts are missing after picture {self.pictures - 1}"
            self.pictures += 1
            self._number, self._have, self._whole = number, length, whole
        elif number != self._number or offset != self._have:
            self.problem = self.problem or f"parts are missing after picture {self.pictures - 1}"
        else:
            self._have += length


def _sized(packet: bytes, at: int, kind: int) -> tuple[int, int]:
    """A number of 0, 1, 2 or 4 bytes, and where it ends."""
    width = (0, 1, 2, 4)[kind]
    if at + width > len(packet):
        raise _NotAPacketError
    return int.from_bytes(packet[at : at + width], "little"), at + width
