"""When the video was shown: from the clock of a recording to seconds of the video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze.names import NameIndex
from gfsalnet.gaze.trackers.recording import SECOND_NS, FrameClock, Nanoseconds, TrackerError, TrackerRecording
from gfsalnet.gaze.video_files import Timeline
from gfsalnet.words import counted

SHOWN_NAMES = 6
"""How many names or times an error lists."""
WITHIN_FRAME = 0.999
"""Share of a frame's time: a video that stalls keeps its frame on the display, and gaze goes on to belong to it."""
OTHER_LENGTH_SHARE, OTHER_LENGTH_SECONDS = 0.05, 0.5
"""How far the time that a stimulus was shown may differ from the video's length before it is mentioned."""


@dataclass(frozen=True, kw_only=True)
class When:
    """What the user says about when the video was shown; all may be left out."""

    media: str | None = None
    """The stimulus' name in the export; None: that of the video file."""
    event: str | None = None
    """Text of the event or message that marks the first frame."""
    offset_seconds: float | None = None
    """Seconds from that mark, or without any from the recording's start, to the first frame."""
    trial: int | None = None
    """Which of several showings, from 1."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Alignment:
    """How the clock of a recording, in nanoseconds, becomes that of the video, in seconds from its first frame."""

    start_ns: int
    """When the first frame was shown, where no messages tell the frames."""
    how: str
    """For the user: how it is known."""
    end_ns: int | None = None
    """When the stimulus was taken away, where the export says so."""
    frames: FrameClock | None = None

    def video_seconds(self, time_ns: Nanoseconds, timeline: Timeline) -> NDArray[np.float64]:
        """(N,) seconds of the video; NaN before its first frame and after its end."""
        if self.frames is None:
            seconds = (time_ns - self.start_ns) / SECOND_NS
        else:
            # The last message at or before each sample; -1 before the first.
            shown = np.searchsorted(self.frames.time_ns, time_ns, side="right") - 1
            message = np.maximum(shown, 0)
            frame = self.frames.frame[message]
            length = np.diff(np.append(timeline.starts_seconds, timeline.end_seconds))[frame]
            since = (time_ns - self.frames.time_ns[message]) / SECOND_NS
            # After the last message its frame stands for its own length, and no longer.
            is_over = (shown == len(self.frames.time_ns) - 1) & (since >= length)
            seconds = timeline.starts_seconds[frame] + np.minimum(since, WITHIN_FRAME * length)
            seconds = np.where((shown < 0) | is_over, np.nan, seconds)
        is_in = (seconds >= 0) & (seconds < timeline.end_seconds)
        if self.end_ns is not None:
            is_in &= time_ns < self.end_ns
        return np.where(is_in, seconds, np.nan)


def align(recording: TrackerRecording, when: When, video_name: str, timeline: Timeline) -> tuple[Alignment, list[str]]:
    """How a recording's clock becomes the video's, and remarks for the user.

    By an event that the user names, else by messages of frames, else by the showing of a stimulus of the video's name,
    else by the offset alone.

    Raises:
        TrackerError: if nothing says when the video was shown, or several things do.
    """
    offset_ns = round((when.offset_seconds or 0.0) * SECOND_NS)
    by_offset = f", {when.offset_seconds:+g} s" if when.offset_seconds else ""
    if when.event is not None:
        # What the user says goes before all that the export says.
        start = _event_ns(recording, when.event, when)
        start += offset_ns
        # A recording that is stopped after every trial goes on with another one.
        end = next((end for _, end in recording.segments if end > start), None)
        return Alignment(start_ns=start, end_ns=end, how=f"by the event {when.event!r}{by_offset}"), []
    wanted = when.media or video_name
    if (clock := _frame_clock(recording, wanted, when)) is not None:
        if (last := int(clock.frame.max())) >= len(timeline) or clock.frame.min() < 0:
            problem = f"its messages show frame {last + 1}, but the video has {counted(len(timeline), 'frame')}"
            raise TrackerError(recording.path, problem, "Give the video file that was shown.")
        moved = FrameClock(time_ns=clock.time_ns + offset_ns, frame=clock.frame, corner=clock.corner, name=clock.name)
        how = f"by {len(clock.frame)} frame messages{by_offset}"
        return Alignment(start_ns=int(moved.time_ns[0]), how=how, frames=moved), []
    found = _named(recording, wanted, when)
    if found is not None:
        start, end, name = found
        how = f"by the start of {name!r} in the export{by_offset}"
        return Alignment(start_ns=start + offset_ns, end_ns=end, how=how), _length_notes(start, end, timeline)
    if when.offset_seconds is None or when.media is not None:
        raise TrackerError(recording.path, *_nothing_known(recording, wanted))
    how = f"by the offset of {when.offset_seconds:g} s from the start of the recording"
    return Alignment(start_ns=recording.start_ns + offset_ns, how=how), []


def _event_ns(recording: TrackerRecording, text: str, when: When) -> int:
    """The time of the only event, or of the chosen one, that is or contains a text."""
    # "start" is meant, even where "restart" is there too.
    exact = [event for event in recording.events if event.text == text]
    found = exact or [event for event in recording.events if text.casefold() in event.text.casefold()]
    if not found:
        texts = _event_names(recording)
        there = f"it has {texts}" if texts else "it has no events"
        raise TrackerError(
            recording.path, f"no event contains {text!r}; {there}", "Write the event as the export does."
        )
    return found[_chosen(recording, f"the event {text!r}", [event.time_ns for event in found], when)].time_ns


def _event_names(recording: TrackerRecording) -> str:
    """The first events for a message, those of the experiment before those of the tracker itself."""
    in_order = sorted(recording.events, key=lambda event: event.is_of_tracker)
    texts = list(dict.fromkeys(event.text for event in in_order))
    more = f" and {len(texts) - SHOWN_NAMES} more" if len(texts) > SHOWN_NAMES else ""
    return ", ".join(map(repr, texts[:SHOWN_NAMES])) + more


def _frame_clock(recording: TrackerRecording, wanted: str, when: When) -> FrameClock | None:
    clocks = recording.frame_clocks
    index = NameIndex(clock.name for clock in clocks)
    named = [clock for clock in clocks if clock.name in index.find(wanted)]
    if not named:
        return None
    return named[_chosen(recording, f"the video {wanted!r}", [int(clock.time_ns[0]) for clock in named], when)]


def _named(recording: TrackerRecording, wanted: str, when: When) -> tuple[int, int | None, str] | None:
    """Start, end and name of the showing of a stimulus."""
    # Each name once: a stimulus that was shown twice is not two that may be meant.
    hits = NameIndex(dict.fromkeys(showing.name for showing in recording.showings)).find(wanted)
    if len(hits) > 1:
        raise TrackerError(
            recording.path, f"{wanted!r} may be {' or '.join(hits[:3])}", "Write --media as the export does."
        )
    named = [showing for showing in recording.showings if showing.name in hits]
    if not named:
        return None
    chosen = named[_chosen(recording, f"{wanted!r}", [showing.start_ns for showing in named], when)]
    return chosen.start_ns, chosen.end_ns, chosen.name


def _chosen(recording: TrackerRecording, what: str, starts_ns: Sequence[int], when: When) -> int:
    """Which of several the user means."""
    number = when.trial or 1
    if when.trial is None and len(starts_ns) > 1:
        times = ", ".join(f"{(start - recording.start_ns) / SECOND_NS:.2f} s" for start in starts_ns[:SHOWN_NAMES])
        problem = f"{what} is there {len(starts_ns)} times, at {times} after the start"
        raise TrackerError(recording.path, problem, "Choose one with --trial N, counted from 1.")
    if number > len(starts_ns):
        problem = f"{what} is there {len(starts_ns)} times, and --trial is {number}"
        raise TrackerError(recording.path, problem, "Choose one that is there.")
    return number - 1


def _nothing_known(recording: TrackerRecording, wanted: str) -> tuple[str, str]:
    """The problem and the remedy where nothing says when the video was shown."""
    names = list(dict.fromkeys([*(s.name for s in recording.showings), *(c.name for c in recording.frame_clocks)]))
    if names:
        there = ", ".join(map(repr, names[:SHOWN_NAMES]))
        return f"no stimulus in it is called {wanted!r}; it has {there}", "Give --media NAME, or --event TEXT."
    events = _event_names(recording)
    there = f" It has the events {events}." if events else ""
    problem = "nothing in it says when the video began"
    return problem, f"Give --event TEXT, or --offset SECONDS from the start of the recording.{there}"


def _length_notes(start_ns: int, end_ns: int | None, timeline: Timeline) -> list[str]:
    if end_ns is None:
        return []
    shown, length = (end_ns - start_ns) / SECOND_NS, timeline.end_seconds
    if abs(shown - length) <= max(OTHER_LENGTH_SHARE * length, OTHER_LENGTH_SECONDS):
        return []
    return [f"the stimulus was shown for {shown:.2f} s, but the video lasts {length:.2f} s: is it this one?"]
