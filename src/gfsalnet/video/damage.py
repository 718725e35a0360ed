"""How many frames a damaged or cut-off file lost, without ever accusing a whole one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from gfsalnet.video.info import ReadReport

MICROSECOND = 1e-6
"""FFmpeg's unit for the duration of a container."""
UNKNOWN_RIFF_SIZES = (0, 0xFFFFFFFF)
EBML, SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")


@dataclass(kw_only=True)
class Promise:
    """What the header says the video stream holds."""

    count: int | None
    """Number of packets, one per frame, where the container knows it."""
    is_exact: bool
    """Whether fewer packets than `count` prove a loss: MP4's index lists each one, AVI counts dropped frames too."""
    end_seconds: float | None
    """Where the longest stream ends, by the header."""
    is_cut: bool
    """Whether the file is shorter than its header says."""


def promise_of(container: InputContainer, stream: VideoStream, path: Path | None) -> Promise:
    """What the header promises; ask again at the end, since a fragmented MP4 tells as it goes."""
    names = container.format.name.split(",")
    index = getattr(stream, "index_entries", None)  # since PyAV 17
    if "mov" in names and index is not None:
        # Not stream.frames: samples that an edit list hides are in it, and not among the packets.
        return Promise(count=len(index), is_exact=True, end_seconds=None, is_cut=False)
    ends = [container.duration * MICROSECOND] if container.duration else []
    # AVI's header also counts frames: a second estimate of the end, of which the later one counts.
    if "avi" in names and stream.frames and stream.average_rate:
        ends.append(float(stream.frames / stream.average_rate))
    return Promise(
        count=stream.frames if stream.frames and {"mov", "avi"} & set(names) else None,
        is_exact=False,
        end_seconds=max(ends, default=None),
        is_cut=path is not None and _is_cut(path),
    )


def _is_cut(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            declared = declared_bytes(file.read(256))
        return declared is not None and path.stat().st_size < declared
    except OSError:
        return False  # moved away while it was read: nothing is known


def declared_bytes(head: bytes) -> int | None:
    """How long a file says it is, from its first bytes: AVI and Matroska (WebM); None for others and for live ones."""
    if head.startswith(b"RIFF"):
        length = int.from_bytes(head[4:8], "little")
        return None if length in UNKNOWN_RIFF_SIZES else 8 + length
    if not head.startswith(EBML):
        return None
    content, header_length = _element(head, 4)
    segment = content + (header_length or 0)
    if head[segment : segment + 4] != SEGMENT:
        return None
    content, segment_length = _element(head, segment + 4)
    return None if segment_length is None else content + segment_length


def _element(head: bytes, at: int) -> tuple[int, int | None]:
    """Where the content of an EBML element starts and its length, coded at `at`; None for an unknown length."""
    # EBML: the position of the first set bit gives the number of bytes.
    width = 9 - int.from_bytes(head[at : at + 1], "big").bit_length()
    value = int.from_bytes(head[at : at + width], "big") & ((1 << 7 * width) - 1)
    return at + width, None if value == (1 << 7 * width) - 1 else value


@dataclass(kw_only=True)
class DamageLog:
    """What happened to the packets of a file."""

    packets: int = 0
    """Whole packets of the video stream."""
    hidden: int = 0
    """Those of them that are only needed to decode others: an edit list starts after them."""
    partial: int = 0
    """Packets cut off by the end of the file."""
    refused: int = 0
    """Packets that the decoder refused."""
    destroyed: int = 0
    """Packets that the index lists but that were not found among those that follow."""
    blemished: int = 0
    """Frames that the decoder patched up."""
    stopped: str | None = None
    """Why the container could not be read further."""
    reach_seconds: float = 0
    """Where the latest packet ends."""

    def saw(self, packet: Packet[VideoStream]) -> None:
        """Note a packet of the video that is whole."""
        self.packets += 1
        self.hidden += packet.is_discard
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is not None:
            self.reach_seconds = max(self.reach_seconds, float((stamp + (packet.duration or 0)) * packet.time_base))

    def settle(self, report: ReadReport, promise: Promise, rate: Fraction) -> None:
        """Write the loss into `report`, once all is read."""
        missing = self._missing(promise, rate)
        if not (missing or self.partial or self.refused or self.destroyed):
            lost = 0
        elif promise.count is not None:
            lost = max(0, promise.count - self.hidden - report.frames_read)
        else:
            lost = self.refused + self.destroyed + max(self.partial, missing)
        report.frames_lost = lost
        report.damage = self._phrase(report, is_cut=bool(missing or self.partial))

    def _missing(self, promise: Promise, rate: Fraction) -> int:
        """Packets that should have followed the last."""
        if promise.count is not None and promise.is_exact:
            return max(0, promise.count - self.packets)
        if promise.end_seconds is None:
            return 0
        # Durations in headers are rough: without a sign of damage they prove no loss.
        if not (promise.is_cut or self.partial or self.stopped):
            return 0
        return max(0, round((promise.end_seconds - self.reach_seconds) * rate))

    def _phrase(self, report: ReadReport, *, is_cut: bool) -> str | None:
        last, lost = report.frames_read - 1, report.frames_lost
        phrases = []
        if self.stopped is not None:
            phrases.append(f"unreadable after frame {last} ({self.stopped})")
        elif is_cut and lost:
            phrases.append(f"truncated after frame {last}")
        elif lost:
            phrases.append(f"{_frames(lost)} could not be decoded")
        if self.blemished:
            phrases.append(f"{_frames(self.blemished)} decoded with errors")
        return "; ".join(phrases) or None


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"
