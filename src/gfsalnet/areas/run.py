"""The results of one video: every table, the pictures and the record, in a folder that appears whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet._version import __version__
from gfsalnet.areas.area import Area
from gfsalnet.areas.gaze import Viewer, read_viewers
from gfsalnet.areas.job import AreaSettings, Measured, measure
from gfsalnet.areas.over_viewers import NAMES, Named, OverViewers, over_viewers
from gfsalnet.areas.paths import AreaPath, FollowedPath
from gfsalnet.areas.people import FIXATION_COLUMNS, SAMPLE_COLUMNS, Row, frame_shares, viewer_rows
from gfsalnet.areas.plots import Curve, draw_bars, draw_curves
from gfsalnet.areas.tables import write_table
from gfsalnet.errors import OutputError
from gfsalnet.files import write_json
from gfsalnet.formats.texts import read_csv_rows
from gfsalnet.gaze.video_files import Timeline, video_timeline
from gfsalnet.packages import MissingPackageError, require
from gfsalnet.store import SUMMARY_FILE, made_whole
from gfsalnet.types import Frame, Prediction
from gfsalnet.video import VideoInfo

INTEGERS = (
    *("frames", "lost_frames", "frame_index", "viewers", "viewers_inside", "n"),
    *("entries", "revisits", "fixation_count", "visits", "fixation_revisits"),
)
TEXTS = ("area", "viewer", "measure", "level", "tobii", "eyelink", "pupil")
"""Columns that hold no fractions; all others do."""
PEOPLE_FRAME_COLUMNS = (
    *("area", "frame_index", "time_seconds", "viewers", "viewers_inside", "viewer_share", "gaze_share"),
)
NO_UNCERTAINTY = "the model states no uncertainty; intervals are over viewers only"


@dataclass(frozen=True, kw_only=True)
class AreaResult:
    """What was written for one video."""

    folder: Path
    frames: int
    notes: list[str]
    prediction: list[Row]
    """A row for each area, as in prediction.csv; empty where nothing was predicted."""
    people: list[OverViewers]
    """As in people.csv; empty without gaze."""


def measure_areas(
    frames: Iterable[tuple[Frame, Prediction | None]],
    info: VideoInfo,
    areas: Sequence[Area],
    folder: Path,
    settings: AreaSettings,
    *,
    gaze: Path | None = None,
    request: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    on_frame: Callable[[int], None] = lambda done: None,
) -> AreaResult:
    """Measure areas in a video, and write all that is asked for into a folder that appears whole or not at all.

    Args:
        frames: of the video, each with what is predicted for it, or None.
        info: of the source.
        areas: as they were read.
        folder: to write; what is there is replaced.
        settings: how the areas are measured and what is written.
        gaze: a folder dataset, or a table of fixations or samples; None: nothing is said of people.
        request: what determines the results, as JSON values, for the record.
        notes: what is known already, for the record.
        on_frame: called with the number of frames that are done.

    Raises:
        OutputError: if it cannot be written.
        MissingPackageError: if Parquet is asked for and pyarrow is missing.
        AreasError, DatasetError: if there is no gaze on this video, or it is damaged.
    """
    if "parquet" in settings.save:
        require("pyarrow", what="a table in Parquet")
    timeline = video_timeline(info.path) if info.kind == "video" and info.path is not None else None
    # Before anything is predicted: a table that does not fit is found in a second.
    viewers = [] if gaze is None or timeline is None else read_viewers(gaze, info.name, info.size_wh, timeline)
    # `partial` is where files are written, `folder` where they will be: messages and results name the latter.
    with made_whole(folder) as partial:
        return _measure(
            frames, info, areas, partial, folder, settings, gaze, viewers, dict(request or {}), [*notes], on_frame
        )


def _measure(
    frames: Iterable[tuple[Frame, Prediction | None]],
    info: VideoInfo,
    areas: Sequence[Area],
    partial: Path,
    folder: Path,
    settings: AreaSettings,
    gaze: Path | None,
    viewers: list[Viewer],
    request: dict[str, Any],
    notes: list[str],
    on_frame: Callable[[int], None],
) -> AreaResult:
    # The only pass over the frames; all below is of what it has kept, or written.
    measured = measure(frames, info, areas, settings, partial, on_frame)
    if gaze is not None and not viewers:  # of pictures and folders of frames
        timeline = Timeline(measured.starts, measured.end_seconds)
        viewers = read_viewers(gaze, info.name, info.size_wh, timeline)
    parquet, notes = "parquet" in settings.save, [*notes, *measured.lost]
    predicted = _predicted(areas, measured)
    if predicted:
        _write(partial / "prediction.csv", predicted, parquet)
    people, curves = _people(areas, measured, viewers, settings, partial)
    if predicted and people:
        _write(partial / "comparison.csv", comparison(predicted, people), parquet)
    write_json(
        partial / "areas.json",
        {"areas": [_entry(path) for path in measured.paths]},
    )
    if "plots" in settings.save:
        notes += _plots(partial, predicted, people, curves)
    summary = {
        "request": request,
        "frames": len(measured.starts),
        "viewers": [viewer.name for viewer in viewers],
        "uncertainty": NO_UNCERTAINTY,
        "notes": notes,
        "version": __version__,
        "outputs": sorted(path.name for path in partial.iterdir()),
    }
    write_json(partial / SUMMARY_FILE, summary)
    return AreaResult(folder=folder, frames=len(measured.starts), notes=notes, prediction=predicted, people=people)


def _plots(folder: Path, predicted: Sequence[Row], people: Sequence[OverViewers], curves: Sequence[Curve]) -> list[str]:
    """Draw what there is, and give remarks on it."""
    try:
        require("matplotlib", what="curves and bars of areas")
    except MissingPackageError as error:  # the tables are what matters, and they are done
        return [f"no curves and bars are drawn: {error.problem}; {error.remedy}"]
    if not predicted and not people:
        return []
    shares = [(str(row["area"]), _number(row["attention_share"])) for row in predicted]
    return [
        *draw_curves(folder / "curves.png", list(_curves(folder / "frames.csv")), curves),
        *draw_bars(folder / "bars.png", shares, people),
    ]


def _predicted(areas: Sequence[Area], measured: Measured) -> list[Row]:
    rows: list[Row] = []
    for area, summary in zip(areas, measured.summaries, strict=True):
        rows.append({"area": area.name, **summary.row()})
    # With --people-only nothing is predicted: no table of empty cells.
    return rows if any(row["frames"] for row in rows) else []


def _people(
    areas: Sequence[Area], measured: Measured, viewers: list[Viewer], settings: AreaSettings, folder: Path
) -> tuple[list[OverViewers], list[Curve]]:
    """Write what viewers did, and give it over viewers, with the curves of each area."""
    if not viewers or not len(measured.starts):
        return [], []
    parquet = "parquet" in settings.save
    # Of the frames that were read: with --start and --end viewers are measured in that part too.
    part = (float(measured.starts[0]), measured.end_seconds)
    rows = [row for viewer in viewers for row in viewer_rows(viewer, measured.paths, settings.overlap, part)]
    _write(folder / "viewers.csv", rows, parquet, ("area", "viewer", *SAMPLE_COLUMNS, *FIXATION_COLUMNS))
    means = over_viewers(rows)
    named = [{**asdict(mean), **asdict(NAMES.get(mean.measure, Named()))} for mean in means]
    _write(
        folder / "people.csv",
        named,
        parquet,
        [*(f.name for f in fields(OverViewers)), *(f.name for f in fields(Named))],
    )
    shares = frame_shares(viewers, measured.paths, settings.overlap, measured.starts, part)
    curves: list[Curve] = []
    table: list[Row] = []
    for area, (seen, looking, share) in zip(areas, shares, strict=True):
        # Frames without any gaze have no row, and leave a gap in the table, not a 0.
        shown = np.flatnonzero(seen)
        curves.append((area.name, measured.starts[shown], share[shown]))
        for frame in shown:
            table.append(
                {
                    "area": area.name,
                    "frame_index": int(measured.indices[frame]),
                    "time_seconds": float(measured.starts[frame]),
                    "viewers": int(seen[frame]),
                    "viewers_inside": int(looking[frame]),
                    "viewer_share": float(looking[frame] / seen[frame]),
                    "gaze_share": float(share[frame]),
                }
            )
    _write(folder / "people_frames.csv", table, parquet, PEOPLE_FRAME_COLUMNS)
    return means, curves


def comparison(predicted: Sequence[Row], people: Sequence[OverViewers]) -> list[Row]:
    """Prediction and people side by side: the shares of attention, and their lifts over the same share of the frame."""
    of = {item.area: item for item in people if item.measure == "gaze_share"}
    rows: list[Row] = []
    for row in predicted:
        share, area = _number(row["attention_share"]), _number(row["area_share"])
        viewers = of.get(str(row["area"]))
        mean = None if viewers is None else viewers.mean
        rows.append(
            {
                "area": row["area"],
                "area_share": area,
                "predicted_share": share,
                "gaze_share": mean,
                "gaze_share_low": None if viewers is None else viewers.low,
                "gaze_share_high": None if viewers is None else viewers.high,
                "n": 0 if viewers is None else viewers.n,
                "difference": None if share is None or mean is None else share - mean,
                "predicted_lift": _number(row["lift"]),
                "gaze_lift": None if mean is None or not area else mean / area,
            }
        )
    return rows


def _number(value: float | int | str | None) -> float | None:
    return None if value is None else float(value)


def _write(path: Path, rows: Sequence[Mapping[str, Any]], parquet: bool, names: Sequence[str] | None = None) -> None:
    kinds: dict[str, type] = {**dict.fromkeys(INTEGERS, int), **dict.fromkeys(TEXTS, str)}
    columns = names if names is not None else list(rows[0])
    write_table(path, {name: kinds.get(name, float) for name in columns}, rows, parquet)


def _curves(path: Path) -> list[Curve]:
    """The predicted shares of every area over time, from the table that was just written."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    # `measure` writes its rows frame by frame and keeps none of them; two numbers of each are wanted here.
    for row in read_csv_rows(path, OutputError):
        if row["attention_share"]:
            seconds, values = found.setdefault(row["area"], ([], []))
            seconds.append(float(row["time_seconds"]))
            values.append(float(row["attention_share"]))
    return [(name, np.array(seconds), np.array(values)) for name, (seconds, values) in found.items()]


def _entry(path: AreaPath) -> dict[str, Any]:
    """An area in the form in which it is read; a followed one has a keyframe in pixels for each frame."""
    area = path.area
    entry: dict[str, Any] = {"name": area.name, "units": area.units, "from_seconds": area.from_seconds}
    keyframes = [(keyframe.time_seconds, keyframe.corners) for keyframe in area.keyframes]
    if isinstance(path, FollowedPath):
        places = zip(path.starts_seconds.tolist(), path.corners, strict=True)
        followed = [(seconds, corners) for seconds, corners in places if corners is not None]
        entry["units"], keyframes = "pixels", followed or keyframes
    entry["keyframes"] = [
        {"time_seconds": round(seconds, 6), "polygon": np.round(corners, 4).tolist()} for seconds, corners in keyframes
    ]
    if np.isfinite(area.to_seconds):
        entry["to_seconds"] = area.to_seconds
    return entry
