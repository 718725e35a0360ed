"""Time stamps of AVI, which stores none: the number of a chunk is its time, in the order of decoding."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

CHUNK_HEADER_BYTES = 8
REORDERED_CODECS = frozenset({"h264", "hevc"})
"""Those whose order of display FFmpeg does not work out in AVI, and stamps by the order of decoding."""


class StampMender:
    """Presentation stamps as they should be; those of other containers than AVI are left as they are.

    FFmpeg numbers the chunks that it finds. Where a header is destroyed it finds one less, and all that follow would be
    early; the index at the end of the file knows the numbers.

    Args:
        container: just opened.
        stream: its video.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        is_avi = container.format.name == "avi"
        self._is_reordered = is_avi and stream.codec_context.name in REORDERED_CODECS
        self._numbers: Mapping[int, int] = _index(stream) if is_avi else {}
        self._late = 0
        self._sent: list[int] = []
        self._seen: list[int] = []

    @property
    def chunks(self) -> int | None:
        """How many chunks of the video the index lists; None where there is none."""
        return len(self._numbers) or None

    @property
    def destroyed(self) -> int:
        """Chunks of the index before the last one found that were not found."""
        last = max(self._seen, default=-1)
        return sum(number <= last for number in self._numbers.values()) - len(self._seen)

    def sent(self, packet: Packet[VideoStream]) -> None:
        """Correct a packet before it goes to the decoder."""
        number = None if packet.pos is None else self._numbers.get(packet.pos - CHUNK_HEADER_BYTES)
        if number is not None and packet.dts is not None:
            self._seen.append(number)
            self._late = number - packet.dts
        if self._late and packet.dts is not None:
            packet.dts += self._late
            packet.pts = None if packet.pts is None else packet.pts + self._late
        if self._is_reordered and packet.pts is not None:
            heapq.heappush(self._sent, packet.pts)

    def refused(self, packet: Packet[VideoStream]) -> None:
        """Note that the decoder makes no frame of a packet."""
        if packet.pts in self._sent:
            self._sent.remove(packet.pts)
            heapq.heapify(self._sent)

    def of(self, frame: VideoFrame) -> int | None:
        """The stamp of the next frame in order of display."""
        return heapq.heappop(self._sent) if self._sent else frame.pts


def _index(stream: VideoStream) -> dict[int, int]:
    """Number of each chunk by its position; empty where the file has no index, or PyAV (before 17) does not tell it."""
    entries = list(getattr(stream, "index_entries", ()))
    # Without an index, in a file cut off, FFmpeg begins to make its own.
    is_whole = bool(entries) and 0 < stream.frames <= entries[-1].timestamp + 1
    return {entry.pos: entry.timestamp for entry in entries if entry.size} if is_whole else {}
