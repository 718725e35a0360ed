"""How many frames a damaged or cut-off file lost and how many are spoilt, without ever accusing a whole one.

Five witnesses are heard, none of which sees everything: what the decoder marks, frame by frame; what FFmpeg complains
about; the container's own bookkeeping (`structure`); packets that no frame ever came of (`unshown`); and the numbers in
the pictures themselves (`uncounted`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gfsalnet.video.info import ReadReport
from gfsalnet.video.promise import Promise
from gfsalnet.video.structure import Structure
from gfsalnet.video.uncounted import Uncounted
from gfsalnet.video.unshown import MPEG4, VP8, holes, is_empty

LEAST_SHORTFALL_SECONDS, LEAST_SHORTFALL_SHARE = 1.0, 0.02
"""Durations in headers are rough: only what is this much shorter is damaged by that alone."""
BELIEVED_TIMES = 1000
"""A duration with room for that many times the pictures that were found is taken to be damaged itself."""
LATEST_START_FRAMES = 1.5
"""Where the first picture of a damaged file comes later, others may have come before it."""
_ONE_FRAME = (
    "apng av1 ffv1 flv gif h263 h264 hevc mjpeg mpeg1video mpeg2video msmpeg4 png prores rv10 rv20 vp9 wmv1 wmv2"
)
ONE_FRAME_CODECS = frozenset({*_ONE_FRAME.split(), "libdav1d"})
"""Decoders of codecs in which every packet is one frame; VP8 and MPEG-4 have packets that are never shown."""
UNSHOWN_PACKET_CODECS = frozenset({"vp6", "vp6f", "vp7", "vp8"})
"""Codecs some of whose packets are never shown."""


@dataclass(kw_only=True)
class DamageLog:
    """What happened to the packets and frames of a file."""

    codec: str
    """FFmpeg's name of the decoder."""
    uncounted: Uncounted | None = None
    """Counts the pictures where their container does not."""
    packets: int = 0
    """Whole packets of the video stream."""
    hidden: int = 0
    """Number of them that are only needed to decode others: an edit list starts after them."""
    partial: int = 0
    """Packets cut off by the end of the file."""
    refused: int = 0
    """Packets that the decoder refused."""
    destroyed: int = 0
    """Packets that the index lists but that were not found."""
    stopped: str | None = None
    """Why the container could not be read further."""
    complaint: str | None = None
    """The first complaint about the container."""
    excused_before: int | None = None
    """The stamp up to which nothing counts that is wrong with a picture."""
    _flagged: int = 0
    _complained: int = 0
    _frames: int = 0
    _empty: int = 0
    """Packets that hold no picture of their own, where a codec has such."""
    _spoilt: set[int] = field(default_factory=set)
    """Stamps of frames with errors."""
    _refused_stamps: set[int] = field(default_factory=set)
    _last: int | None = None
    """The stamp of the latest packet."""
    _waiting: Counter[int] = field(default_factory=Counter)
    """Stamps of packets that no frame came of yet."""
    _starts_with_key: bool | None = None
    _first_key: int | None = None
    _seen_key: bool = False
    _seen_clean: bool = False
    _excused: int = 0
    """Packets that no frame is expected of, and none came of."""
    _first_seconds: float | None = None
    _reach_seconds: float = 0
    """Where the latest packet of the video ends."""
    _reach_of_all: float = 0
    """Where the latest packet of any stream ends."""

    def passed(self, packet: Packet[Stream]) -> None:
        """Note a packet of any stream."""
        # Subtitles and data may end long before or after the pictures.
        if packet.stream.type in ("video", "audio") and (end := _end_seconds(packet)) is not None:
            self._reach_of_all = max(self._reach_of_all, end)

    def saw(self, packet: Packet[Any]) -> None:
        """Note a packet of the video that is whole."""
        self.packets += 1
        if self.uncounted is not None:
            self.uncounted.saw(bytes(packet), is_key=packet.is_keyframe)
        self.hidden += packet.is_discard
        self._empty += self.codec == MPEG4 and not packet.is_discard and is_empty(packet)
        self._last = packet.pts
        if self._starts_with_key is None:
            self._starts_with_key = packet.is_keyframe
        if packet.is_keyframe and not self._seen_key:
            self._seen_key, self._first_key = True, packet.pts
        if (end := _end_seconds(packet)) is not None:
            start = end - float((packet.duration or 0) * packet.time_base)
            self._first_seconds = start if self._first_seconds is None else min(start, self._first_seconds)
            self._reach_seconds = max(self._reach_seconds, end)
        # Given back in `came` if a frame comes of it all the same.
        self._excused += self._is_excused(packet.pts) and not packet.is_discard
        if packet.pts is not None and not packet.is_discard and not self._is_excused(packet.pts):
            self._waiting[packet.pts] += 1

    def came(self, frame: VideoFrame) -> None:
        """Note a decoded frame."""
        self._frames += 1
        stamp = frame.pts
        if stamp is not None and self._waiting[stamp] > 0:
            self._waiting[stamp] -= 1
        self._excused -= stamp is not None and self._is_excused(stamp)
        if not frame.is_corrupt:
            self._seen_clean = True
        elif not self._is_excused(stamp):
            self._flagged += 1
            if stamp is not None:
                self._spoilt.add(stamp)

    def starts_by(self, stamp: int) -> bool:
        """Whether the first packet was a key frame that is not shown after this."""
        return bool(self._starts_with_key) and self._first_key is not None and self._first_key <= stamp

    def ended(self, parameters: bytes | None) -> None:
        """Note the end of the file, with the parameters of the stream, as its codec context has them."""
        if self.uncounted is not None:
            self.uncounted.ended(parameters)

    def all_came(self) -> None:
        """Take it that a whole frame came of every packet: nothing was decoded."""
        self._waiting.clear()
        self._frames = self.packets - self.hidden - self._empty
        self._excused = 0

    def complained(self, packet: Packet[VideoStream] | None) -> None:
        """Note that the decoder complained about a packet; of the end of the stream there is nothing to note."""
        if packet is None or self._is_excused(packet.pts):
            return
        self._complained += 1
        if packet.pts is not None:
            self._spoilt.add(packet.pts)

    def refuse(self, packet: Packet[VideoStream]) -> None:
        """Note that the decoder makes no frame of a packet."""
        self.refused += 1
        if packet.pts is not None:
            self._waiting[packet.pts] = max(0, self._waiting[packet.pts] - 1)
            self._spoilt.discard(packet.pts)
            self._refused_stamps.add(packet.pts)

    def _spoil_last(self) -> None:
        """Note that the last picture is not whole, whether or not the decoder has noticed."""
        if self._last is not None:
            self._spoilt.add(self._last)
        self._flagged = max(1, self._flagged)

    def _is_excused(self, stamp: int | None) -> bool:
        """Whether a picture cannot be expected to be whole: the recording starts between two key frames.

        Either no key frame has come yet, or the picture is shown before the first one, and needs what came before it.
        """
        if stamp is not None and self.excused_before is not None and stamp < self.excused_before:
            return True
        if not self._seen_key or (self._first_key is not None and stamp is not None and stamp < self._first_key):
            return True
        return not self._starts_with_key and not self._seen_clean

    def _unanswered(self, *, is_damaged: bool) -> int:
        """Packets that the decoder took without making a frame of them."""
        if self.codec == VP8:
            return holes(self._waiting)
        if self.codec == MPEG4:
            # By number: of two pictures in one packet, the second has the stamp of another packet.
            waiting = self.packets - self.hidden - self._empty - self.refused - self._excused - self._frames
        else:
            waiting = sum(self._waiting.values()) if self.codec in ONE_FRAME_CODECS else 0
        # Where that is usual and nothing else is wrong, the packets hold fields, two of which make a frame.
        is_usual = waiting >= self.packets / 3 and not is_damaged
        return 0 if is_usual else max(0, waiting)

    def note(self, report: ReadReport) -> None:
        """Write into `report` what is known before the end, for those who do not read on to it."""
        report.frames_lost, report.frames_damaged = self.refused, self._damaged()
        report.damage = self._flaws(report)

    def _damaged(self) -> int:
        # One frame may be marked and complained of: the largest count is sure, their sum is not.
        return max(len(self._spoilt), self._flagged, self._complained)

    def settle(self, report: ReadReport, promise: Promise, rate: Fraction) -> None:
        """Write the loss into `report`, once all is read."""
        # Is the file broken, whatever happened to single pictures?
        books = promise.structure or Structure()
        order = None if self.uncounted is None else self.uncounted.order
        ends_early = self.uncounted is not None and self.uncounted.is_cut
        if ends_early:
            self._spoil_last()
        is_broken = bool(books.cut or books.problem or self.stopped or self.partial or self.destroyed)
        is_broken |= self._is_short(promise) or (order is not None and order.is_broken)
        # Where all pictures are there by the books, what FFmpeg complains of lies between them.
        is_broken |= self.complaint is not None and books.packets is None
        # What of it never came, came and was refused, or came to nothing.
        damaged = self._damaged()
        expected = self._expected(promise, is_broken)
        missing = self._missing(expected, books)
        gone = self.refused + self._unanswered(is_damaged=bool(is_broken or missing or damaged or self.refused))
        unshown = self._excused
        lost_start = unshown > 0 and self._has_start(books)
        if unshown and (is_broken or lost_start):
            # Frames may have come of some of them, though not with their stamps.
            gone += max(1, min(unshown, self.packets - self.hidden - gone - report.frames_read))
            unshown = 0
        lost, is_absurd = missing + gone, False
        # The best count there is: what should be shown less what was, or else what the time has room for.
        if lost or is_broken:
            if expected is not None:
                room = max(0, expected - unshown - report.frames_read)
                lost = min(lost, room) if self._empty or self.codec in UNSHOWN_PACKET_CODECS else room
            elif expected is None and is_broken:
                by_time = self._frames_by_time(promise, rate) - unshown
                is_absurd = by_time > BELIEVED_TIMES * self.packets
                by_time = 0 if is_absurd else by_time
                lost = max(lost, self.partial + gone, self.destroyed + gone, by_time - report.frames_read)
        if expected is None and order is not None and (ordered := order.expected()) is not None:
            lost = max(lost, ordered - unshown - report.frames_read)
        report.frames_lost, report.frames_damaged = lost, damaged
        if unshown > 0:
            report.notes.append(
                f"the recording starts between two key frames: its first {unshown} pictures cannot be shown"
            )
        # Does the count above hold all of it, or may there be more?
        is_told = expected is not None or (promise.is_stated and lost > 0 and not is_absurd)
        is_open = books.open_ended or not is_told
        ends_badly = self._last is not None and (self._last in self._spoilt or self._last in self._refused_stamps)
        report.loss_unknown = (is_broken or missing > 0 or (ends_badly and not promise.is_stated)) and is_open
        report.loss_unknown |= (promise.keeps_no_books or books.is_loose) and lost + damaged > 0
        # By the numbers of the pictures that came: of those before the first and after the last there is no trace.
        is_late = (self._first_seconds or 0) * float(rate) > LATEST_START_FRAMES
        is_open_start = is_broken and (is_late or not self._starts_with_key)
        report.loss_unknown |= expected is None and lost > 0 and (is_open_start or not promise.is_stated)
        is_cut = bool(missing > self.hidden or self.partial or books.cut or ends_early) or (
            ends_badly and report.loss_unknown
        )
        report.damage = self._phrase(report, books, is_cut=is_cut, broken=is_broken, lost_start=lost_start)

    def _has_start(self, books: Structure) -> bool:
        """Whether the recording starts where its encoder did, though not with a key frame any more."""
        return not self._starts_with_key and (
            books.from_start or (self.uncounted is not None and self.uncounted.order.has_headers_first)
        )

    def _missing(self, expected: int | None, books: Structure) -> int:
        """Packets that never came."""
        came = self.packets - self.hidden
        if expected is not None:
            return max(0, expected - came)
        missing = max(0, (books.at_least or 0) - came)
        # Where that is usual, the starts are those of fields; what comes before a key frame may be passed over.
        return missing if missing < came / 3 and (self._starts_with_key or self._has_start(books)) else 0

    def _expected(self, promise: Promise, is_broken: bool) -> int | None:
        """How many pictures should have come; None where nobody knows."""
        books = promise.structure
        if books is not None and books.shown is not None:
            return books.shown
        if books is not None and books.packets is not None:
            # A chunk that lost its name is missing from the books as well, but not from AVI's index.
            return max(books.packets, self.packets + self.destroyed) - self.hidden
        # AVI's header also counts frames that were dropped while recording: it proves no loss, but tells how much.
        if promise.count is not None and (is_broken or promise.is_exact):
            return promise.count - self.hidden
        return None

    def _is_short(self, promise: Promise) -> bool:
        """Whether everything ends well before the header says that it does."""
        if promise.end_seconds is None or not promise.is_stated:
            return False
        # Of all streams: the header's duration is that of the longest, which may be the sound.
        shortfall = promise.end_seconds - self._reach_of_all
        return shortfall > max(LEAST_SHORTFALL_SECONDS, LEAST_SHORTFALL_SHARE * promise.end_seconds)

    def _frames_by_time(self, promise: Promise, rate: Fraction) -> int:
        """How many frames there are between the first one and the end, at the rate of the video."""
        end = self._reach_seconds if promise.end_seconds is None else promise.end_seconds
        return round((end - (self._first_seconds or 0)) * float(rate))

    def _phrase(
        self, report: ReadReport, books: Structure, *, is_cut: bool, broken: bool, lost_start: bool
    ) -> str | None:
        last = report.frames_read - 1
        if self.stopped is not None:
            return f"unreadable after frame {last} ({self.stopped})"
        if books.problem is not None:
            return f"its container is damaged: {books.problem}"
        if lost_start:
            return "its first key frame is destroyed"
        if is_cut:
            return f"truncated after frame {last}" if report.is_short else "its end is missing, after the last frame"
        if self.hidden and books.shown == books.packets is not None and report.frames_lost:
            return "the times of its pictures contradict each other"
        if broken and report.frames_lost:
            return "parts of the file are missing"
        if flaws := self._flaws(report):
            return flaws
        return f"its container is damaged: {self.complaint or 'it ends early'}" if broken else None

    @staticmethod
    def _flaws(report: ReadReport) -> str | None:
        if report.frames_lost:
            return "some could not be decoded"
        return "decoded with errors" if report.frames_damaged else None


def _end_seconds(packet: Packet[Any]) -> float | None:
    """Where a packet ends by its stamps; None without any."""
    stamp = packet.dts if packet.pts is None else packet.pts
    return None if stamp is None else float((stamp + (packet.duration or 0)) * packet.time_base)
