"""RealMedia: chunks, of which one holds packets and says how many (RealMedia File Format, RealNetworks)."""

from __future__ import annotations

from gfsalnet.video.structure.base import FileBytes, Structure

_HEADER, _DATA, _STREAM = b".RMF", b"DATA", b"MDPR"
_CHUNK_BYTES, _DATA_HEADER_BYTES = 8, 18
_PACKET_BYTES = (12, 13)
"""The header of a packet, by its version."""
_WHOLE, _SEVERAL = 1, 3
"""What a packet holds, by its upper two bits, if not a part of a picture."""
_IS_SHORT = 0x4000
"""The mark of a number of two bytes; others have four."""


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures by their numbers, and whether there are as many packets as the file says."""
    at, streams = 0, set()
    while (name := file.at(at, 4)) != _DATA:
        size = file.number(at + 4, 4) or 0
        if size < _CHUNK_BYTES or (at == 0 and name != _HEADER):
            return Structure(problem="its header is damaged")
        if name == _STREAM:
            # After the name, the length and the version of the chunk.
            streams.add(file.number(at + 10, 2))
        at += size
    stated, packets, pictures, latest = file.number(at + 10, 4) or 0, 0, 0, -1
    at += _DATA_HEADER_BYTES
    # The count of a live recording was never filled in.
    while packets < stated or (not stated and at < file.size):
        version, length, number = (file.number(at + place, 2) for place in (0, 2, 4))
        if version is None or length is None or number is None:
            return Structure(cut=True)
        if not stated and length == 0:
            break
        if version >= len(_PACKET_BYTES) or length < _PACKET_BYTES[version] or number not in streams:
            return Structure(problem=f"packet {packets} makes no sense")
        if number == stream:
            before, latest = latest, _number_of(file.at(at + _PACKET_BYTES[version], 11))
            pictures += latest != before or latest < 0
        at, packets = at + length, packets + 1
    return Structure(at_least=pictures, cut=at > file.size)


def _number_of(content: bytes) -> int:
    """The lowest byte of the number of the picture that a packet of video belongs to; -1 if it does not say."""
    kind, at = content[0] >> 6 if content else _WHOLE, 1
    if kind == _WHOLE:
        return -1
    at += kind != _SEVERAL
    # The length of the picture, and where in it this part lies.
    for _ in range(2):
        at += 2 if int.from_bytes(content[at : at + 2], "big") & _IS_SHORT else 4
    return content[at] if at < len(content) else -1
