"""Presentation stamps: mended where AVI leaves them out, and turned into seconds that always grow.

AVI stores no stamps: the number of a chunk is its time, in the order of decoding.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from fractions import Fraction

from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

JITTER_FRAMES = 3
"""A stamp further behind its predecessor, in frame intervals, belongs to a new recording appended to the first."""
CHUNK_HEADER_BYTES = 8
REORDERED_CODECS = frozenset({"h264", "hevc"})
"""Codecs whose frames FFmpeg stamps in AVI by the order of decoding instead of that of display."""


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
        self._late = self._found = 0
        self._sent: list[int] = []
        self._seen: list[int] = []

    @property
    def chunks(self) -> int | None:
        """How many chunks of the video the index lists; None where there is none."""
        return len(self._numbers) or None

    @property
    def destroyed(self) -> int:
        """How many chunks the index lists beyond those found; 0 if it lists none of these, counting from elsewhere."""
        return max(0, len(self._numbers) - self._found) if self._seen else 0

    def sent(self, packet: Packet[VideoStream]) -> None:
        """Correct a packet before it goes to the decoder."""
        self._found += 1
        number = None if packet.pos is None else self._numbers.get(packet.pos - CHUNK_HEADER_BYTES)
        if number is not None and packet.dts is not None:
            self._seen.append(number)
            self._late = number - packet.dts
        if self._late and packet.dts is not None:
            packet.dts += self._late
            packet.pts = None if packet.pts is None else packet.pts + self._late
        # The heap turns the order of decoding into that of display: the smallest stamp is shown next.
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
    # In a file that was cut off before its index, FFmpeg begins to make an index of its own.
    is_whole = bool(entries) and 0 < stream.frames <= entries[-1].timestamp + 1
    return {entry.pos: entry.timestamp for entry in entries if entry.size} if is_whole else {}


class Clock:
    """Strictly increasing times; the first frame's is 0.

    What the header calls the start is not asked: decoders with a delay make it up, and a recording that starts between
    two key frames loses pictures after it.

    A missing stamp is one frame interval after its predecessor; a repeated or slightly reversed one is a tick after;
    where the stamps start anew (joined recordings) the time runs on.

    Args:
        time_base: seconds per tick of the stamps.
        rate: frames per second, for frames without a stamp.
    """

    def __init__(self, time_base: Fraction, rate: Fraction) -> None:
        self._tick, self._interval = time_base, 1 / rate
        self._shift: Fraction | None = None
        self._last: Fraction | None = None

    def seconds(self, stamp: int | None) -> float:
        """Time of the next frame in seconds, ≥ 0 and later than that of the frame before."""
        # Fractions throughout: sums of floats would drift from the stamps over hours.
        now = self._next_after(self._last, stamp)
        self._last = now
        return float(now)

    def _next_after(self, last: Fraction | None, stamp: int | None) -> Fraction:
        if stamp is None:
            return Fraction(0) if last is None else last + self._interval
        # The first stamp defines time 0, unless frames without a stamp came before it.
        if self._shift is None:
            self._shift = (Fraction(0) if last is None else last + self._interval) - stamp * self._tick
        now = stamp * self._tick + self._shift
        if last is None or now > last:
            return now
        # Slightly reversed stamps are jitter of the muxer; time advances by one tick.
        if last - now < JITTER_FRAMES * self._interval:
            return last + self._tick
        # The stamps start anew: shift all later ones, so that time runs on.
        self._shift += last + self._interval - now
        return last + self._interval
