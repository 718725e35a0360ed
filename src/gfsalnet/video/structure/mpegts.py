"""MPEG transport streams: packets of 188 bytes that are counted from 0 to 15 (ISO/IEC 13818-1)."""

from __future__ import annotations

from gfsalnet.video.structure.base import FileBytes, Structure
from gfsalnet.video.structure.mpeg_clock import TICKS, ticks

_SYNC, _PACKET_BYTES, _PROGRAMS, _PADDING = 0x47, 188, 0, 0x1FFF
_STRIDES = ((188, 0), (192, 4), (204, 0))
"""Bytes from packet to packet, and where in it the packet starts: plain, with time stamps (M2TS), with error codes."""
_PROBED = 64
_JUMP_SECONDS = 1.0
_CHUNK_PACKETS = 4096


def walk(file: FileBytes, stream: int) -> Structure:
    """Whether the packets of one PID follow each other, and its pictures start where they should."""
    found = _first_packet(file)
    if found is None:
        return Structure(problem="its packets do not line up")
    at, stride, sync = found
    follower, problem = _Follower(), None
    lost_sync = False
    counters_at_start: dict[int, int] = {}
    while problem is None and at < file.size:
        # Some hundred kilobytes at a time: memory stays bounded on hours of video.
        chunk = file.at(at, stride * _CHUNK_PACKETS)
        for start in range(0, len(chunk) - sync - _PACKET_BYTES + 1, stride):
            packet = chunk[start + sync : start + sync + _PACKET_BYTES]
            if packet[0] != _SYNC:
                lost_sync = True
                break
            # The PID, 13 bits.
            number = int.from_bytes(packet[1:3], "big") & 0x1FFF
            if not follower.pictures:
                counters_at_start.setdefault(number, packet[3] & 0x0F)
            if number == stream:
                problem = follower.problem_of(packet)
                if problem is not None:
                    break
        if lost_sync:
            problem = f"its packets do not line up {follower.place}"
            break
        at += stride * _CHUNK_PACKETS
    cut = problem is None and (file.size - found[0] - sync) % stride not in _whole(stride, sync)
    from_start = _counts_from_start(counters_at_start, stream)
    return Structure(at_least=follower.pictures, from_start=from_start, cut=cut, problem=problem)


def _counts_from_start(first: dict[int, int], stream: int) -> bool:
    """Whether counters begin at 0, by the first one of each PID, as where a stream is written; not where one tunes in.

    One packet may be missing, that of the programs or the first one of the video; of three tables or more one may be
    none, but damaged.
    """
    others = [counter for number, counter in first.items() if number not in (stream, _PADDING)]
    zeros = others.count(0)
    return len(others) - zeros <= zeros - 2 or first.get(_PROGRAMS) == first.get(stream) == 0


def _whole(stride: int, sync: int) -> tuple[int, ...]:
    """What may be left after the last packet: nothing, or its error codes are missing."""
    return ((stride - sync) % stride, _PACKET_BYTES % stride)


def _first_packet(file: FileBytes) -> tuple[int, int, int] | None:
    """Where the first packet starts, the bytes from one to the next, and where in them its own begin."""
    head = file.at(0, 204 * _PROBED)
    lines = [(at, stride, sync) for stride, sync in _STRIDES for at in range(stride)]
    marks = {line: head[line[0] + line[2] :: line[1]] for line in lines}
    best = max(lines, key=lambda line: marks[line].count(_SYNC) / max(2, len(marks[line])))
    if marks[best].count(_SYNC) <= len(marks[best]) / 2:
        return None
    # Where bytes are missing, the packets before and after it are on different lines: that of the first two counts.
    _, stride, sync = best
    first = next((at for at in range(stride) if set(marks[at, stride, sync][:2]) == {_SYNC}), best[0])
    return first, stride, sync


class _Follower:
    """Follows the packets of one stream."""

    def __init__(self) -> None:
        self.pictures = 0
        """Starts of pictures with a time."""
        self._counter: int | None = None
        self._repeated = False
        self._seconds: float | None = None

    @property
    def place(self) -> str:
        """Where in the video the last packet was."""
        return f"after picture {self.pictures - 1}" if self.pictures else "before the first picture"

    def problem_of(self, packet: bytes) -> str | None:
        """What is wrong with a packet after those before it."""
        starts, has_adaptation, has_payload = packet[1] & 0x40, packet[3] & 0x20, packet[3] & 0x10
        if packet[1] & 0x80:
            return f"a packet {self.place} is marked as damaged"
        announced = bool(has_adaptation and packet[4] > 0 and packet[5] & 0x80)
        # After the header, and the adaptation field where there is one, which begins with its length.
        payload = packet[4 + (1 + packet[4] if has_adaptation else 0) :]
        counter, before = packet[3] & 0x0F, self._counter
        # The counter stands still on packets without a payload.
        if not has_payload:
            return None
        self._counter = counter
        if starts:
            if payload[:3] != b"\0\0\1":
                return f"a picture {self.place} has no start"
            # The flag of a time: pieces of one picture that start anew have none.
            self.pictures += len(payload) > 7 and payload[7] & 0x80 > 0
        jumps = self._jumps(payload) if starts else False
        if before is None or announced or jumps or counter == (before + 1) % 16:
            self._repeated = False
            return None
        if counter == before and not self._repeated:
            self._repeated = True  # a packet may be sent twice
            return None
        return f"packets are missing {self.place}"

    def _jumps(self, payload: bytes) -> bool:
        """Whether another recording starts here, by the clock: then the counter may start anew as well."""
        if len(payload) < 19 or not payload[7] & 0x80:
            return False
        # The time of decoding, where there is one: it always grows.
        coded = payload[14:19] if payload[7] & 0x40 else payload[9:14]
        before, self._seconds = self._seconds, ticks(coded) / TICKS
        return before is not None and not 0 <= self._seconds - before < _JUMP_SECONDS
