"""Matroska and WebM: elements of EBML (RFC 8794, RFC 9559)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from gfsalnet.video.structure.base import FileBytes, Structure

EBML, SEGMENT = 0x1A45DFA3, 0x18538067
CLUSTER, TRACKS, CUES, SEEK_HEAD, INFO, TAGS = 0x1F43B675, 0x1654AE6B, 0x1C53BB6B, 0x114D9B74, 0x1549A966, 0x1254C367
ATTACHMENTS, CHAPTERS, VOID, CHECKSUM = 0x1941A469, 0x1043A770, 0xEC, 0xBF
TIMESTAMP, POSITION, PREVIOUS_SIZE, SIMPLE_BLOCK, BLOCK_GROUP, BLOCK = 0xE7, 0xA7, 0xAB, 0xA3, 0xA0, 0xA1
SILENT_TRACKS, ENCRYPTED_BLOCK = 0x5854, 0xAF
TRACK_ENTRY, TRACK_NUMBER, TRACK_TYPE = 0xAE, 0xD7, 0x83
IN_SEGMENT = {CLUSTER, TRACKS, CUES, SEEK_HEAD, INFO, TAGS, ATTACHMENTS, CHAPTERS, VOID, CHECKSUM}
IN_CLUSTER = {TIMESTAMP, POSITION, PREVIOUS_SIZE, SIMPLE_BLOCK, BLOCK_GROUP, SILENT_TRACKS, ENCRYPTED_BLOCK}
NUMBERS, _LONGEST_NUMBER_BYTES = {TIMESTAMP, POSITION, PREVIOUS_SIZE}, 8
_VIDEO = 1
_CHUNK_BYTES = 1 << 20


@dataclass(kw_only=True)
class _Found:
    blocks: dict[int, int] = field(default_factory=dict)
    """Track number → blocks of it."""
    tracks: dict[int, int] = field(default_factory=dict)
    """Track number → its type."""
    problem: str | None = None
    spoilt: str | None = None
    """The first part with other bytes than it was written with, by its checksum; its blocks may all be there."""
    cut: bool = False


def declared_end(file: FileBytes) -> int | None:
    """Where the segment ends by its header; None for a live recording, or where there is none."""
    header = _element(file, 0)
    if header is None or header[0] != EBML or header[2] is None:
        return None
    segment = _element(file, header[1] + header[2])
    if segment is None or segment[0] != SEGMENT or segment[2] is None:
        return None
    return segment[1] + segment[2]


def walk(file: FileBytes, stream: int) -> Structure:
    """Blocks of the video track; of several video tracks it is not said which is meant."""
    found = _Found()
    header = _element(file, 0)
    segment = _element(file, header[1] + (header[2] or 0)) if header is not None else None
    if header is None or segment is None or header[0] != EBML or segment[0] != SEGMENT:
        return Structure(problem="its header is damaged")
    end = file.size if segment[2] is None else segment[1] + segment[2]
    found.cut = end > file.size
    _walk_segment(file, segment[1], min(end, file.size), found)
    videos = [number for number, kind in found.tracks.items() if kind == _VIDEO]
    strange = next((number for number in found.blocks if number not in found.tracks), None)
    problem = found.problem
    if strange is not None and found.tracks:
        problem = problem or f"a block belongs to track {strange}, which there is not"
    is_sound = problem is None and not found.cut and len(videos) == 1
    packets = found.blocks.get(videos[0], 0) if is_sound else None
    return Structure(packets=packets, cut=found.cut, problem=None if found.cut else problem or found.spoilt)


def _walk_segment(file: FileBytes, at: int, end: int, found: _Found) -> None:
    while at < end and found.problem is None:
        element = _element(file, at)
        if element is None or element[0] not in IN_SEGMENT:
            found.problem = f"what follows block {sum(found.blocks.values())} is no part of Matroska"
            return
        identifier, body, length = element
        after = end if length is None else body + length
        # Before its contents are walked through, so that the words name the block before it.
        if identifier in (CLUSTER, TRACKS) and length is not None and found.spoilt is None:
            found.spoilt = _spoilt(file, body, after, found)
        if identifier == CLUSTER:
            at = _walk_cluster(file, body, min(after, end), length is None, found)
            continue
        if identifier == TRACKS:
            _walk_tracks(file, body, min(after, end), found)
        at = after
    if at > end:
        found.cut = True


def _spoilt(file: FileBytes, at: int, end: int, found: _Found) -> str | None:
    """What a part's checksum says, which comes first in it; FFmpeg writes one, and never looks at it."""
    first = _element(file, at)
    if first is None or first[0] != CHECKSUM or first[2] != 4 or end > file.size:
        return None
    stated, at, checksum = file.number(first[1], 4, "little"), first[1] + 4, 0
    while at < end:
        chunk = file.at(at, min(_CHUNK_BYTES, end - at))
        checksum, at = zlib.crc32(chunk, checksum), at + len(chunk)
    blocks = sum(found.blocks.values())
    return None if checksum == stated else f"the checksum of what follows block {blocks} is wrong"


def _walk_cluster(file: FileBytes, at: int, end: int, open_ended: bool, found: _Found) -> int:
    """Count the blocks; where the cluster ends."""
    while at < end:
        element = _element(file, at)
        # A live recording does not know how long a cluster is: the next element of the segment ends it.
        if element is not None and open_ended and element[0] in IN_SEGMENT - {VOID, CHECKSUM}:
            return at
        if element is None or element[0] not in IN_CLUSTER | {VOID, CHECKSUM} or element[2] is None:
            found.problem = f"what follows block {sum(found.blocks.values())} is no part of a cluster"
            return end
        identifier, body, length = element[0], element[1], element[2]
        if body + length > end:
            found.cut, found.problem = found.cut or body + length > file.size, "a block is longer than its cluster"
            return end
        if identifier in NUMBERS and length > _LONGEST_NUMBER_BYTES:
            found.problem = f"a number after block {sum(found.blocks.values())} is longer than numbers are"
            return end
        if identifier == SIMPLE_BLOCK:
            _count(file, body, found)
        elif identifier == BLOCK_GROUP:
            inner = next((start for kind, start, _ in _children(file, body, body + length) if kind == BLOCK), None)
            if inner is None:
                found.problem = f"the group after block {sum(found.blocks.values())} holds no block"
                return end
            _count(file, inner, found)
        at = body + length
    return at


def _count(file: FileBytes, at: int, found: _Found) -> None:
    track = _variable(file.at(at, 8), keep_marker=False)
    number = -1 if track is None else track[0]
    found.blocks[number] = found.blocks.get(number, 0) + 1


def _walk_tracks(file: FileBytes, at: int, end: int, found: _Found) -> None:
    for identifier, body, length in _children(file, at, end):
        if identifier == TRACK_ENTRY:
            values = {
                kind: file.number(start, size) for kind, start, size in _children(file, body, body + length) if size < 9
            }
            found.tracks[values.get(TRACK_NUMBER) or 0] = values.get(TRACK_TYPE) or 0


def _children(file: FileBytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    while at < end and (element := _element(file, at)) is not None and element[2] is not None:
        yield element[0], element[1], element[2]
        at = element[1] + element[2]


def _element(file: FileBytes, at: int) -> tuple[int, int, int | None] | None:
    """Identifier of an element, where its content starts, and how long that is; None for the length: not known."""
    head = file.at(at, 12)
    identifier = _variable(head, keep_marker=True)
    if identifier is None or identifier[1] > 4:
        return None
    length = _variable(head[identifier[1] :], keep_marker=False)
    if length is None:
        return None
    value, width = length
    # All bits set: the length was not known when it was written.
    return identifier[0], at + identifier[1] + width, None if value == (1 << 7 * width) - 1 else value


def _variable(data: bytes, *, keep_marker: bool) -> tuple[int, int] | None:
    """A number whose first set bit tells its width, and that width in bytes."""
    # As many leading zero bits as bytes follow the first one.
    width = 9 - data[0].bit_length() if data and data[0] else 0
    if not 0 < width <= len(data):
        return None
    value = int.from_bytes(data[:width], "big")
    return (value if keep_marker else value & ((1 << 7 * width) - 1)), width
