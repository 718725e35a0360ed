"""GIF: blocks up to a trailer (GIF89a specification, appendix A)."""

from __future__ import annotations

from gfsalnet.video.structure.base import FileBytes, Structure

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_COLOUR_TABLE, _TABLE_SIZE = 0x80, 0x07


def walk(file: FileBytes, stream: int) -> Structure:
    """Images by their descriptors."""
    flags = file.number(10, 1) or 0
    at, images = 13 + _table_bytes(flags), 0
    while (kind := file.number(at, 1)) is not None:
        if kind == _TRAILER:
            return Structure(packets=images)
        if kind == _IMAGE:
            images += 1
            flags = file.number(at + 9, 1) or 0
            at = _after_blocks(file, at + 11 + _table_bytes(flags))  # a byte with the code size comes before the blocks
        elif kind == _EXTENSION:
            at = _after_blocks(file, at + 2)
        else:
            return Structure(problem=f"what follows image {images} is no part of a GIF")
    return Structure(cut=True)


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & _TABLE_SIZE) + 1) if flags & _COLOUR_TABLE else 0


def _after_blocks(file: FileBytes, at: int) -> int:
    """Where a chain of blocks, each with its length before it, ends."""
    while length := file.number(at, 1):
        at += 1 + length
    return at + 1
