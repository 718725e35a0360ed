"""The folder dataset of an import: the video, its gaze in one or two tables, a record and a picture."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet._version import __version__
from gfsalnet.choices import GazeKind
from gfsalnet.errors import OutputError
from gfsalnet.files import output_errors, write_json, write_png, written_whole
from gfsalnet.formats.door import opening
from gfsalnet.formats.texts import read_json_object
from gfsalnet.gaze.trackers.picture import placement_picture
from gfsalnet.gaze.trackers.viewing import Viewing
from gfsalnet.gaze.video_files import Timeline
from gfsalnet.types import RGB

TABLE, SAMPLES, TRACKER_FIXATIONS = "fixations.csv", "samples.csv", "tracker_fixations.csv"
RECORD = "import.json"
COLUMNS = ("video", "subject", "time_seconds", "x", "y")


def write_dataset(
    folder: Path,
    video: Path,
    viewings: Sequence[Viewing],
    timeline: Timeline,
    kind: GazeKind,
    about: dict[str, Any],
    overwrite: bool = False,
) -> list[Path]:
    """Write or extend the folder that `--dataset folder` reads; another video is added to those that are there.

    Args:
        folder: of the dataset; made if it is missing.
        video: the file that was shown; it is linked, or copied where that is impossible.
        viewings: the gaze.
        timeline: of the video.
        kind: what the main table holds.
        about: what else is recorded of this import, as JSON values.
        overwrite: whether an import of the same video is replaced.

    Returns:
        the files that were written, the picture last.

    Raises:
        OutputError: if the folder holds this video already, or a dataset of other gaze, or cannot be written.
    """
    name = video.stem
    record = _record(folder, kind, name, overwrite)
    picture = placement_picture(video, viewings, timeline)
    with output_errors(folder):
        (folder / "videos").mkdir(parents=True, exist_ok=True)
    _link(video, folder / "videos" / video.name)
    has_fixations = any(viewing.fixation_xy is not None for viewing in viewings)
    has_samples = any(viewing.valid.any() for viewing in viewings)
    # Where an export holds fixations alone, they are what there is.
    of_fixations = kind != "samples" or not has_samples
    written = [folder / TABLE]
    _write_table(folder / TABLE, name, viewings, of_fixations)
    if of_fixations and has_samples:
        _write_table(folder / SAMPLES, name, viewings, False)
        written.append(folder / SAMPLES)
    if not of_fixations and has_fixations:
        _write_table(folder / TRACKER_FIXATIONS, name, viewings, True)
        written.append(folder / TRACKER_FIXATIONS)
    record["videos"][name] = {**about, "viewers": {viewing.viewer: viewing.counts() for viewing in viewings}}
    write_json(folder / RECORD, record)
    return [*written, folder / RECORD, _draw(folder / f"placement-{name}.png", picture)]


def _record(folder: Path, kind: GazeKind, name: str, overwrite: bool) -> dict[str, Any]:
    """What earlier imports into the folder left, if this one goes with them."""
    path = folder / RECORD
    if not path.is_file():
        if (folder / TABLE).exists():
            problem = "it holds a dataset that was not imported from an eye tracker"
            raise OutputError(folder, problem, "Choose another folder for --output.")
        return {"gaze": kind, "version": __version__, "videos": {}}
    record = read_json_object(path, OutputError, "Choose another folder.")
    with opening(path, "record of an import", OutputError, "Choose another folder."):
        videos, before = record["videos"], record["gaze"]
    if before != kind:
        problem = f"its gaze was imported as {before}, this is {kind}"
        raise OutputError(folder, problem, f"Give --take {before}, or another folder for --output.")
    if name in videos and not overwrite:
        raise OutputError(folder, f"it holds the gaze on {name} already", "Give --overwrite, or another --output.")
    return record


def _link(video: Path, target: Path) -> None:
    with output_errors(target), written_whole(target) as partial:
        try:
            os.link(video.resolve(), partial)
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(video, partial)


def _write_table(path: Path, video: str, viewings: Sequence[Viewing], of_fixations: bool) -> None:
    """The rows of other videos that are there already, then those of this one."""
    columns = [*COLUMNS, *(["duration_ms"] if of_fixations else [])]
    with output_errors(path), written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        # Row by row into the new file: a table of samples may be larger than memory.
        if path.is_file():
            with path.open(encoding="utf-8", newline="") as before:
                writer.writerows(row for row in csv.reader(before) if row and row[0] not in ("video", video))
        for viewing in viewings:
            writer.writerows(_rows(video, viewing, of_fixations))


def _rows(video: str, viewing: Viewing, of_fixations: bool) -> Iterator[tuple[str, ...]]:
    if of_fixations:
        assert viewing.fixation_seconds is not None
        assert viewing.fixation_lengths is not None
        assert viewing.fixation_xy is not None
        parts = (viewing.fixation_seconds, viewing.fixation_xy, viewing.fixation_lengths * 1000)
        for seconds, (x, y), length in zip(*parts, strict=True):
            # Microseconds and hundredths of a pixel: finer than any tracker, and the same text on every machine.
            yield video, viewing.viewer, f"{seconds:.6f}", f"{x:.2f}", f"{y:.2f}", f"{length:.3f}"
        return
    valid = viewing.valid
    for seconds, (x, y) in zip(viewing.time_seconds[valid].tolist(), viewing.xy[valid].tolist(), strict=True):
        yield video, viewing.viewer, f"{seconds:.6f}", f"{x:.2f}", f"{y:.2f}"


def _draw(path: Path, picture: RGB) -> Path:
    with output_errors(path), written_whole(path) as partial:
        write_png(partial, np.ascontiguousarray(picture))
    return path
