"""Image files with more than one picture: animations, which are videos, and stacks of pages."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import SourceError
from gfsalnet.limits import check_bytes
from gfsalnet.types import RGB, Frame
from gfsalnet.video.base import VideoReader
from gfsalnet.video.geometry import resize_rgb
from gfsalnet.video.heif import is_sequence
from gfsalnet.video.image_header import HEADER_BYTES, header_size_wh, tiff_pages, webp_pictures
from gfsalnet.video.info import DEFAULT_RATE, Kind, VideoInfo, check_size
from gfsalnet.video.pictures import check_pixels, picture_bytes
from gfsalnet.video.pixels import over_black
from gfsalnet.video.structure import Structure, structure_of

Animation = Literal["ffmpeg", "webp", "tiff"]
"""Which reader takes it: `ffmpeg` for PNG and AVIF; WebP and TIFF are read by OpenCV."""
WEBP_ANIMATED = 0x02
"""Flag of the header of an extended WebP."""
SHORTEST_MS = 10
"""How long pictures without a duration are shown."""


def animation_in(path: Path) -> Animation | None:
    """What kind of moving pictures an image file holds; None for a single picture.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    if head.startswith(b"\x89PNG"):
        return "ffmpeg" if _is_animated_png(head) else None
    if head.startswith(b"RIFF") and head[12:16] == b"VP8X":
        # Byte 20 holds the flags of the VP8X chunk.
        return "webp" if head[20] & WEBP_ANIMATED else None
    if head[:4] in (b"II*\0", b"MM\0*"):
        return "tiff" if len(tiff_pages(path)) > 1 else None
    return "ffmpeg" if is_sequence(head) else None


def _is_animated_png(head: bytes) -> bool:
    """Whether a PNG holds several pictures, or would if its header were not damaged."""
    before = head[: head.find(b"IDAT")]
    # An acTL chunk, whose first field is the number of pictures; fcTL, one for each, comes only with it.
    at = before.find(b"acTL")
    if at < 0:
        return b"fcTL" in before
    body, checksum = before[at : at + 12], before[at + 12 : at + 16]
    return int.from_bytes(body[4:8], "big") > 1 or zlib.crc32(body) != int.from_bytes(checksum, "big")


class PagesReader(VideoReader):
    """The pictures of an animated WebP at their own times, or the pages of a TIFF at a steady rate.

    Pages of another size are scaled to that of the first, with a note.

    Raises:
        SourceError: if they cannot be decoded.
    """

    def __init__(self, source: str, name: str, path: Path, kind: Animation, rate: Fraction | None) -> None:
        # Read whole: OpenCV decodes from memory, and this works with every file name on every system.
        data = picture_bytes(path, SourceError)
        kind_of_source: Kind = "frames"
        if kind == "webp":
            width, height = header_size_wh(data[:HEADER_BYTES].tobytes()) or (0, 0)
            # OpenCV unpacks all pictures at once, with alpha.
            unpacked = webp_pictures(data.tobytes()) * width * height * 4
            check_bytes(source, unpacked, SourceError, "its pictures take")
            self._pictures, starts_ms = _webp(source, data)
            # The mean rate, from the sum of all durations: pictures may be shown for different times.
            kind_of_source, rate = "video", Fraction(1000 * len(self._pictures), starts_ms[-1])
            self._seconds = [start / 1000 for start in starts_ms]
        else:
            self._pictures, rate = _tiff(source, path, data), rate or DEFAULT_RATE
            # One more than there are pages: the last is the end.
            self._seconds = [float(index / rate) for index in range(len(self._pictures) + 1)]
        height, width = self._pictures[0]().shape[:2]
        check_size(source, (width, height))
        super().__init__(
            VideoInfo(
                source=source,
                name=name,
                path=path,
                size_wh=(width, height),
                rate=rate,
                time_base=Fraction(1, 1000) if kind == "webp" else 1 / rate,
                estimated_frames=len(self._pictures),
                duration_seconds=self._seconds[-1],
                has_audio=False,
                kind=kind_of_source,
            )
        )
        if kind == "webp":
            self._compare(structure_of(path, kind, 0) or Structure())

    def _compare(self, books: Structure) -> None:
        """Note what the file holds and OpenCV does not give: it passes over a picture that it cannot read."""
        self.report.frames_lost = max(0, (books.packets or 0) - len(self._pictures))
        if books.problem is not None:
            self.report.damage = f"its container is damaged: {books.problem}"
        elif books.cut or self.report.frames_lost:
            self.report.damage = "its end is missing" if books.cut else "some could not be decoded"

    def frames(self) -> Iterator[Frame]:
        """The pictures in order."""
        (width, height), report = self.info.size_wh, self.report
        while report.frames_read < len(self._pictures):
            index = report.frames_read
            # Pages of a TIFF are decoded one by one here, so memory holds a single page.
            rgb = self._pictures[index]()
            if rgb.shape[:2] != (height, width):
                if not report.notes:
                    report.notes.append(f"pages of another size are scaled to {width}x{height}, the first is {index}")
                rgb = resize_rgb(rgb, (height, width))
            report.frames_read += 1
            yield Frame(rgb, time_seconds=self._seconds[index], index=index)


Pages = Sequence[Callable[[], RGB]]


def _webp(source: str, data: NDArray[np.uint8]) -> tuple[Pages, list[int]]:
    """The pictures, and when each starts and the last ends, in milliseconds."""
    try:
        whole, animation = cv2.imdecodeanimation(data.reshape(1, -1))
    except cv2.error:
        whole = False
    if not whole:
        raise SourceError(source, "this animation cannot be decoded, or is damaged", "Save it as GIF, PNG or MP4.")
    durations = [max(SHORTEST_MS, int(duration)) for duration in animation.durations]
    pictures = [partial(_rgb, np.asarray(frame, np.uint8)) for frame in animation.frames]
    return pictures, [0, *accumulate(durations)]


def _tiff(source: str, path: Path, data: NDArray[np.uint8]) -> Pages:
    def page(number: int) -> RGB:
        check_pixels(source, pages[number], SourceError)
        try:
            _, decoded = cv2.imdecodemulti(data, cv2.IMREAD_COLOR, range=(number, number + 1))
            return _rgb(np.asarray(decoded[0], np.uint8))
        except (cv2.error, IndexError) as error:
            remedy = "Save its pages as PNG, in a folder."
            raise SourceError(source, f"page {number} cannot be decoded, or is damaged", remedy) from error

    pages = tiff_pages(path)
    return [partial(page, number) for number in pages]


def _rgb(stored: NDArray[np.uint8]) -> RGB:
    """(H, W, 3) RGB of pixels in OpenCV's order, (H, W, 3) or with alpha (H, W, 4)."""
    if stored.shape[2] == 4:
        return over_black(np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGRA2RGBA), np.uint8))
    return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), np.uint8)
