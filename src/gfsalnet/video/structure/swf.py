"""SWF with video: tags with their lengths (Adobe SWF File Format Specification 19)."""

from __future__ import annotations

from gfsalnet.video.structure.base import FileBytes, Structure

_SIGNATURE, _HEADER_BYTES = b"FWS", 8
_END, _PICTURES, _LAST = 0, frozenset({21, 61}), 93
"""Kinds of tags: the end, a JPEG or a picture of a video, and the last one that there is."""
_LONG = 0x3F


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures by their tags; nothing is known of files that are packed."""
    if file.at(0, 3) != _SIGNATURE:
        return Structure()
    # The size of the screen: four numbers of as many bits as the first five say. Then come the rate and a count.
    at = _HEADER_BYTES + (5 + 4 * ((file.number(_HEADER_BYTES, 1) or 0) >> 3) + 7) // 8 + 4
    pictures, kind = 0, -1
    while kind != _END and (head := file.number(at, 2, "little")) is not None:
        kind, length = head >> 6, head & _LONG
        if kind > _LAST:
            return Structure(problem=f"what follows picture {pictures - 1} is no tag")
        at += 2
        if length == _LONG:
            length, at = file.number(at, 4, "little") or 0, at + 4
        at += length
        pictures += kind in _PICTURES
    cut = kind != _END or (file.number(4, 4, "little") or 0) > file.size
    is_early = not cut and at < file.size
    problem = f"its end comes after picture {pictures - 1}, and more after that" if is_early else None
    return Structure(packets=None if cut or is_early else pictures, cut=cut, problem=problem)
