"""FLV: tags, each followed by its length (Adobe Flash Video File Format Specification 10.1, annex E)."""

from __future__ import annotations

import struct

from gfsalnet.video.structure.base import FileBytes, Structure

_TAG_BYTES, _LENGTH_BYTES = 11, 4
_LOOKED_AT_BYTES = 6
"""Of the data of a tag: enough to tell what it holds."""
_KINDS = {8: "sound", 9: "video", 18: "data"}
_WITH_PACKET_TYPE = frozenset({7, 12})
"""AVC and HEVC, whose tags say whether they hold pictures."""
_PARAMETERS, _PICTURES, _END = 0, 1, 2
_FIRST_OF_PARAMETERS, _LONGEST_END_BYTES = 1, 16
_HAS_SOUND, _STRAY_SHARE = 4, 0.1
_FILE_SIZE, _IS_NUMBER, _SCRIPT_BYTES = b"\0\x08filesize", 0, 4096
_KEY_FRAME = 1
_WRITER, _FFMPEG = b"encoder\x02", b"Lavf"
"""FFmpeg leaves out what comes before the first key frame, also when it copies a recording."""
_COMMAND, _LONGEST_COMMAND_BYTES = 5, 16
"""The frame type of a tag that holds no picture, but one byte."""
_OWN_HEADER = 0x80
"""The extended header of newer codecs, whose low bits say what is in the tag."""
_EXTENDED_PICTURES, _OTHER_TRACKS = frozenset({1, 3}), 6
"""Coded pictures with a delay, and without; and what belongs to one of several videos."""


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures by the tags of the video."""
    # The header states its own length, 9; the length of the tag before the first one, 0, follows it.
    at, pictures = file.number(5, 4) or 9, 0
    at += _LENGTH_BYTES
    script = file.at(at, _SCRIPT_BYTES)
    stated, from_start = _stated_bytes(script), script.partition(_WRITER)[2][2:6] == _FFMPEG
    if stated is not None and file.size < stated:
        return Structure(cut=True)
    forms: dict[int, tuple[bytes, int | None]] = {}
    sounds = 0
    while len(head := file.at(at, _TAG_BYTES + _LOOKED_AT_BYTES)) > _LENGTH_BYTES:
        kind, length = head[0] & 0x1F, int.from_bytes(head[1:4], "big")
        stored = file.number(at + _TAG_BYTES + length, _LENGTH_BYTES)
        if stored is None:
            return Structure(cut=True)
        # Some muxers write 0, or leave the header of the tag out of the count.
        is_sound = stored in (0, length, length + _TAG_BYTES) and kind in _KINDS
        form = _form(kind, head, length)
        if not is_sound or (form is not None and forms.setdefault(kind, form) != form):
            return Structure(problem=f"the tags after picture {pictures} do not fit together")
        sounds += _KINDS[kind] == "sound"
        if _KINDS[kind] == "video" and _holds_picture(head[_TAG_BYTES:], length):
            from_start |= pictures == 0 and head[_TAG_BYTES] >> 4 & 7 == _KEY_FRAME
            pictures += 1
        at += _TAG_BYTES + length + _LENGTH_BYTES
    # Headers that forget the sound of the file are known; they forget all of it.
    if 0 < sounds < pictures * _STRAY_SHARE and not (file.number(4, 1) or 0) & _HAS_SOUND:
        return Structure(problem=f"its header knows of no sound, of which there are {sounds} tags")
    return Structure(packets=pictures if not head else None, from_start=from_start, cut=len(head) > 0)


def _form(kind: int, head: bytes, length: int) -> tuple[bytes, int | None] | None:
    """What all tags of a kind have in common: the stream, and the codec of what they hold; None if it is not known."""
    stream, data = head[8:_TAG_BYTES], head[_TAG_BYTES:]
    if not length or not data:
        return None
    if _KINDS.get(kind) == "sound":
        return stream, data[0] >> 4
    if _KINDS.get(kind) != "video":
        return stream, None
    if data[0] & _OWN_HEADER:
        # A codec is named by four letters, here after the kind of packet.
        is_other = data[0] & 0x0F == _OTHER_TRACKS and data[2:6].isalnum()
        return None if is_other else (stream, _OWN_HEADER)
    return None if data[0] >> 4 == _COMMAND else (stream, data[0] & 0x0F)


def _stated_bytes(script: bytes) -> int | None:
    """The length of the file that its metadata give; None where they do not."""
    value = script.partition(_FILE_SIZE)[2][:9]
    if len(value) < 9 or value[0] != _IS_NUMBER:
        return None
    (number,) = struct.unpack(">d", value[1:])
    return int(number) if 0 < number < 1 << 62 else None


def _holds_picture(data: bytes, length: int) -> bool:
    """Whether a tag of the video holds a picture, by its first bytes; of a kind without pictures none is long."""
    if length < 2 or len(data) < 2:
        return length > 1
    if data[0] & _OWN_HEADER:
        return data[0] & 0x0F in _EXTENDED_PICTURES
    if data[0] >> 4 == _COMMAND:
        return length > _LONGEST_COMMAND_BYTES
    if data[0] & 0x0F not in _WITH_PACKET_TYPE:
        return True
    # After the type come three bytes of delay.
    is_parameters = data[1] == _PARAMETERS and data[5:6] == bytes([_FIRST_OF_PARAMETERS])
    return not is_parameters and not (data[1] == _END and length <= _LONGEST_END_BYTES)
