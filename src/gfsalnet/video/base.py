"""The one interface of all sources."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import TypeVar

from gfsalnet.types import Frame
from gfsalnet.video.info import ReadReport, VideoInfo

log = logging.getLogger(__name__)

AnyReader = TypeVar("AnyReader", bound="VideoReader")


class VideoReader(ABC):
    """An open source: a context manager, and an iterable of its frames that can be read once.

    Frames come upright in RGB with index 0, 1, 2, … and strictly increasing times, the first at 0; an excerpt has the
    numbers and times of its source. A number that is missing among pictures is missing among the indices. Problems that
    show before the first frame are raised when the source is opened.
    """

    def __init__(self, info: VideoInfo) -> None:
        self.info = info
        width, height = info.size_wh
        log.info(
            *("%s: %s, %dx%d pixels, %s frames per second, about %s frames, read by %s", info.source, info.kind),
            *(width, height, info.rate, info.estimated_frames, type(self).__name__),
        )
        self.report = ReadReport()

    @abstractmethod
    def frames(self) -> Iterator[Frame]:
        """The frames from here on.

        Raises:
            SourceError: if a frame cannot be brought to RGB or to the size of the first.
        """

    def frames_from(self, start_seconds: float) -> Iterator[Frame | float]:
        """The frames that are not before a time; of each before it only its time. Errors as `frames`."""
        for frame in self.frames():
            yield frame if frame.time_seconds >= start_seconds else frame.time_seconds

    def times(self) -> Iterator[float]:
        """Times in seconds of the frames from here on, instead of the frames; errors as `frames`."""
        for frame in self.frames():
            yield frame.time_seconds

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def close(self) -> None:  # noqa: B027 - not every source holds something to close
        """Close the file or device; iteration in another thread ends after the current frame."""

    def __enter__(self: AnyReader) -> AnyReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
