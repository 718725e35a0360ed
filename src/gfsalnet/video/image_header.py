"""Width and height from the first bytes of an image file, so that nothing absurd is ever decoded."""

from __future__ import annotations

import math
import re
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
TIFF_SHORT = 3
TIFF_REDUCED = 1
"""Flag of `TIFF_SUBFILE_TYPE`: a smaller copy of another page."""


def header_size_wh(data: bytes) -> tuple[int, int] | None:
    """Stored width and height (before any EXIF rotation) of every format of pictures that is read.

    None where the format is another one or the header is cut off: the decoder then has the last word.
    """
    for at, magic, size_wh in _FORMATS:
        if data.startswith(magic, at):
            try:
                return size_wh(data)
            except (struct.error, IndexError, ValueError):
                return None
    return None


def is_deep(data: bytes) -> bool:
    """Whether a PNG has four channels of 16 bits, which take half as much again while they are decoded."""
    return data.startswith(b"\x89PNG") and data[24:26] == b"\x10\x06"


def file_size_wh(path: Path) -> tuple[int, int] | None:
    """`header_size_wh` of a file; None also where it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(FIRST_BYTES)
            return header_size_wh(head) or header_size_wh(head + file.read(HEADER_BYTES - FIRST_BYTES))
    except OSError:
        return None


def tiff_pages(path: Path) -> dict[int, tuple[int, int]]:
    """Position → width and height of the pages of a TIFF, without smaller copies of others (pyramids, thumbnails).

    What cannot be followed ends the list.

    Raises:
        OSError: if the file cannot be read.
    """
    pages: dict[int, tuple[int, int]] = {}
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
                values = {
                    tag: _tiff_value(kind, value, order)
                    # Entries of 12 bytes: tag, type, count, and the value itself where it is short enough.
                    for tag, kind, _, value in struct.iter_unpack(order + "HHI4s", file.read(12 * count))
                }
                (at,) = struct.unpack(order + "I", file.read(4))
                if not values.get(TIFF_SUBFILE_TYPE, 0) & TIFF_REDUCED:
                    pages[len(seen) - 1] = values.get(TIFF_WIDTH, 0), values.get(TIFF_HEIGHT, 0)
        except struct.error:
            pass
    return pages


def _tiff_value(kind: int, value: bytes, order: str) -> int:
    """A number that lies in its entry itself: of 16 bits, or of 32."""
    (number,) = struct.unpack_from(order + ("H" if kind == TIFF_SHORT else "I"), value)
    return int(number)


def webp_pictures(data: bytes) -> int:
    """How many pictures an animated WebP holds: its ANMF chunks."""
    at, count = 12, 0
    while at + 8 <= len(data):
        count += data[at : at + 4] == b"ANMF"
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return count


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
            # After the marker, the length and the bits per sample.
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
        # Lossless: 14 bits each, less one, after a byte that marks the format.
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        # 14 bits each; the two above them only ask for scaling.
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


def _heif(data: bytes) -> tuple[int, int] | None:
    """The largest of all the pictures that an AVIF or HEIC file is put together of."""
    sizes = []
    at = data.find(b"ispe")
    while at >= 0:
        # After the name and four bytes of version and flags.
        sizes.append(struct.unpack_from(">II", data, at + 8))
        at = data.find(b"ispe", at + 4)
    return max(sizes, key=math.prod, default=None)


def _jp2(data: bytes) -> tuple[int, int] | None:
    at = data.find(b"ihdr")
    if at < 0:
        return None
    height, width = struct.unpack_from(">II", data, at + 4)
    return width, height


def _codestream(data: bytes) -> tuple[int, int]:
    """JPEG 2000 without a file around it: the marker SIZ comes second."""
    # A canvas, and where on it the picture begins.
    right, bottom, left, top = struct.unpack_from(">IIII", data, 8)
    return right - left, bottom - top


def _pnm(data: bytes) -> tuple[int, int]:
    """PBM, PGM and PPM: numbers in text, and comments."""
    words = re.sub(rb"#[^\r\n]*", b" ", data[2:HEADER_BYTES]).split(maxsplit=2)
    return int(words[0]), int(words[1])


def _pam(data: bytes) -> tuple[int, int] | None:
    sides = [re.search(rb"^%b[ \t]+(\d+)" % side, data[:HEADER_BYTES], re.MULTILINE) for side in (b"WIDTH", b"HEIGHT")]
    width, height = (None if side is None else int(side[1]) for side in sides)
    return None if width is None or height is None else (width, height)


_FORMATS: list[tuple[int, bytes, Callable[[bytes], tuple[int, int] | None]]] = [
    (0, b"\x89PNG\r\n\x1a\n", _png),
    (0, b"\xff\xd8\xff", _jpeg),
    (0, b"BM", _bmp),
    (0, b"RIFF", _webp),
    (0, b"GIF8", _gif),
    (0, b"II*\x00", _tiff),
    (0, b"MM\x00*", _tiff),
    (4, b"ftyp", _heif),
    (4, b"jP  ", _jp2),
    (0, b"\xff\x4f\xff\x51", _codestream),
    *((0, mark, _pnm) for mark in (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")),
    (0, b"P7", _pam),
]
