"""FLV: tags, each followed by its length (Adobe Flash Video File Format Specification 10.1, annex E)."""

from __future__ import annotations

import struct

from gfsalnet.video.structure.base import FileBytes, Structure

_TAG_BYTES, _LENGTH_BYTES = 11, 4
_KINDS = {8: "sound", 9: "video", 18: "data"}
_WITH_PACKET_TYPE = frozenset({7, 12})
"""AVC and HEVC, whose tags say whether they hold pictures."""
_FILE_SIZE, _IS_NUMBER, _SCRIPT_BYTES = b"\0\x08filesize", 0, 4096
_PICTURES = 1
_KEY_FRAME = 1
_COMMAND = 5
"""The frame type of a tag that holds no picture."""


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures by the tags of the video."""
    # The header states its own length, 9; the length of the tag before the first one, 0, follows it.
    at, pictures, from_start = file.number(5, 4) or 9, 0, False
    at += _LENGTH_BYTES
    stated = _stated_bytes(file.at(at, _SCRIPT_BYTES))
    if stated is not None and file.size < stated:
        return Structure(cut=True)
    while len(head := file.at(at, _TAG_BYTES + 2)) > _LENGTH_BYTES:
        kind, length = head[0] & 0x1F, int.from_bytes(head[1:4], "big")
        stored = file.number(at + _TAG_BYTES + length, _LENGTH_BYTES)
        if stored is None:
            return Structure(cut=True)
        # Some muxers write 0, or leave the header of the tag out of the count.
        if stored not in (0, length, length + _TAG_BYTES) or kind not in _KINDS:
            return Structure(problem=f"the tags after picture {pictures} do not fit together")
        if _KINDS[kind] == "video" and _holds_picture(head[_TAG_BYTES:], length):
            from_start |= pictures == 0 and head[_TAG_BYTES] >> 4 & 7 == _KEY_FRAME
            pictures += 1
        at += _TAG_BYTES + length + _LENGTH_BYTES
    return Structure(packets=pictures if not head else None, from_start=from_start, cut=len(head) > 0)


def _stated_bytes(script: bytes) -> int | None:
    """The length of the file that its metadata give; None where they do not."""
    value = script.partition(_FILE_SIZE)[2][:9]
    if len(value) < 9 or value[0] != _IS_NUMBER:
        return None
    (number,) = struct.unpack(">d", value[1:])
    return int(number) if 0 < number < 1 << 62 else None


def _holds_picture(data: bytes, length: int) -> bool:
    if length < 2 or len(data) < 2 or data[0] & 0x80:  # the extended header of newer codecs
        return length > 1
    return data[0] >> 4 != _COMMAND and (data[0] & 0x0F not in _WITH_PACKET_TYPE or data[1] == _PICTURES)
