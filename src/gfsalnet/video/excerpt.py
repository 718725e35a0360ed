"""A part of a source, from one time to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gfsalnet.errors import SourceError
from gfsalnet.types import Frame
from gfsalnet.video.base import VideoReader


class ExcerptReader(VideoReader):
    """The frames of a reader with `start_seconds <= time < end_seconds`, with the numbers and times of their source.

    Args:
        reader: of the whole source; closed with this one.
        start_seconds: None: from the first frame on.
        end_seconds: None: to the last one.

    Raises:
        SourceError: if there is no frame between them.
    """

    def __init__(self, reader: VideoReader, start_seconds: float | None, end_seconds: float | None) -> None:
        self._reader = reader
        self._start, self._end = start_seconds or 0.0, end_seconds
        self._frames = reader.frames_from(self._start)
        try:
            first = self._first()
        except BaseException:
            reader.close()
            raise
        self._first_frame: Frame | None = first
        info = reader.info
        # What the header says of the whole, cut down to the excerpt: for bars and estimates alone.
        until = info.duration_seconds if self._end is None else self._end
        if until is not None and info.duration_seconds is not None and not info.is_live:
            until = min(until, info.duration_seconds)
        seconds = None if until is None else max(0.0, until - first.time_seconds)
        count = None if seconds is None else max(1, round(seconds * info.rate))
        if info.estimated_frames is not None and count is not None:
            count = min(count, info.estimated_frames)
        super().__init__(
            replace(info, start_seconds=first.time_seconds, duration_seconds=seconds, estimated_frames=count)
        )

    def _first(self) -> Frame:
        last: float | None = None  # the time of the last frame
        for item in self._frames:
            if isinstance(item, Frame):
                if self._end is None or item.time_seconds < self._end:
                    return item
                break
            last = item
        source = self._reader.info.source
        if last is None or self._end is not None:
            problem = f"no frame lies between {self._start:g} and {self._end} s"
        else:
            info = self._reader.info
            ends = "is a single picture" if info.kind == "image" else f"ends at {last + float(1 / info.rate):.2f} s"
            problem = f"it {ends}, before --start {self._start:g}"
        raise SourceError(source, problem, "Choose an earlier --start, or a later --end")

    def frames(self) -> Iterator[Frame]:
        """The frames from here on."""
        whole = self._reader.report
        if (frame := self._first_frame) is not None:
            # Given away and not kept: a frame of 4K has 25 MB.
            self._first_frame = None
            self.report.frames_read += 1
            yield frame
        for later in self._frames:
            assert isinstance(later, Frame)  # all after the first are
            if self._end is not None and later.time_seconds >= self._end:
                break
            self.report.frames_read += 1
            yield later
        # All of the damage is known at the end of the whole; until then what was met so far.
        self.report.frames_lost, self.report.frames_damaged = whole.frames_lost, whole.frames_damaged
        self.report.loss_unknown, self.report.damage = whole.loss_unknown, whole.damage
        self.report.notes.extend(note for note in whole.notes if note not in self.report.notes)

    def close(self) -> None:
        """Close the whole source."""
        self._reader.close()
