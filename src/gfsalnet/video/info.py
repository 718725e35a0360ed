"""What is known about a source before its frames are read, and what is known after."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

from gfsalnet.errors import SourceError
from gfsalnet.video.pictures import check_pixels

Kind = Literal["video", "image", "frames", "camera", "stream"]

DEFAULT_RATE = Fraction(25)
"""Frames per second of a source that does not say: pictures, raw streams."""
MIN_SIDE_PIXELS = 8
"""Shorter sides are refused: no network makes a map of fewer pixels, and 1×1 files are mistakes."""


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a source promises."""

    source: str
    """What the user typed; of an address without password and query."""
    name: str
    """Name of the folder for its outputs: file stem, folder name, `camera-0`, `stdin`, or a slug of a URL or glob."""
    path: Path | None
    """File or folder; for standard input the spooled copy, which exists while the reader is open; None otherwise."""
    size_wh: tuple[int, int]
    """Width and height in stored pixels, upright."""
    rate: Fraction
    """Frames per second, on average where the rate varies."""
    time_base: Fraction
    """Seconds per tick of the source's time stamps."""
    estimated_frames: int | None
    """Approximate number of frames by the header; None where it says nothing. `frame_times` counts them."""
    duration_seconds: float | None
    has_audio: bool
    kind: Kind
    pixel_aspect: Fraction = Fraction(1)
    """Width of a stored pixel divided by its height: 1 but for anamorphic video (frames keep their stored pixels)."""
    address: str | None = field(default=None, repr=False)
    """The whole of an address, to open it again; it may hold a password, so it is never stored or shown."""
    version: str | None = None
    """What tells the content of an address from earlier and later ones; None where the server gives nothing for it."""
    is_playlist: bool = False
    """Whether it names other files or addresses, which may change while it stays the same."""

    start_seconds: float = 0.0
    """Time of the first frame that is read: 0 but for an excerpt, whose frames keep the numbers and times of their
    source."""

    @property
    def is_live(self) -> bool:
        """Whether the source has no end of its own."""
        return self.kind == "camera" or (self.kind == "stream" and self.duration_seconds is None)

    @property
    def can_be_recognised(self) -> bool:
        """Whether a later run can tell that it would read the same frames."""
        if self.is_live or self.is_playlist or self.source == "-":
            return False
        return self.kind != "stream" or self.version is not None


@dataclass
class ReadReport:
    """How reading went; filled while frames are read, final when they end."""

    frames_read: int = 0
    frames_lost: int = 0
    """Frames that the source should hold and that could not be read; estimated where only a duration is known."""
    loss_unknown: bool = False
    """Whether more frames may be lost than those counted: the file is cut off, and says nowhere how long it was."""
    frames_damaged: int = 0
    """Frames that were read, and were decoded with errors."""
    frames_skipped: int = 0
    """Frames of a live source that were dropped because predicting could not keep up."""
    damage: str | None = None
    """One phrase on what was wrong, such as `truncated after frame 87` (0-based); None for a whole source."""
    notes: list[str] = field(default_factory=list)
    """What the user should know of a source that is whole, such as frames that were scaled."""

    @property
    def is_short(self) -> bool:
        """Whether frames are lost."""
        return self.frames_lost > 0 or self.loss_unknown

    def loss_in_words(self) -> str:
        """What became of the frames, as in `22 frames lost, 1 damaged`."""
        at_least = "at least " if self.loss_unknown and self.frames_lost else ""
        lost = "an unknown number of" if self.loss_unknown and not self.frames_lost else f"{at_least}{self.frames_lost}"
        return f"{lost} {'frame' if lost in ('1', 'at least 1') else 'frames'} lost, {self.frames_damaged} damaged"


def rate_of_pictures(rate: Fraction | float | None) -> Fraction:
    """Frames per second of pictures that have no times of their own; 25 if None.

    Raises:
        ValueError: if it is no finite number above 0.
    """
    if rate is None:
        return DEFAULT_RATE
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"rate must be frames per second, a finite number above 0, not {rate}")
    return Fraction(rate)


def check_size(where: object, size_wh: tuple[int, int]) -> None:
    """Refuse pictures too small for any network and too large for any memory.

    Raises:
        SourceError: if a side is under `MIN_SIDE_PIXELS` or there are more than `max_pixels` pixels.
    """
    width, height = size_wh
    if min(size_wh) < MIN_SIDE_PIXELS:
        raise SourceError(
            where,
            f"its size of {width}x{height} pixels is too small",
            f"Give one of at least {MIN_SIDE_PIXELS}x{MIN_SIDE_PIXELS}.",
        )
    check_pixels(where, size_wh, SourceError)
