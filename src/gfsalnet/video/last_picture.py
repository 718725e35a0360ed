"""Whether the last picture of a stream is all there, where no container says how long it is.

The data of a picture say themselves where they end, and nobody looks at what comes after that. So bytes that are put
behind the last ones change nothing, unless the picture goes on there: then the decoder takes them for its rest.
FFmpeg's decoder of HEVC makes something of such a picture and says nothing.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from itertools import chain
from typing import cast

import av
from av.video.codeccontext import VideoCodecContext

from gfsalnet.limits import max_pixels

_CODECS = frozenset({"h264", "hevc"})
"""Of others, only what follows their last picture is looked at."""
_START, _ZEROS_OF_MARKS = b"\0\0\1", (2, 3)
"""No picture ends in two zeros, and no mark begins with more than three."""
_RESTS = (bytes(range(128, 256)), bytes(range(255, 127, -1)))
"""Two ways in which a picture may go on; neither holds the mark of another unit."""
_MOST_BYTES, _MOST_PICTURES = 16 << 20, 300
"""Of pictures that the last one may need: where there are more, nothing is known of it."""


class LastPicture:
    """Keeps the pictures from the last key frame but one on: those around a key frame may need what precedes it.

    Args:
        codec: FFmpeg's name of the decoder, one whose pictures begin with start codes.
    """

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._groups: list[list[bytes]] = []
        """Each begins with a key frame."""

    def saw(self, packet: bytes, *, is_key: bool) -> None:
        """Note one coded picture, in the order of decoding."""
        if is_key:
            self._groups = [*self._groups[-1:], []]
        elif not self._groups:
            return
        self._groups[-1].append(packet)
        while self._groups and self._is_too_much():
            del self._groups[0]

    def is_cut(self, parameters: bytes | None) -> bool:
        """Whether the last picture goes on after its last byte; False where nobody knows.

        Args:
            parameters: of the stream, as its codec context has them: the pictures that are kept may be without.
        """
        *before, last = [*chain(*self._groups)] or [b""]
        unit = last.rpartition(_START)[2]
        zeros = len(last) - len(last.rstrip(b"\0"))
        # The mark of the next unit, or the zeros that it begins with; encoders that put zeros behind do so everywhere.
        if zeros in _ZEROS_OF_MARKS and not any(other.endswith(b"\0\0") for other in before):
            return True
        if last and not unit:
            return True
        if self._codec not in _CODECS or not self._is_picture(unit):
            return False
        one, other = (self._decoded([*before, last.rstrip(b"\0") + rest], parameters) for rest in _RESTS)
        return one != other

    def _is_too_much(self) -> bool:
        lengths = [len(picture) for picture in chain(*self._groups)]
        return len(lengths) > _MOST_PICTURES or sum(lengths) > _MOST_BYTES

    def _is_picture(self, unit: bytes) -> bool:
        """Whether a unit is part of a picture, and not something that may come after it."""
        if not unit.strip(b"\0"):
            return False
        return 1 <= unit[0] & 0x1F <= 5 if self._codec == "h264" else unit[0] >> 1 < 32

    def _decoded(self, packets: list[bytes], parameters: bytes | None) -> list[int]:
        """Checksums of the pictures that come when all packets but the last have been sent."""
        context = cast(VideoCodecContext, av.CodecContext.create(self._codec, "r"))
        context.thread_count, context.options = 1, {"max_pixels": str(max_pixels())}
        context.extradata = parameters
        checksums: list[int] = []
        for index, packet in enumerate([*map(av.Packet, packets), None], 1):
            # Errors of the file, and pixel formats that PyAV has no array for.
            with suppress(av.FFmpegError, ValueError):
                frames = context.decode(packet)
                checksums += [zlib.crc32(frame.to_ndarray().tobytes()) for frame in frames if index >= len(packets)]
        return checksums
