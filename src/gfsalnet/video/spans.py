"""Frames from the middle of a file, with the numbers and times that they have in the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from av.video.frame import VideoFrame

from gfsalnet.types import Frame
from gfsalnet.video.container import ContainerReader, MediaInput
from gfsalnet.video.damage import DamageLog
from gfsalnet.video.pyav import FILE


@dataclass(frozen=True, kw_only=True)
class Span:
    """Frames of a file that follow each other, the first of them a key frame."""

    first: int
    """The number of its first frame in the whole file, 0-based."""
    stamps: tuple[int, ...]
    """Stamps of its frames in order of display, in ticks of the stream; see `PacketTable`."""
    seconds: tuple[float, ...]
    """When each is shown."""
    key_stamps: tuple[int, ...]
    """Stamps of key frames up to the one that it begins with, which is the last: a file is sought in from the latest of
    them that it finds. Empty: it is read from its beginning."""
    judged_from: int = 0
    """The number of the first frame whose errors count: after a key frame in mid-stream decoders may complain of
    references to pictures before it that are not needed. Those of earlier frames are for the span before to tell."""


class SpanReader(ContainerReader):
    """The frames of a span, exactly as they come when the file is read from its beginning.

    Frames that are shown before the key frame are left out: those of an open group of pictures need what lies before
    it. What is wrong, frames of the span that do not come included, is in the `report` afterwards: then the frames are
    not to be relied on.

    Args:
        source: what the user typed.
        path: of the file.
        span: of the `PacketTable` of this file.

    Raises:
        SourceError: as when the whole file is opened.
    """

    def __init__(self, source: str, path: Path, span: Span) -> None:
        file = f"{FILE}{path.absolute()}"
        super().__init__(MediaInput(source=source, name=path.stem, kind="video", file=file, path=path))
        self._span = span
        if span.key_stamps:
            with self._lock:
                self._seek(span.key_stamps)

    def _seek(self, key_stamps: tuple[int, ...]) -> None:
        # The stamp from which on errors count.
        position = max(0, self._span.judged_from - self._span.first)
        judged_from = self._span.stamps[min(position, len(self._span.stamps) - 1)]
        for stamp in reversed(key_stamps):
            # A log of its own for every try: what was met on the way to a place that is not used does not count.
            self._log = DamageLog(codec=self._stream.codec_context.name, excused_before=judged_from)
            self._decoded.clear()
            self._container.seek(stamp, stream=self._stream)
            self._packets, self._ended = self._container.demux(), False
            while not self._decoded and not self._ended:
                self._feed()
            # Containers are sought in by stamps of either kind, so that a later key frame may be found.
            if self._decoded and self._log.starts_by(key_stamps[-1]):
                return

    def frames(self) -> Iterator[Frame]:
        """The frames of the span; fewer where one does not come."""
        span = self._span
        for index, (stamp, seconds) in enumerate(zip(span.stamps, span.seconds, strict=True), span.first):
            decoded = self._decoded_at(stamp)
            self._log.note(self.report)
            if decoded is None:
                self.report.frames_lost += 1
                self.report.damage = self.report.damage or f"frame {index} does not come"
                return
            self.report.frames_read += 1
            yield self._to_rgb(decoded, seconds, index)

    def _decoded_at(self, stamp: int) -> VideoFrame | None:
        with self._lock:
            while not self._ended or self._decoded:
                if not self._decoded:
                    self._feed()
                    continue
                decoded = self._decoded.popleft()
                # Passed over: the wanted frame does not come any more.
                if decoded.pts is None or decoded.pts > stamp:
                    return None
                if decoded.pts == stamp:
                    return decoded
        return None
