"""Y4M: pictures without compression, all of one length (MJPEG Tools, yuv4mpeg(5))."""

from __future__ import annotations

import re

from gfsalnet.video.structure.base import FileBytes, Structure

_LONGEST_LINE_BYTES = 256
_PICTURE = b"FRAME"
_SAMPLES = {"420": (2, 2), "422": (2, 1), "411": (4, 1), "444": (1, 1), "mono": None}
"""By how much the planes of colours are narrower and lower than that of brightness; None: there are none."""
_COLOURS = re.compile(r"(420|422|411|444|mono)(jpeg|mpeg2|paldv|alpha)?(?:p?(\d+))?")


def walk(file: FileBytes, stream: int) -> Structure:
    """Pictures by their length."""
    line = _line(file, 0)
    length = _picture_bytes(line.decode("latin-1").split(" ")[1:])
    if length is None:
        return Structure()
    at, pictures = len(line) + 1, 0
    while at < file.size:
        line = _line(file, at)
        if not line.startswith(_PICTURE) or line[len(_PICTURE) :][:1] not in (b"", b" "):
            return Structure(problem=f"what follows picture {pictures - 1} is no picture")
        at += len(line) + 1 + length
        pictures += at <= file.size
    return Structure(packets=None if at > file.size else pictures, cut=at > file.size)


def _line(file: FileBytes, at: int) -> bytes:
    return file.at(at, _LONGEST_LINE_BYTES).partition(b"\n")[0]


def _picture_bytes(tags: list[str]) -> int | None:
    """How long a picture is; None where the header does not say, or says something that is not known here."""
    values = {tag[:1]: tag[1:] for tag in tags}
    colours = _COLOURS.fullmatch(values.get("C", "420"))
    try:
        width, height = int(values["W"]), int(values["H"])
    except (KeyError, ValueError):
        return None
    if colours is None:
        return None
    kind, form, bits = colours.groups()
    pixels = width * height * (2 if form == "alpha" else 1)
    if (share := _SAMPLES[kind]) is not None:
        pixels += 2 * -(-width // share[0]) * -(-height // share[1])
    return pixels * (2 if int(bits or 8) > 8 else 1)
