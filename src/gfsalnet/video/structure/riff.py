"""AVI: chunks of a RIFF file (Microsoft, AVI RIFF File Reference; OpenDML 1.02)."""

from __future__ import annotations

from gfsalnet.video.structure.base import FileBytes, Structure

_UNKNOWN_SIZES = (0, 0xFFFFFFFF)
_HEADER_BYTES = 8
_ENTRY_BYTES, _IS_KEY = 16, 0x10
_LONGEST_HEADERS = 2**20
"""Bytes of the headers of all streams, with the indexes that OpenDML puts into them."""


def walk(file: FileBytes, stream: int) -> Structure:
    """Chunks of the video, and whether every length leads to a chunk that AVI knows."""
    declared = file.number(4, 4, "little")
    cut = declared not in (None, *_UNKNOWN_SIZES) and file.size < _HEADER_BYTES + (declared or 0)
    at, found, streams, problem, has_pictures, from_start = 0, 0, 0, None, False, False
    wanted = f"{stream:02d}".encode()
    while len(head := file.at(at, 12)) >= _HEADER_BYTES:
        name, length = head[:4], int.from_bytes(head[4:8], "little")
        if name in (b"RIFF", b"LIST") and (name == b"RIFF" or head[8:12] in (b"movi", b"rec ")):
            has_pictures |= head[8:12] == b"movi"
            at += 12  # into it
            continue
        if not _is_name(name):
            problem = f"what follows picture {found} is no part of an AVI"
            break
        if head[8:12] == b"hdrl":
            streams = file.at(at, min(length, _LONGEST_HEADERS)).count(b"strh")
        # FFmpeg passes over such a chunk in silence.
        if streams and has_pictures and name[:2].isdigit() and int(name[:2]) >= streams:
            problem = f"the chunk after picture {max(0, found - 1)} is of a stream that there is not"
            break
        if name == b"idx1":
            from_start = _lists_key_first(file.at(at + _HEADER_BYTES, min(length, _LONGEST_HEADERS)), wanted)
        # A chunk of length 0 stands for a dropped frame, of which no packet comes.
        found += name[:2] == wanted and name[2:] in (b"dc", b"db") and length > 0
        # Chunks begin at even places.
        at += _HEADER_BYTES + length + length % 2
    if not has_pictures and problem is None:
        problem = "its list of pictures is missing"
    # The byte that fills up the last chunk may be missing.
    if at > file.size + 1 and problem is None:
        problem = f"the chunk after picture {max(0, found - 1)} is longer than the file"
    packets = None if cut or problem else found
    return Structure(packets=packets, from_start=from_start, cut=cut, problem=None if cut else problem)


def _lists_key_first(index: bytes, stream: bytes) -> bool:
    """Whether the first chunk of a stream in the index is a key frame."""
    entries = (index[at : at + _ENTRY_BYTES] for at in range(0, len(index), _ENTRY_BYTES))
    flags = next((entry[4:8] for entry in entries if entry.startswith(stream)), b"")
    return int.from_bytes(flags, "little") & _IS_KEY > 0


def _is_name(name: bytes) -> bool:
    if name in (b"LIST", b"JUNK", b"idx1", b"JUNQ"):
        return True
    return (name[:2].isdigit() and name[2:] in (b"dc", b"db", b"wb", b"tx", b"pc", b"sb")) or name[:2] == b"ix"
