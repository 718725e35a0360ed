"""What viewers did with areas: each viewer first, then over viewers; the measures and the edges as docs/areas.md says.

Never looked is missing where a time is asked for, and 0 where something is counted or added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gfsalnet.areas.gaze import Floats, Looks, Viewer
from gfsalnet.areas.paths import AreaPath
from gfsalnet.areas.shapes import holds
from gfsalnet.choices import OverlapRule

Flags = NDArray[np.bool_]
Row = dict[str, float | int | str | None]

SAMPLE_COLUMNS = (
    *("exposed_seconds", "gaze_dwell_seconds", "gaze_share", "time_to_first_gaze_seconds"),
    *("time_to_first_gaze_from_clip_seconds", "entries", "revisits"),
)
FIXATION_COLUMNS = (
    *("fixation_count", "fixation_dwell_seconds", "mean_fixation_seconds", "time_to_first_fixation_seconds"),
    *("time_to_first_fixation_from_clip_seconds", "first_fixation_seconds", "visits", "visit_dwell_seconds"),
    "fixation_revisits",
)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Hits:
    """The looks of one viewer that an area may have, N of them, by time."""

    start: Floats
    end: Floats
    """(N,) seconds, cut to when the area is shown."""
    there: Flags
    """(N,) whether the area was there then."""
    inside: Flags
    """(N,) whether the look belongs to the area."""


Part = tuple[float, float]
"""From when until when the video is looked at, in seconds of the video."""


def viewer_rows(viewer: Viewer, paths: Sequence[AreaPath], overlap: OverlapRule, part: Part) -> list[Row]:
    """The measures of one viewer, a row for each area.

    Args:
        viewer: samples and fixations.
        paths: the areas, in the order in which they were named.
        overlap: whom a look in several areas belongs to.
        part: of the video; only what lies in it counts.
    """
    samples = _all_hits(viewer.samples, paths, overlap, part, are_samples=True)
    fixations = _all_hits(viewer.fixations, paths, overlap, part, are_samples=False)
    rows = []
    for path, of_samples, of_fixations in zip(paths, samples, fixations, strict=True):
        onset = _onset(path, part)
        rows.append(
            {
                "area": path.area.name,
                "viewer": viewer.name,
                **_of_samples(of_samples, onset),
                **_of_fixations(of_fixations, onset),
            }
        )
    return rows


def _onset(path: AreaPath, part: Part) -> float:
    """When the area is first shown, in seconds of the video."""
    # Viewers of a part see an area that has begun before it from the part's start on.
    return min(max(path.area.from_seconds, part[0]), part[1])


def _all_hits(
    looks: Looks | None, paths: Sequence[AreaPath], overlap: OverlapRule, part: Part, *, are_samples: bool
) -> list[_Hits | None]:
    if looks is None:
        return [None] * len(paths)
    # Looks that an earlier area has; areas come in the order of their file, and the first named wins.
    taken = np.zeros(len(looks.x), np.bool_)
    found: list[_Hits | None] = []
    for path in paths:
        begin, end = _onset(path, part), min(path.area.to_seconds, part[1])
        # What begins before the area or ends after it counts with the part between.
        first = looks.start_seconds if are_samples else np.maximum(looks.start_seconds, begin)
        last = np.minimum(looks.start_seconds + looks.seconds, end)
        # A fixation is tested once, in the middle of its time: a moving area passes under it.
        corners, there = path.at(first if are_samples else (first + last) / 2)
        # Samples from before the area are not cut to it but left out: each is a moment, not a stretch.
        there = there & (last > first) & (first >= begin) & (first < end)
        inside = there & holds(corners, looks.x, looks.y) & ~taken
        if overlap == "first":
            taken |= inside
        found.append(_Hits(start=first, end=last, there=there, inside=inside))
    return found


def _of_samples(hits: _Hits | None, onset: float) -> Row:
    """The measures of gaze samples; all missing without any while the area was there."""
    if hits is None or not hits.there.any():
        return dict.fromkeys(SAMPLE_COLUMNS)
    lasts = hits.end - hits.start
    exposed, dwell = float(lasts[hits.there].sum()), float(lasts[hits.inside].sum())
    # Only while the area was there: neither its absence nor a gap in the recording ends a run.
    inside = hits.inside[hits.there]
    # Rising edges: inside, and the sample before it was not.
    entries = int((inside & ~np.append(False, inside[:-1])).sum())
    first = float(hits.start[hits.inside][0]) if inside.any() else None
    return {
        "exposed_seconds": exposed,
        "gaze_dwell_seconds": dwell,
        "gaze_share": dwell / exposed if exposed else None,
        "time_to_first_gaze_seconds": None if first is None else first - onset,
        "time_to_first_gaze_from_clip_seconds": first,
        "entries": entries,
        "revisits": max(entries - 1, 0),
    }


def _of_fixations(hits: _Hits | None, onset: float) -> Row:
    """The measures of fixations; all missing without any while the area was there."""
    if hits is None or not hits.there.any():
        return dict.fromkeys(FIXATION_COLUMNS)
    of = np.flatnonzero(hits.inside)
    lasts = (hits.end - hits.start)[of]
    inside = hits.inside[hits.there]
    # Runs of fixations: the first of each, and the last, which no other of its run follows.
    begins = np.flatnonzero(inside & ~np.append(False, inside[:-1]))
    ends = np.flatnonzero(inside & ~np.append(inside[1:], False))
    start, end = hits.start[hits.there], hits.end[hits.there]
    first = float(hits.start[of[0]]) if len(of) else None
    return {
        "fixation_count": len(of),
        "fixation_dwell_seconds": float(lasts.sum()),
        "mean_fixation_seconds": float(lasts.mean()) if len(of) else None,
        "time_to_first_fixation_seconds": None if first is None else first - onset,
        "time_to_first_fixation_from_clip_seconds": first,
        "first_fixation_seconds": float(lasts[0]) if len(of) else None,
        "visits": len(begins),
        "visit_dwell_seconds": float((end[ends] - start[begins]).sum()),
        "fixation_revisits": max(len(begins) - 1, 0),
    }


def frame_shares(
    viewers: Sequence[Viewer], paths: Sequence[AreaPath], overlap: OverlapRule, starts: Floats, part: Part
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], Floats]]:
    """How many viewers look at each area in each frame.

    Args:
        viewers: of the video.
        paths: the areas.
        overlap: whom a look in several areas belongs to.
        starts: (T,) seconds at which the frames begin.
        part: of the video; only what lies in it counts.

    Returns:
        for each area: (T,) viewers with gaze while the area is there; (T,) those with at least half of it in the area;
        (T,) the mean over viewers of the part of their gaze that is in it, NaN without viewers.
    """
    frames = len(starts)
    seen = np.zeros((len(paths), frames), np.int64)
    looking, parts = np.zeros_like(seen), np.zeros((len(paths), frames))
    for viewer in viewers:
        looks, are_samples = (viewer.samples, True) if viewer.samples is not None else (viewer.fixations, False)
        assert looks is not None
        # Samples where there are any; fixations become a point in each frame that they cover.
        points = looks if are_samples else _in_frames(looks, starts)
        # A stamp that should be a frame's start may be rounded to just before it.
        frame = np.searchsorted(starts, points.start_seconds + 1e-6, side="right") - 1
        for place, hits in enumerate(_all_hits(points, paths, overlap, part, are_samples=True)):
            assert hits is not None
            kept = hits.there & (frame >= 0)
            there = np.bincount(frame[kept], minlength=frames)
            inside = np.bincount(frame[kept & hits.inside], minlength=frames)
            # Each viewer first, as everywhere: one with a faster tracker counts no more than others.
            share = np.divide(inside, there, out=np.zeros(frames), where=there > 0)
            seen[place] += there > 0
            looking[place] += (there > 0) & (share >= 0.5)
            parts[place] += share
    shares = np.divide(parts, seen, out=np.full(parts.shape, np.nan), where=seen > 0)
    return [(seen[place], looking[place], shares[place]) for place in range(len(paths))]


def _in_frames(fixations: Looks, starts: Floats) -> Looks:
    """A point at the start of each frame that a fixation covers, or else in the one frame it lies in."""
    first = np.searchsorted(starts, fixations.start_seconds + 1e-6, side="right") - 1
    last = np.searchsorted(starts, fixations.start_seconds + fixations.seconds - 1e-6, side="left") - 1
    # Points of each fixation; one that is shorter than the tolerance still has one.
    counts = np.maximum(last - first + 1, 1)
    of = np.repeat(np.arange(len(first)), counts)
    # Its first frame, and 0, 1, 2 … within each fixation: a running number less that of the fixation's first point.
    frame = np.repeat(first, counts) + np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    frame = frame.clip(0, len(starts) - 1)
    # Within its first frame a fixation begins later than the frame does.
    begin = np.maximum(starts[frame], fixations.start_seconds[of])
    # Points are counted, not timed here: any positive duration serves.
    return Looks(start_seconds=begin, seconds=np.full(len(of), 1e-3), x=fixations.x[of], y=fixations.y[of])
