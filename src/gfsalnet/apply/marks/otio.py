"""Marks as an OpenTimelineIO timeline, by the package of that name."""

from __future__ import annotations

from collections.abc import Sequence

from gfsalnet.apply.marks.finding import Mark
from gfsalnet.apply.marks.writing import COLOURS, Video
from gfsalnet.packages import needed_by


def timeline_json(video: Video, marks: Sequence[Mark]) -> str:
    """A timeline with a clip for each shot of the video, and the marks on the timeline itself.

    Raises:
        MissingPackageError: if opentimelineio is not installed.
    """
    with needed_by("an OpenTimelineIO timeline"):
        import opentimelineio as otio
    rate = float(video.timebase.rate)
    schema = otio.schema

    def span(start: int, length: int) -> otio.opentime.TimeRange:
        time = otio.opentime.RationalTime
        return otio.opentime.TimeRange(time(start, rate), time(length, rate))

    # A clip's source range is in the clock of its media, markers on the timeline in the timeline's, from 0 on.
    first = video.media_start + video.timebase.frame_at(video.seconds[0])
    url = video.name if video.path is None else video.path.resolve().as_uri()
    track = schema.Track(name="V1", kind=schema.TrackKind.Video)
    for number, (start, after) in enumerate(video.shots, start=1):
        media = schema.ExternalReference(target_url=url, available_range=span(first, video.frames))
        source = span(first + start, after - start)
        track.append(schema.Clip(name=f"{video.name} shot {number}", media_reference=media, source_range=source))
    timeline = schema.Timeline(
        name=video.name, global_start_time=otio.opentime.RationalTime(video.timeline_start, rate)
    )
    timeline.tracks.append(track)
    for mark in marks:
        if mark.kind == "cut":  # which the clips are
            continue
        start = video.frame(mark.start_seconds)
        marker = schema.Marker(
            name=mark.name,
            marked_range=span(start, video.frame(mark.end_seconds) - start),
            color=COLOURS[mark.kind],
            metadata={"gfsalnet": {"kind": mark.kind, "value": mark.value, "prominence": mark.prominence}},
        )
        marker.comment = mark.comment
        timeline.tracks.markers.append(marker)
    text: str = otio.adapters.write_to_string(timeline, "otio_json")
    return text
