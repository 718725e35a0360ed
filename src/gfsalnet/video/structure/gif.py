"""GIF: blocks up to a trailer (GIF89a specification, appendix A)."""

from __future__ import annotations

from gfsalnet.video.structure.base import FileBytes, Structure

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_COLOUR_TABLE, _TABLE_SIZE = 0x80, 0x07
_LONGEST_CODE_BYTES, _CLEARED_SHARE = 1.5, 1.02
"""A pixel takes one code of 12 bits at most, and now and then the table of codes is cleared by one."""
_BLOCKS_SHARE, _SPARE_BYTES = 256 / 255, 512


def walk(file: FileBytes, stream: int) -> Structure:
    """Images by their descriptors."""
    flags = file.number(10, 1) or 0
    # After the signature, the screen and the colours that all images share.
    at, images = 13 + _table_bytes(flags), 0
    while (kind := file.number(at, 1)) is not None:
        if kind == _TRAILER:
            return Structure(packets=images)
        if kind == _IMAGE:
            images += 1
            # An image descriptor: its mark, left, top, width, height and flags, 10 bytes in all.
            width, height = (file.number(at + place, 2, "little") or 0 for place in (5, 7))
            start = at + 11 + _table_bytes(file.number(at + 9, 1) or 0)  # with a byte for the size of the first codes
            at = _after_blocks(file, start)
            # Where the end of an image is destroyed, the next ones lie in its data, which nobody decodes.
            longest = width * height * _LONGEST_CODE_BYTES * _CLEARED_SHARE * _BLOCKS_SHARE + _SPARE_BYTES
            if at - start > longest and at <= file.size:
                return Structure(problem=f"image {images} holds more than its pixels")
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
