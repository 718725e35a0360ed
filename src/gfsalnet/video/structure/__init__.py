"""What a file holds by its own bookkeeping, container by container, and where that contradicts itself.

FFmpeg passes over destroyed parts of a container without a word, so that frames are missing and nobody knows. These
walks follow the lengths, counts and checksums that the format itself stores. They decode nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gfsalnet.video.structure import (
    apng,
    asf,
    dv,
    flash,
    gif,
    isobmff,
    ivf,
    jpegs,
    matroska,
    mpegps,
    mpegts,
    mxf,
    nut,
    obu,
    ogg,
    realmedia,
    riff,
    swf,
    webp,
    yuv4mpeg,
)
from gfsalnet.video.structure.base import FileBytes, Structure

__all__ = ["Structure", "structure_of"]

_WALKS: dict[str, Callable[[FileBytes, int], Structure]] = {
    "apng": apng.walk,
    "asf": asf.walk,
    "avi": riff.walk,
    "dv": dv.walk,
    "flv": flash.walk,
    "gif": gif.walk,
    "ivf": ivf.walk,
    "matroska": matroska.walk,
    "mjpeg": jpegs.walk,
    "mov": isobmff.walk,
    "mpeg": mpegps.walk,
    "mpegts": mpegts.walk,
    "mxf": mxf.walk,
    "nut": nut.walk,
    "obu": obu.walk,
    "ogg": ogg.walk,
    "png_pipe": apng.walk,
    "rm": realmedia.walk,
    "swf": swf.walk,
    "webp": webp.walk,
    "yuv4mpegpipe": yuv4mpeg.walk,
}


def structure_of(path: Path, format_name: str, stream: int) -> Structure | None:
    """What the file says of its video; None for containers that keep no books, and where it can no longer be read.

    Args:
        path: of the file.
        format_name: FFmpeg's name of the container, or several with commas between them.
        stream: which stream; by its number in the file for ASF, MP4 and MPEG, else its position.
    """
    walk = next((_WALKS[name] for name in format_name.split(",") if name in _WALKS), None)
    if walk is None:
        return None
    try:
        with path.open("rb") as file:
            return walk(FileBytes(file), stream)
    except OSError:
        return None  # moved away while it was read: nothing is known
