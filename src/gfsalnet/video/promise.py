"""How much a file says that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from av.container import InputContainer
from av.video.stream import VideoStream

from gfsalnet.video.structure import Structure, structure_of

MICROSECOND = 1e-6
"""FFmpeg's unit for the duration of a container."""
NUMBERED_STREAMS = frozenset({"asf", "mov", "mpeg", "mpegts"})
"""Containers in which a stream's own number is that in the file."""
STATED_DURATION = frozenset({"asf", "avi", "flv", "matroska"})
"""Containers whose header tells how long the video is; of others FFmpeg only knows what it found."""


@dataclass(kw_only=True)
class Promise:
    """What the header says the video stream holds."""

    count: int | None
    """Number of packets, one per frame, where the container knows it."""
    is_exact: bool
    """Whether fewer packets than `count` prove a loss: MP4's index lists each one."""
    end_seconds: float | None
    """Where the video ends, or else the longest stream, by its stamps."""
    is_stated: bool
    """Whether the header says so; otherwise the end is that of what was found."""
    structure: Structure | None
    """The container's bookkeeping, where it keeps any."""

    @property
    def keeps_no_books(self) -> bool:
        """Whether nothing but the frames themselves tells how many there should be."""
        return self.structure is None and self.count is None and not self.is_stated


def promise_of(container: InputContainer, stream: VideoStream, path: Path | None) -> Promise:
    """What the file promises; asked at the end, since a fragmented MP4 tells as it goes, and all of it is read."""
    names = set(container.format.name.split(","))
    ends, is_stated = [], bool(names & STATED_DURATION)
    if (own := _stated_seconds(stream)) is not None:
        ends.append(own)
    elif container.duration:
        # A stated duration counts from 0; a measured one from the first stamp.
        start = 0 if is_stated else container.start_time or 0
        ends.append((start + container.duration) * MICROSECOND)
    # AVI's header also counts frames: a second estimate of the end, of which the later one counts.
    if "avi" in names and stream.frames and stream.average_rate:
        ends.append(float(stream.frames / stream.average_rate))
    structure = None
    if path is not None:
        # Elsewhere FFmpeg numbers the streams itself, in the order of the file.
        number = stream.id if names & NUMBERED_STREAMS else stream.index
        structure = structure_of(path, container.format.name, number)
        if structure is not None and structure.seconds is not None:
            ends.append(structure.seconds)
    return Promise(
        count=stated_count(container, stream),
        is_exact="mov" in names,
        end_seconds=max(ends, default=None),
        is_stated=is_stated,
        structure=structure,
    )


def stated_count(container: InputContainer, stream: VideoStream) -> int | None:
    """How many packets of the video the index or header counts; None where there is none."""
    names = set(container.format.name.split(","))
    index = getattr(stream, "index_entries", None)  # since PyAV 17
    if "mov" in names and index is not None:
        # Not stream.frames: samples that an edit list hides are in it, and not among the packets.
        return len(index)
    return stream.frames if stream.frames and names & {"mov", "avi"} else None


def _stated_seconds(stream: VideoStream) -> float | None:
    """The duration that Matroska's statistics give for the stream itself, such as `00:00:01.200000000`."""
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = map(float, parts)
    except ValueError:
        return None
    return 3600 * hours + 60 * minutes + seconds
