"""PNG with several pictures: chunks with checksums, and the number of pictures (PNG specification, third edition)."""

from __future__ import annotations

import zlib

from gfsalnet.video.structure.base import FileBytes, Structure

_SIGNATURE_BYTES, _FRAME_BYTES = 8, 12
"""A chunk has its length and name before, and its checksum after its data."""


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures by the count that the file states (`acTL`)."""
    at, stated, controls, problem = _SIGNATURE_BYTES, None, 0, None
    while len(head := file.at(at, 8)) == 8:
        length, name = int.from_bytes(head[:4], "big"), head[4:]
        body = file.at(at + 8, length)
        stored = file.number(at + 8 + length, 4)
        if stored is None:
            break
        if zlib.crc32(name + body) != stored:
            problem = problem or f"the checksum of a chunk after picture {controls} is wrong"
        elif name == b"acTL":
            stated = int.from_bytes(body[:4], "big")
        controls += name == b"fcTL"
        if name == b"IEND":
            return Structure(packets=controls if stated is None else stated, problem=problem)
        at += _FRAME_BYTES + length
    return Structure(packets=stated, cut=True, problem=problem)
