"""IVF: pictures of VP8, VP9 and AV1, each after its length and time (libvpx, ivfdec.c; SVT-AV1, app_output_ivf.c)."""

from __future__ import annotations

from gfsalnet.video.structure.base import FileBytes, Structure

_PICTURE_HEADER_BYTES = 12
_UNKNOWN_COUNTS = (0, 0xFFFFFFFF)


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures by their lengths, and by the count in the header as far as that is one."""
    # The header states its own length.
    at, stated = file.number(6, 2, "little") or 0, file.number(24, 4, "little") or 0
    pictures, step, first, time = 0, 1, None, -1
    while len(head := file.at(at, _PICTURE_HEADER_BYTES)) == _PICTURE_HEADER_BYTES:
        length, before = int.from_bytes(head[:4], "little"), time
        time = int.from_bytes(head[4:], "little")
        if first is None:
            first = time
        elif time < before:
            return Structure(problem=f"the times after picture {pictures - 1} contradict each other")
        else:
            step = time - before
        at += _PICTURE_HEADER_BYTES + length
        pictures += at <= file.size
    if at != file.size:
        return Structure(cut=True)
    # Some encoders write the length of the video in its own units, and others the pictures they were asked for.
    end = max(pictures, time - (first or 0) + step)
    is_short = stated not in _UNKNOWN_COUNTS and stated > end
    return Structure(packets=stated if is_short else pictures, cut=is_short)
