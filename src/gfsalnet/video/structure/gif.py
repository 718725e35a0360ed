"""GIF: blocks up to a trailer (GIF89a specification, appendix A; the packing of images: appendix F)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gfsalnet.video.structure.base import FileBytes, Structure

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_COLOUR_TABLE, _TABLE_SIZE = 0x80, 0x07
_CONTROL, _COMMENT = 0xF9, 0xFE
_FIRST_BYTES = {0x01: 12, _CONTROL: 4, 0xFF: 11}
"""How long the first block of each kind of extension is: text, control, and what applications keep."""
_LOOKED_THROUGH_BYTES = 1 << 20
_LONGEST_CODE, _CODES = 12, 4096
_SPARE_BYTES = 16
"""Bytes after the last pixel of an image that are no other image: the mark of its end, and what some encoders leave."""
_DESCRIPTOR = re.compile(rb"\0\x2c(....)(....)[\x00-\x07\x40-\x47\x80-\xff][\x02-\x08]", re.DOTALL)
"""An image after the end of a chain of blocks: place, size, flags, and the size of its first codes."""

_IMAGES = re.compile(rb"\0\x21\xf9\x04....\0\x2c", re.DOTALL)
"""The end of an image, and what comes before the next one: as no other file that may be appended has it, but a GIF."""


def walk(file: FileBytes, stream: int) -> Structure:
    """Images by their descriptors."""
    flags = file.number(10, 1) or 0
    # After the signature, the screen and the colours that all images share.
    at, images, problem = 13 + _table_bytes(flags), 0, None
    while problem is None and (kind := file.number(at, 1)) is not None:
        if kind == _TRAILER and not _IMAGES.search(file.at(at + 1, _LOOKED_THROUGH_BYTES)):
            return Structure(packets=images)
        if kind == _TRAILER:
            problem = f"its end comes after image {images}, and more images after that"
        elif kind == _IMAGE:
            images += 1
            # An image descriptor: its mark, left, top, width, height and flags, 10 bytes in all.
            start = at + 10 + _table_bytes(file.number(at + 9, 1) or 0)
            pixels = (file.number(at + 5, 2, "little") or 0) * (file.number(at + 7, 2, "little") or 0)
            is_sound, at = _image_is_sound(file, start, pixels)
            problem = None if is_sound else f"image {images} holds more or less than its pixels"
        elif kind == _EXTENSION:
            is_sound, at = _extension_is_sound(file, at)
            problem = None if is_sound else f"the extension after image {images} holds more than it may"
        else:
            problem = f"what follows image {images} is no part of a GIF"
    is_cut = at >= file.size
    return Structure(cut=is_cut, problem=None if is_cut else problem)


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & _TABLE_SIZE) + 1) if flags & _COLOUR_TABLE else 0


def _lengths(file: FileBytes, at: int) -> list[int]:
    """Of a chain of blocks, each with its length before it, up to one of length 0, or to the end of the file."""
    lengths = []
    while length := file.number(at, 1):
        lengths.append(length)
        at += 1 + length
    return lengths


def _is_regular(lengths: list[int]) -> bool:
    """Whether all blocks but the last are equally long, as encoders make them: then the chain has not lost its way."""
    return len(set(lengths[:-1])) <= 1 and lengths[-1:] <= lengths[:1]


def _extension_is_sound(file: FileBytes, at: int) -> tuple[bool, int]:
    """Whether an extension has not swallowed the images after it; and where it ends."""
    kind, lengths = file.number(at + 1, 1), _lengths(file, at + 2)
    end = at + 2 + sum(lengths) + len(lengths) + 1
    if kind == _CONTROL:
        return lengths == [_FIRST_BYTES[kind]], end
    if kind in _FIRST_BYTES and lengths[:1] != [_FIRST_BYTES[kind]]:
        return False, end
    if kind not in _FIRST_BYTES and kind != _COMMENT and not _is_regular(lengths):
        return False, end
    screen = file.number(6, 2, "little") or 0, file.number(8, 2, "little") or 0
    inside = file.at(at + 2, min(end - at - 2, _LOOKED_THROUGH_BYTES))
    return not any(_fits(found, screen) for found in _DESCRIPTOR.finditer(inside)), end


def _fits(found: re.Match[bytes], screen_wh: tuple[int, int]) -> bool:
    """Whether what looks like an image lies on the screen."""
    (left, top), (width, height) = (
        (int.from_bytes(pair[:2], "little"), int.from_bytes(pair[2:], "little")) for pair in found.groups()
    )
    return 0 < width <= screen_wh[0] - left and 0 < height <= screen_wh[1] - top


def _image_is_sound(file: FileBytes, at: int, pixels: int) -> tuple[bool, int]:
    """Whether an image has not swallowed the next ones; and where it ends."""
    lengths = _lengths(file, at + 1)
    end = at + 1 + sum(lengths) + len(lengths) + 1
    if _is_regular(lengths):
        return True, end
    taken = _bytes_of_pixels(_bytes(file, at + 1), file.number(at, 1) or 0, pixels)
    return taken is not None and sum(lengths) - taken <= _SPARE_BYTES, end


def _bytes(file: FileBytes, at: int) -> Iterator[int]:
    """The content of a chain of blocks."""
    while length := file.number(at, 1):
        yield from file.at(at + 1, length)
        at += 1 + length


def _bytes_of_pixels(packed: Iterator[int], first_bits: int, pixels: int) -> int | None:
    """How many bytes hold so many pixels; None where they are no such picture."""
    if not 0 < first_bits < _LONGEST_CODE:
        return None
    clear = 1 << first_bits
    # How many pixels each code stands for; the two after the colours are marks.
    fresh = [1] * clear + [0, 0]
    runs, width, before = fresh.copy(), first_bits + 1, 0
    bits = value = taken = found = 0
    for byte in packed:
        value |= byte << bits
        bits, taken = bits + 8, taken + 1
        while bits >= width:
            code, value, bits = value & (1 << width) - 1, value >> width, bits - width
            if code == clear:
                runs, width, before = fresh.copy(), first_bits + 1, 0
                continue
            if code == clear + 1 or code > len(runs) or (code == len(runs) and not before):
                return None
            # Each code but the first names a new one: that before it, and one pixel more.
            if before and len(runs) < _CODES:
                runs.append(before + 1)
                width = min(len(runs).bit_length(), _LONGEST_CODE)
            before = runs[code] if code < len(runs) else before + 1
            found += before
            if found >= pixels:
                return taken
    return None
