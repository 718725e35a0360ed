"""Gaze over three frames of the video: where it was placed wrongly, this shows it at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze.trackers.viewing import Viewing
from gfsalnet.gaze.video_files import Timeline, video_frames
from gfsalnet.types import RGB
from gfsalnet.words import counted

PANEL_WIDTH = 560
"""Width of a frame in the picture, in pixels."""
AROUND = 0.15
"""Share of the frame's width and height that is added on each side of it: gaze beyond the video shows there."""
WINDOW_SECONDS = 0.15
"""Time before and after a frame whose gaze is drawn over it."""
MOMENTS = (1 / 6, 1 / 2, 5 / 6)
"""The frames that are shown, as shares of the way through those that have gaze."""
COLOURS = ((0, 158, 115), (230, 159, 0), (86, 180, 233), (213, 94, 0), (204, 121, 167), (240, 228, 66))
"""RGB of Okabe and Ito, one a viewer in turn: told apart with any colour vision."""


def placement_picture(video: Path, viewings: Sequence[Viewing], timeline: Timeline) -> RGB:
    """Three frames side by side, each with the gaze around its time; the dark border is outside the video.

    Raises:
        SourceError: if the video cannot be read.
    """
    chosen = _frames_with_gaze(viewings, timeline)
    panels = []
    for frame in video_frames(video):
        if frame.index in chosen:
            seconds = float(timeline.starts_seconds[frame.index])
            panels.append(_panel(frame.rgb, frame.index, seconds, viewings))
        # The rest of a long video need not be decoded.
        if frame.index >= max(chosen):
            break
    return np.hstack(panels)


def _frames_with_gaze(viewings: Sequence[Viewing], timeline: Timeline) -> list[int]:
    frames = np.unique(np.concatenate([timeline.frame_at(times) for times, _ in map(_gaze, viewings)]))
    frames = frames[frames < len(timeline)] if (frames < len(timeline)).any() else np.array([0])
    return sorted({int(frames[round(moment * (len(frames) - 1))]) for moment in MOMENTS})


def _gaze(viewing: Viewing) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N,) times and (N, 2) places of a viewer's gaze."""
    if viewing.valid.any() or viewing.fixation_seconds is None or viewing.fixation_xy is None:
        return viewing.time_seconds[viewing.valid], viewing.xy[viewing.valid]
    assert viewing.fixation_lengths is not None
    return viewing.fixation_seconds + viewing.fixation_lengths / 2, viewing.fixation_xy


def _panel(rgb: RGB, index: int, seconds: float, viewings: Sequence[Viewing]) -> RGB:
    height, width = rgb.shape[:2]
    scale = PANEL_WIDTH / width
    inner_wh = (PANEL_WIDTH, max(1, round(height * scale)))
    border_wh = (round(inner_wh[0] * AROUND), round(inner_wh[1] * AROUND))
    # 28 rows below for the label.
    panel = np.full((inner_wh[1] + 2 * border_wh[1] + 28, inner_wh[0] + 2 * border_wh[0], 3), 24, np.uint8)
    shrunk = cv2.resize(rgb, inner_wh, interpolation=cv2.INTER_AREA)
    panel[border_wh[1] : border_wh[1] + inner_wh[1], border_wh[0] : border_wh[0] + inner_wh[0]] = shrunk
    drawn = 0
    for number, viewing in enumerate(viewings):
        points = list(_around(viewing, seconds))
        drawn += bool(points)
        for x, y in points:
            centre = (round(x * scale) + border_wh[0], round(y * scale) + border_wh[1])
            cv2.circle(panel, centre, 5, (0, 0, 0), -1, cv2.LINE_AA)
            cv2.circle(panel, centre, 4, COLOURS[number % len(COLOURS)], -1, cv2.LINE_AA)
    viewers = counted(drawn, "viewer")
    label = f"frame {index}, {seconds:.2f} s, gaze of {viewers} within {WINDOW_SECONDS:g} s"
    cv2.putText(panel, label, (8, panel.shape[0] - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (230, 230, 230), 1, cv2.LINE_AA)
    return np.asarray(panel)


def _around(viewing: Viewing, seconds: float) -> Iterator[tuple[float, float]]:
    times, points = _gaze(viewing)
    for x, y in points[np.abs(times - seconds) <= WINDOW_SECONDS]:
        # Far outside nothing is drawn, and huge numbers would not fit a picture's coordinates.
        if max(abs(x) / viewing.size_wh[0], abs(y) / viewing.size_wh[1]) < 3:
            yield float(x), float(y)
