"""Animated WebP: chunks of a RIFF file, each picture in one with chunks of its own (RFC 9649)."""

from __future__ import annotations

from collections.abc import Iterator

from gfsalnet.video.structure.base import FileBytes, Structure

_HEADER_BYTES, _FIRST, _PICTURE, _PLACE_BYTES = 8, 12, b"ANMF", 16
_KNOWN = frozenset({b"VP8X", b"ICCP", b"ANIM", b"EXIF", b"XMP ", _PICTURE})
_IMAGES = frozenset({b"VP8 ", b"VP8L"})


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures by their chunks; one of no known kind was a picture, which readers pass over."""
    declared, pictures, problem, end = file.number(4, 4, "little") or 0, 0, None, _FIRST
    for name, at, length in _chunks(file, _FIRST, file.size):
        end = at + length + length % 2
        if name not in _KNOWN:
            problem = problem or f"the chunk after picture {pictures - 1} is none that WebP knows"
        elif name == _PICTURE and not _holds_image(file, at, length):
            problem = problem or f"picture {pictures} holds no image"
        # One that does not fit into the file is no picture, but follows something that was put in.
        pictures += name == _PICTURE or (name not in _KNOWN and end <= file.size + 1)
    cut = max(end, declared + _HEADER_BYTES) > file.size + 1
    return Structure(packets=pictures, cut=cut, problem=problem)


def _holds_image(file: FileBytes, at: int, length: int) -> bool:
    return any(name in _IMAGES for name, _, _ in _chunks(file, at + _PLACE_BYTES, at + length))


def _chunks(file: FileBytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, where the content starts, and how long it is."""
    while at < end and len(head := file.at(at, _HEADER_BYTES)) == _HEADER_BYTES:
        length = int.from_bytes(head[4:], "little")
        yield head[:4], at + _HEADER_BYTES, length
        # Chunks begin at even places.
        at += _HEADER_BYTES + length + length % 2
