"""Exports of eye trackers in, the gaze of every viewer of a video out, in its pixels and seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gfsalnet.choices import EyeChoice, GazeKind, VendorName
from gfsalnet.errors import RequestError
from gfsalnet.gaze.maps import pixels_per_degree
from gfsalnet.gaze.trackers.aligning import Alignment, When, align
from gfsalnet.gaze.trackers.eyelink import read_eyelink
from gfsalnet.gaze.trackers.fixations import Detection, detect_fixations
from gfsalnet.gaze.trackers.gazepoint import read_gazepoint
from gfsalnet.gaze.trackers.generic import ColumnMapping, read_generic
from gfsalnet.gaze.trackers.imotions import read_imotions
from gfsalnet.gaze.trackers.placement import Box, Placement, on_display, place
from gfsalnet.gaze.trackers.pupil import read_pupil_cloud, read_pupil_core
from gfsalnet.gaze.trackers.recording import SECOND_NS, TrackerError, TrackerFixations, TrackerRecording
from gfsalnet.gaze.trackers.smi import read_smi
from gfsalnet.gaze.trackers.tobii import read_tobii
from gfsalnet.gaze.trackers.viewing import Viewing
from gfsalnet.gaze.video_files import Timeline, video_info, video_timeline
from gfsalnet.video import VideoInfo

IMPORTERS: Mapping[VendorName, Callable[[Path], list[TrackerRecording]]] = {
    "tobii": read_tobii,
    "eyelink": read_eyelink,
    "gazepoint": read_gazepoint,
    "smi": read_smi,
    "pupil-core": read_pupil_core,
    "pupil-cloud": read_pupil_cloud,
    "imotions": read_imotions,
}
"""Vendor → what reads one of its files; csv needs a mapping of columns and is read by `read_generic`."""


@dataclass(frozen=True, kw_only=True)
class ImportSettings:
    """What the user says about a recording and how it is taken."""

    when: When = field(default_factory=When)
    screen_wh: tuple[int, int] | None = None
    """Width and height of the display in pixels; None: the export says."""
    placement: str | Box | None = None
    """Where the video stood on the display; None: the export says, else `letterbox`."""
    eye: EyeChoice = "both"
    kind: GazeKind = "samples"
    samples_per_second: float | None = None
    """Most samples per second that are kept of each viewer; None: all."""
    columns: ColumnMapping | None = None
    """What the columns of csv mean."""
    screen_width_cm: float | None = None
    distance_cm: float | None = None
    """Distance from the eyes to the display."""
    velocity_threshold: float = 30.0
    dispersion_threshold: float = 1.0
    least_seconds: float = 0.06

    def __post_init__(self) -> None:
        if self.kind in ("ivt", "idt") and (self.screen_width_cm is None or self.distance_cm is None):
            problem = "fixations are found by degrees of visual angle, for which two lengths are missing"
            raise RequestError(f"--take {self.kind}", problem, "Give --screen-width-cm and --distance-cm.")


@dataclass(kw_only=True)
class Imported:
    """The gaze on a video, out of all files."""

    viewings: list[Viewing]
    """What was read, sorted by viewer."""
    timeline: Timeline
    info: VideoInfo
    refused: list[TrackerError]
    """One for each file that gave no gaze on the video."""


def read_viewings(vendor: VendorName, files: Sequence[Path], video: Path, settings: ImportSettings) -> Imported:
    """The gaze of every viewer of a video, in its pixels and seconds; one bad file does not stop the rest.

    Args:
        vendor: whose exports the files are.
        files: one or more exports.
        video: the file that was shown.
        settings: what the user says.

    Raises:
        TrackerError: if no file can be used, or two hold the same viewer.
        SourceError: if the video cannot be read.
    """
    info = video_info(video)
    if info.kind == "image":
        remedy = "Make a video of it that is as long as the picture was shown, and give that."
        raise TrackerError(video, "it is a picture, and gaze is taken by the time of a video", remedy)
    timeline = video_timeline(video)
    imported = Imported(viewings=[], timeline=timeline, info=info, refused=[])
    for path in files:
        found: list[Viewing] = []
        refused: list[TrackerError] = []
        try:
            recordings = _read(vendor, path, settings)
        except TrackerError as error:
            recordings, refused = [], [error]
        for recording in recordings:
            try:
                found.append(_viewing(recording, settings, video, info, timeline))
            except TrackerError as error:
                refused.append(error)
        if found:
            # What else is in the file: gaze on other stimuli, viewers who were lost.
            found[0].notes += [f"left out: {error.problem}" for error in refused]
            imported.viewings += found
        else:
            imported.refused += refused[:1]
    if not imported.viewings:
        raise imported.refused[0]
    _name_apart(imported.viewings)
    imported.viewings.sort(key=lambda viewing: viewing.viewer)
    return imported


def _read(vendor: VendorName, path: Path, settings: ImportSettings) -> list[TrackerRecording]:
    if vendor != "csv":
        return IMPORTERS[vendor](path)
    if settings.columns is None:
        raise RequestError("csv", "the meaning of its columns is not known", "Give --columns time=HEADING,x=HEADING,…")
    return read_generic(path, settings.columns)


def _viewing(
    recording: TrackerRecording, settings: ImportSettings, video: Path, info: VideoInfo, timeline: Timeline
) -> Viewing:
    alignment, notes = align(recording, settings.when, video.stem, timeline)
    placement, screen = place(recording, settings.placement, settings.screen_wh, info.size_wh, info.pixel_aspect)
    placement = placement.filled()
    points = on_display(recording.points(settings.eye), recording, screen)
    seconds = alignment.video_seconds(recording.time_ns, timeline)
    shown = np.flatnonzero(np.isfinite(seconds))
    notes += _thin_notes(len(shown), len(shown := _thinned(shown, seconds, points, settings.samples_per_second)))
    # Of all points and not of the thinned ones: velocities need every sample.
    found = _fixations(recording, settings, points, screen)
    viewing = Viewing(
        path=recording.path,
        viewer=recording.viewer,
        recording=recording.name,
        alignment=alignment.how,
        placement=f"{placement.in_words()}, {placement.how}",
        time_seconds=seconds[shown],
        xy=placement.of(shown).to_video(points[shown], info.size_wh),
        rows=recording.rows[shown],
        size_wh=info.size_wh,
        outside_time=len(seconds) - len(shown),
        notes=[*recording.notes, *notes],
    )
    if found is not None:
        _add_fixations(viewing, found, recording, alignment, placement, timeline)
    if settings.kind != "samples" and found is None:
        raise TrackerError(recording.path, "it holds no fixations", "Leave --take out, or give --take ivt.")
    has_samples = len(recording.time_ns) > 0 and settings.kind == "samples"
    if not (viewing.valid.any() if has_samples else viewing.fixation_seconds is not None):
        problem = f"{viewing.viewer} has no valid gaze while the video was shown ({alignment.how})"
        raise TrackerError(recording.path, problem, "Check --event and --offset, and the export.")
    viewing.check()
    return viewing


def _thinned(
    shown: NDArray[np.intp], seconds: NDArray[np.float64], points: NDArray[np.float64], rate: float | None
) -> NDArray[np.intp]:
    """The first valid sample of each interval of 1 / rate, or the first where none is valid."""
    if rate is None or not len(shown):
        return shown
    interval = np.floor(seconds[shown] * rate + 1e-6).astype(np.int64)
    is_lost = ~np.isfinite(points[shown]).all(axis=1)
    # The last key sorts first: by interval, valid ones before lost ones, then by time.
    order = np.lexsort((np.arange(len(shown)), is_lost, interval))
    first = np.unique(interval[order], return_index=True)[1]
    return shown[np.sort(order[first])]


def _thin_notes(before: int, after: int) -> list[str]:
    return [f"{after} of {before} samples are kept, as asked for"] if after < before else []


def _fixations(
    recording: TrackerRecording,
    settings: ImportSettings,
    points: NDArray[np.float64],
    screen_wh: tuple[int, int] | None,
) -> TrackerFixations | None:
    """Fixations on the display in pixels: found by us, or by the tracker's program."""
    if settings.kind in ("ivt", "idt"):
        if not len(points):
            raise TrackerError(recording.path, "it holds no samples to find fixations in", "Give --take tracker.")
        if screen_wh is None:
            raise TrackerError(recording.path, "the size of the display is not known", "Give --screen WIDTHxHEIGHT.")
        assert settings.screen_width_cm is not None
        assert settings.distance_cm is not None
        detection = Detection(
            method="ivt" if settings.kind == "ivt" else "idt",
            pixels_per_degree=pixels_per_degree(screen_wh[0], settings.screen_width_cm, settings.distance_cm),
            velocity_threshold=settings.velocity_threshold,
            dispersion_threshold=settings.dispersion_threshold,
            least_seconds=settings.least_seconds,
        )
        return detect_fixations(recording.time_ns, points, detection)
    found = recording.fixations
    if found is None:
        return None
    on_screen = on_display(found.points, recording, screen_wh)
    return TrackerFixations(start_ns=found.start_ns, duration_ns=found.duration_ns, points=on_screen)


def _add_fixations(
    viewing: Viewing,
    found: TrackerFixations,
    recording: TrackerRecording,
    alignment: Alignment,
    placement: Placement,
    timeline: Timeline,
) -> None:
    """The fixations that touch the video: they are cut at its first frame and at its end."""
    start = alignment.video_seconds(found.start_ns, timeline)
    # The last nanosecond of each, which may lie in the video where its start does not.
    last = alignment.video_seconds(found.start_ns + np.maximum(found.duration_ns - 1, 0), timeline)
    length = found.duration_ns / SECOND_NS
    begins_before = ~np.isfinite(start) & np.isfinite(last)
    start = np.where(begins_before, 0.0, start)
    length = np.where(begins_before, last, np.minimum(length, timeline.end_seconds - start))
    there = np.flatnonzero(np.isfinite(start) & (length > 0))
    if not len(there):
        return
    rows = np.searchsorted(recording.time_ns, found.start_ns[there]).clip(0, max(len(recording.time_ns) - 1, 0))
    viewing.fixation_seconds, viewing.fixation_lengths = start[there], length[there]
    viewing.fixation_xy = placement.of(rows).to_video(found.points[there], viewing.size_wh)
    viewing.fixations_cut = int(begins_before.sum())


def _name_apart(viewings: Sequence[Viewing]) -> None:
    """Two recordings of one viewer are told apart by their names.

    Raises:
        TrackerError: if they have none.
    """
    for name in {viewing.viewer for viewing in viewings}:
        # All of them get the longer name, so that the order of the files changes nothing.
        same = [viewing for viewing in viewings if viewing.viewer == name]
        if len(same) > 1:
            for viewing in same:
                viewing.viewer = f"{name} / {viewing.recording or viewing.path.stem}"
    seen: dict[str, Viewing] = {}
    for viewing in viewings:
        if viewing.viewer in seen:
            problem = f"it holds the viewer {viewing.viewer!r}, as {seen[viewing.viewer].path} does"
            raise TrackerError(viewing.path, problem, "Give each recording once, or rename one of the files.")
        seen[viewing.viewer] = viewing
