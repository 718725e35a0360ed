"""A long video in segments, each of which can be predicted for itself, with the maps that the whole gives.

A segment is read from a key frame on. Its first frames only fill the model's memory, as many as the model's stated
reach asks for; they are predicted twice, and are at most `1 / WARM_UPS` of a segment.

That the maps are those of one piece is not only planned but looked at: the frame before a segment is predicted with it,
and must come out as the segment before made it, to the byte; if not, the warm-up is made longer (`pieces.join`).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gfsalnet.errors import GFSalNetError
from gfsalnet.models import SaliencyModel
from gfsalnet.video import Clock, PacketTable, Span, VideoInfo, read_packets

LEAST_SECONDS = 30.0
"""No segment is shorter: they are the unit of what a killed process has to do again, and not of bookkeeping."""
WARM_UPS = 25
"""A segment has at least so many times the frames that it is warmed up with."""
SHOT_FRAMES = 3
"""How many frames before it decide whether a frame starts a shot."""
_KEYS_BACK = 8
"""Key frames that a reader may fall back to where a container is sought in roughly."""


class OnePieceError(GFSalNetError):
    """A video that cannot be predicted in segments: it is to be predicted in one piece, which says all about it."""

    def __init__(self, where: object, problem: str) -> None:
        super().__init__(where, problem, "Predict it in one piece")

    def __reduce__(self) -> tuple[type[OnePieceError], tuple[str, str]]:  # type: ignore[override]  # as its own arguments are
        return type(self), (self.where, self.problem)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of a video that can be predicted for itself."""

    number: int
    """0-based."""
    span: Span
    """The frames that are read."""
    seen_from: int
    """The number in the whole video of the first frame that the model sees."""
    first: int
    """Number of the first frame whose prediction is kept."""
    end: int
    """Number of the last one, plus 1."""

    @property
    def begins(self) -> bool:
        """Whether there is no segment before it."""
        return self.seen_from == self.first


def plan_segments(
    model: SaliencyModel,
    info: VideoInfo,
    part_seconds: tuple[float | None, float | None] = (None, None),
    max_frames: int | None = None,
) -> tuple[Segment, ...]:
    """The segments of a video file; the same ones for every run. Reads all of the file, but decodes nothing.

    Args:
        model: how far it reaches decides.
        info: of the source.
        part_seconds: as in `Settings`.
        max_frames: as in `Settings`.

    Returns:
        two or more; none where the source is to be predicted in one piece: it is short, the model's memory has no end,
        or its packets do not tell its frames exactly, as those of damaged files.
    """
    if not may_have_segments(model, info) or info.path is None:
        return ()
    table = read_packets(info.path)
    # A damaged file is read in one piece, which tells all of the damage.
    if table is None or not table.is_whole:
        return ()
    # The clock of the reader itself: the times of segments are those of the whole, to the last bit.
    clock = Clock(info.time_base, info.rate)
    seconds = [clock.seconds(stamp) for stamp in table.stamps]
    start, end = part_seconds
    first = 0 if start is None else bisect_left(seconds, start)
    last = len(seconds) if end is None else bisect_left(seconds, end)
    if max_frames is not None:
        last = min(last, first + max_frames)
    planned = _Planned(model, table, seconds).segments(first, last)
    return planned if len(planned) > 1 else ()


def may_have_segments(model: SaliencyModel, info: VideoInfo) -> bool:
    """Whether a source is long enough, as far as its header tells, and of a kind that is cut into segments."""
    if math.isinf(model.reach_frames) or math.isinf(model.reach_seconds):
        return False
    if info.kind != "video" or info.path is None or info.version is not None or not info.can_be_recognised:
        return False
    return info.duration_seconds is None or info.duration_seconds > 1.5 * LEAST_SECONDS


@dataclass(frozen=True)
class _Planned:
    model: SaliencyModel
    table: PacketTable
    seconds: Sequence[float]

    def segments(self, first: int, last: int) -> tuple[Segment, ...]:
        """The segments of the frames from `first` to before `last`."""
        keys = [bisect_left(self.table.stamps, stamp) for stamp in self.table.key_stamps]
        # From the key frame before the first frame; the model begins there without a memory, as it does in one piece.
        begins = [(first, keys[bisect_right(keys, first) - 1])]
        for key in keys:
            kept = self._first_kept(key)
            if self._is_long_enough(begins[-1][0], kept, kept - key) and self._is_long_enough(kept, last, kept - key):
                begins.append((kept, key))
        ends = [kept for kept, _ in begins[1:]] + [last]
        return tuple(
            self._segment(number, key, first if number == 0 else key, kept, end, last)
            for number, ((kept, key), end) in enumerate(zip(begins, ends, strict=True))
        )

    def _first_kept(self, key: int) -> int:
        """The first frame but one of which all is known that it depends on, if frames from `key` on are."""
        # The frames of which is known whether they start a shot, and from which flow leads to the next.
        # Both reaches, one after the other: what is held for seconds may itself reach back over frames.
        known = key + SHOT_FRAMES + 1 + int(self.model.reach_frames)
        if known >= len(self.seconds):
            return len(self.seconds)
        return max(known, bisect_right(self.seconds, self.seconds[known] + self.model.reach_seconds)) + 1

    def _is_long_enough(self, first: int, end: int, warm_up: int) -> bool:
        # Looking ahead costs frames as well: those after its end that the next segment predicts.
        if end - first < WARM_UPS * (warm_up + self.model.lookahead_frames):
            return False
        return self.seconds[min(end, len(self.seconds) - 1)] - self.seconds[first] >= LEAST_SECONDS

    def _segment(self, number: int, key: int, seen_from: int, first: int, end: int, last: int) -> Segment:
        # To where the model looks ahead, but not past the end of the part: it has no more frames in one piece either.
        read = slice(key, min(end + self.model.lookahead_frames, last))
        stamps = self.table.stamps
        position = bisect_right(self.table.key_stamps, stamps[key])
        back = self.table.key_stamps[max(0, position - _KEYS_BACK) : position] if key else ()
        seconds = tuple(self.seconds[read])
        span = Span(first=key, stamps=stamps[read], seconds=seconds, key_stamps=back, judged_from=first)
        return Segment(number=number, span=span, seen_from=seen_from, first=first, end=end)


def warmed_longer(segment: Segment, earlier: Sequence[Segment]) -> Segment:
    """The same frames, predicted after all those of some segments that come right before it."""
    begin = earlier[0]
    # By number, since the spans overlap: each begins before the one before it ends.
    stamps, seconds = dict[int, int](), dict[int, float]()
    for span in (*(other.span for other in earlier), segment.span):
        numbers = range(span.first, span.first + len(span.stamps))
        stamps.update(zip(numbers, span.stamps, strict=True))
        seconds.update(zip(numbers, span.seconds, strict=True))
    span = replace(
        begin.span, judged_from=segment.first, stamps=tuple(stamps.values()), seconds=tuple(seconds.values())
    )
    return replace(segment, span=span, seen_from=begin.seen_from)
