"""Whether areas fit a video: inside its frame, before its end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from gfsalnet.areas.area import Area, Corners
from gfsalnet.areas.shapes import coverage, signed_area
from gfsalnet.errors import AreasError

GRID_HW = (100, 100)
"""Cells of the grid on which the part of an area inside the frame is measured."""
INSIDE = 0.999
"""An area with this part inside the frame counts as inside: hand-drawn corners end a hair beyond the border."""


def check_fit(areas: Sequence[Area], where: object, size_wh: tuple[int, int], end_seconds: float | None) -> list[str]:
    """Refuse areas that can never be seen in a video, and report what of the others cannot.

    Args:
        areas: as they were read.
        where: the file of the areas, for messages.
        size_wh: width and height of the video's frames in pixels.
        end_seconds: when the video ends; None where it is unknown.

    Returns:
        a line on each area that is partly outside the frame, or drawn at times beyond the end.

    Raises:
        AreasError: if an area is outside the frame at all its keyframes, or begins after the end.
    """
    return [
        note
        for area in areas
        for note in _notes(area, where, size_wh, math.inf if end_seconds is None else end_seconds)
    ]


def never_shown(areas: Sequence[Area], part_seconds: tuple[float | None, float | None]) -> list[str]:
    """A line on each area that is shown at no time of a part, in seconds; None: where the source begins or ends."""
    begins, ends = part_seconds[0] or 0.0, math.inf if part_seconds[1] is None else part_seconds[1]
    return [
        f"{area.origin}: it is shown {_when(area)}, and at no time that is measured: it has no numbers"
        for area in areas
        if area.to_seconds <= begins or area.from_seconds >= ends
    ]


def _when(area: Area) -> str:
    until = "" if math.isinf(area.to_seconds) else f" to {area.to_seconds:g} s"
    return f"from {area.from_seconds:g} s{until or ' on'}"


def _notes(area: Area, where: object, size_wh: tuple[int, int], end_seconds: float) -> Iterator[str]:
    # A mistake that leaves nothing to measure is refused; one that leaves something is a note.
    if area.from_seconds >= end_seconds:
        problem = f"{area.origin} begins at {area.from_seconds:g} s, but the video ends at {end_seconds:g} s"
        raise AreasError(where, problem, "Correct from_seconds, or give the video that the areas were drawn on.")
    inside = [_inside(area.corners_at(keyframe.time_seconds, size_wh), size_wh) for keyframe in area.keyframes]
    if max(inside) == 0:
        problem = f"{area.origin} lies outside the frame of {size_wh[0]}x{size_wh[1]} pixels at all its keyframes"
        raise AreasError(where, problem, "Correct its numbers or its units: share (0 to 1), or pixels of the video.")
    beyond = [keyframe.time_seconds for keyframe in area.keyframes if keyframe.time_seconds > end_seconds]
    if beyond:
        yield f"{area.origin}: {len(beyond)} of its keyframes are later than the end of the video ({end_seconds:g} s)"
    if math.isfinite(area.to_seconds) and area.to_seconds > end_seconds + 1:
        yield f"{area.origin}: to_seconds is {area.to_seconds:g}, but the video ends at {end_seconds:g} s"
    cut = sum(share < INSIDE for share in inside)
    if cut:
        least = f"at {cut} of its keyframes it" if len(inside) > 1 else "it"
        yield f"{area.origin}: {least} lies partly outside the frame; only what is inside counts"


def _inside(corners: Corners, size_wh: tuple[int, int]) -> float:
    """The part of a polygon that lies inside the frame, 0…1."""
    # The whole area in shares of the frame, like the part of it that is in the frame.
    whole = abs(float(signed_area(corners))) / (size_wh[0] * size_wh[1])
    return float(np.clip(coverage(corners, size_wh, GRID_HW).area_share / whole, 0, 1))
