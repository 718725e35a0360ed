"""Width and height from the first bytes of an image file, so that nothing absurd is ever decoded."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

HEADER_BYTES = 1 << 18
"""Enough for the size of all but strange files: a JPEG has at most a few 64 KiB segments before it."""
FIRST_BYTES = 1 << 12
"""Enough for most."""

JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0…SOF15 without DHT, JPG and DAC, which share their range."""
TIFF_SUBFILE_TYPE, TIFF_WIDTH, TIFF_HEIGHT = 254, 256, 257
TIFF_REDUCED = 1
"""Flag of `TIFF_SUBFILE_TYPE`: a smaller copy of another page."""


def header_size_wh(data: bytes) -> tuple[int, int] | None:
    """Stored width and height (before any EXIF rotation) of PNG, JPEG, BMP, WebP, GIF or TIFF data.

    None where the format is another one or the header is cut off: the decoder then has the last word.
    """
    for magic, size_wh in _FORMATS:
        if data.startswith(magic):
            try:
                return size_wh(data)
            except (struct.error, IndexError):
                return None
    return None


def file_size_wh(path: Path) -> tuple[int, int] | None:
    """`header_size_wh` of a file; None also where it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(FIRST_BYTES)
            return header_size_wh(head) or header_size_wh(head + file.read(HEADER_BYTES - FIRST_BYTES))
    except OSError:
        return None


def tiff_pages(path: Path) -> list[int]:
    """Positions of the pages of a TIFF among its directories, without smaller copies of others (pyramids, thumbnails).

    What cannot be followed ends the list.

    Raises:
        OSError: if the file cannot be read.
    """
    pages: list[int] = []
    seen: set[int] = set()
    with path.open("rb") as file:
        order = "<" if file.read(4).startswith(b"II") else ">"
        try:
            (at,) = struct.unpack(order + "I", file.read(4))
            # A damaged file may link its directories in a circle.
            while at and at not in seen:
                seen.add(at)
                file.seek(at)
                (count,) = struct.unpack(order + "H", file.read(2))
                entries = struct.iter_unpack(order + "HHII", file.read(12 * count))
                kinds = [value for tag, _, _, value in entries if tag == TIFF_SUBFILE_TYPE]
                (at,) = struct.unpack(order + "I", file.read(4))
                if not any(kind & TIFF_REDUCED for kind in kinds):
                    pages.append(len(seen) - 1)
        except struct.error:
            pass
    return pages


def may_have_alpha(data: bytes) -> bool:
    """Whether image data can hold transparency; False only where the header rules it out."""
    if data.startswith(b"\x89PNG"):
        return data[25:26] in (b"\x04", b"\x06") or b"tRNS" in data[: data.find(b"IDAT")]
    return not data.startswith((b"\xff\xd8", b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"))


def _png(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp(data: bytes) -> tuple[int, int]:
    # The oldest BMP header, 12 bytes long, has sides of 16 bits.
    if struct.unpack_from("<I", data, 14) == (12,):
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    # A negative height means that rows are stored from the top.
    return width, abs(height)


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while True:
        # Segments follow each other: 0xFF, marker, length; the frame header holds the size.
        marker, length = struct.unpack_from(">xBH", data, at)
        if marker == 0xFF:
            at += 1  # a fill byte
        elif marker in JPEG_FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + length


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        canvas = data[24:30]
        return 1 + int.from_bytes(canvas[:3], "little"), 1 + int.from_bytes(canvas[3:], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(data: bytes) -> tuple[int, int] | None:
    order = "<" if data.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, directory)
    sides: dict[int, int] = {}
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        (sides[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, entry + 8)
    if not {TIFF_WIDTH, TIFF_HEIGHT} <= sides.keys():
        return None
    return sides[TIFF_WIDTH], sides[TIFF_HEIGHT]


_FORMATS: list[tuple[bytes, Callable[[bytes], tuple[int, int] | None]]] = [
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"BM", _bmp),
    (b"RIFF", _webp),
    (b"GIF8", _gif),
    (b"II*\x00", _tiff),
    (b"MM\x00*", _tiff),
]
