"""Where the video stood on the display: from gaze on a display to pixels of the video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import RequestError
from gfsalnet.gaze.trackers.recording import Points, TrackerError, TrackerRecording

WORDS = ("letterbox", "stretch", "native")
Box = tuple[float, float, float, float]
"""x, y, width, height in pixels of the display."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Placement:
    """Where on the display the video stood, in its pixels."""

    boxes: NDArray[np.float64]
    """(1, 4) or (N, 4) x, y, width, height in pixels of the display, the same always or at each sample."""
    how: str
    """For the user: how it is known."""

    def to_video(self, points: Points, video_wh: tuple[int, int]) -> Points:
        """(N, 2) pixels of the video, from pixels of the display."""
        return np.asarray((points - self.boxes[:, :2]) / self.boxes[:, 2:] * np.asarray(video_wh, np.float64))

    def filled(self) -> Placement:
        """The same, with the nearest place before or else after where the export shows no stimulus at a sample."""
        there = np.flatnonzero(np.isfinite(self.boxes).all(axis=1))
        if not 0 < len(there) < len(self.boxes):
            return self
        # The last known place at or before each sample; at the beginning the first one.
        before = np.maximum(np.searchsorted(there, np.arange(len(self.boxes)), side="right") - 1, 0)
        return Placement(boxes=self.boxes[there[before]], how=self.how)

    def of(self, rows: NDArray[np.intp]) -> Placement:
        """The same for some of the samples."""
        return self if len(self.boxes) == 1 else Placement(boxes=self.boxes[rows], how=self.how)

    def in_words(self) -> str:
        """Such as `1280x720 at 0, 140`, of the most frequent box."""
        boxes, counts = np.unique(self.boxes[np.isfinite(self.boxes).all(axis=1)], axis=0, return_counts=True)
        x, y, width, height = boxes[counts.argmax()]
        return f"{width:g}x{height:g} at {x:g}, {y:g}{' (it moves)' if len(boxes) > 1 else ''}"


def parse_placement(text: str) -> str | Box:
    """One of `WORDS`, or `X,Y,WIDTH,HEIGHT`.

    Raises:
        ValueError: if it is neither.
    """
    if text in WORDS:
        return text
    try:
        x, y, width, height = map(float, text.split(","))
    except ValueError:
        raise ValueError(f"{text!r} is neither {', '.join(WORDS)} nor X,Y,WIDTH,HEIGHT in pixels") from None
    if min(width, height) <= 0 or not np.isfinite([x, y, width, height]).all():
        raise ValueError(f"{text!r} has no width or height")
    return x, y, width, height


def shown_box(
    placement: str | Box, screen_wh: tuple[int, int], video_wh: tuple[int, int], pixel_aspect: Fraction = Fraction(1)
) -> Box:
    """Where a video stood on a display.

    Args:
        placement: `letterbox`: as large as fits, in the middle; `stretch`: over the whole display; `native`: pixel by
            pixel in the middle; or the box itself.
        screen_wh: width and height of the display in pixels.
        video_wh: of the video in stored pixels.
        pixel_aspect: width of a stored pixel divided by its height.

    >>> shown_box("letterbox", (1280, 1024), (640, 360))
    (0.0, 152.0, 1280.0, 720.0)
    """
    if not isinstance(placement, str):
        return placement
    # As players show it: stored pixels made square by their width. This alone is "native".
    width, height = video_wh[0] * float(pixel_aspect), float(video_wh[1])
    if placement == "stretch":
        width, height = map(float, screen_wh)
    elif placement == "letterbox":
        scale = min(screen_wh[0] / width, screen_wh[1] / height)
        width, height = width * scale, height * scale
    return (screen_wh[0] - width) / 2, (screen_wh[1] - height) / 2, width, height


def place(
    recording: TrackerRecording,
    asked: str | Box | None,
    screen_wh: tuple[int, int] | None,
    video_wh: tuple[int, int],
    pixel_aspect: Fraction = Fraction(1),
) -> tuple[Placement, tuple[int, int] | None]:
    """Where the video stood in a recording, and the size of the display.

    Args:
        recording: as it was read.
        asked: what the user says; None: what the export says, else `letterbox`.
        screen_wh: of the display in pixels, by the user.
        video_wh: of the video in stored pixels.
        pixel_aspect: width of a stored pixel divided by its height.

    Raises:
        TrackerError: if the size of the display is needed and unknown, or the user and the export do not agree.
    """
    said = recording.screen_wh
    if screen_wh is not None and said is not None and screen_wh != said:
        problem = (
            f"the export says that the display has {said[0]}x{said[1]} pixels, --screen {screen_wh[0]}x{screen_wh[1]}"
        )
        raise TrackerError(recording.path, problem, "Leave --screen out, or look up which is right.")
    screen = screen_wh or said
    if asked is None and recording.shown_boxes is not None:
        # The media's pixels are the video's where the export gives a corner alone.
        boxes = np.where(np.isnan(recording.shown_boxes), [np.nan, np.nan, *video_wh], recording.shown_boxes)
        return Placement(boxes=boxes, how="by the export"), screen
    if asked is None and recording.frame_clocks:
        corner = recording.frame_clocks[0].corner[0]
        return Placement(boxes=np.array([[*corner, *video_wh]]), how="by the frame messages, pixel by pixel"), screen
    fills = asked == "stretch" or (asked is None and recording.space == "surface shares")
    if screen is None and recording.space != "screen pixels" and fills:
        how = "the video fills the whole " + recording.space.removesuffix(" shares")
        return Placement(boxes=np.array([[0.0, 0.0, *video_wh]]), how=how), video_wh
    if screen is None and (asked is None or isinstance(asked, str) or recording.space != "screen pixels"):
        remedy = "Give --screen WIDTHxHEIGHT, the size of the display in pixels."
        raise TrackerError(recording.path, "the size of the display is not in the export", remedy)
    # Without a display there is only a box that the user gave, for which its size does not matter.
    box = shown_box(asked or "letterbox", screen or (1, 1), video_wh, pixel_aspect)
    how = "as given" if asked is not None else "taken to be as large as fits, in the middle of the display"
    return Placement(boxes=np.array([box]), how=how), screen


def on_display(points: Points, recording: TrackerRecording, screen_wh: tuple[int, int] | None) -> Points:
    """(N, 2) pixels of the display, from the units of the recording."""
    if recording.space == "screen pixels":
        return points
    if screen_wh is None:
        raise RequestError("--screen", "the size of the display is not known", "Give it as WIDTHxHEIGHT in pixels")
    return np.asarray(points * np.asarray(screen_wh, np.float64))
