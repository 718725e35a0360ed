"""AV1 without a container: units with their lengths (AV1 Bitstream & Decoding Process Specification, section 5)."""

from __future__ import annotations

from gfsalnet.video.structure.base import FileBytes, Structure

_DELIMITER = bytes([0x12, 0])
"""What each picture begins with, as a unit without content."""
_FORBIDDEN, _HAS_EXTENSION, _HAS_SIZE, _RESERVED = 0x80, 0x04, 0x02, 0x01
_LONGEST_NUMBER_BYTES = 8


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures by their delimiters."""
    if file.at(0, 2) != _DELIMITER:
        return Structure()  # the other form, with the lengths of pictures before them
    at, pictures = 0, 0
    while at < file.size:
        head = file.at(at, 2 + _LONGEST_NUMBER_BYTES)
        if head[0] & _FORBIDDEN or not head[0] & _HAS_SIZE or head[0] & _RESERVED:
            return Structure(is_loose=True, problem=f"what follows picture {pictures - 1} is no unit of AV1")
        pictures += head[:2] == _DELIMITER
        number = head[1 + (head[0] & _HAS_EXTENSION > 0) :]
        # Seven bits a byte, the lowest first.
        width = next((index for index, byte in enumerate(number, 1) if byte < 0x80), _LONGEST_NUMBER_BYTES)
        length = sum((byte & 0x7F) << 7 * index for index, byte in enumerate(number[:width]))
        at += len(head) - len(number) + width + length
    return Structure(at_least=pictures, is_loose=True, cut=at > file.size)
