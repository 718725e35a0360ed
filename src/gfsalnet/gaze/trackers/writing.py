"""The folder dataset of an import: the video, its gaze in one or two tables, a record and a picture."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet._version import __version__
from gfsalnet.choices import GazeKind
from gfsalnet.errors import OutputError
from gfsalnet.files import output_errors, partial_name, publish, remove, write_json, write_png, written_whole
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
        OutputError: if the folder holds this video already, or a dataset of other gaze, or cannot be written; then
            nothing in it has changed.
    """
    name = video.stem
    record = _record(folder, kind, name, overwrite)
    about = {**about, "viewers": {viewing.viewer: viewing.counts() for viewing in viewings}}
    with _all_together(folder, record) as partial:
        _link(video, partial / "videos" / video.name)
        written = _write_tables(partial, folder, name, viewings, kind)
        write_json(partial / RECORD, {**record, "videos": {**record["videos"], name: about}})
        picture = _draw(partial / f"placement-{name}.png", placement_picture(video, viewings, timeline))
    return [folder / path.name for path in (*written, partial / RECORD, picture)]


@contextmanager
def _all_together(folder: Path, record: Mapping[str, Any]) -> Iterator[Path]:
    """A hidden folder to write to: at the end its files get their places in `folder`, on any exception none of them.

    Should the process be killed in between, the record names no more than the tables hold, and the same import goes
    through again.

    Args:
        folder: of the dataset; made if it is missing.
        record: of what it holds so far.
    """
    partial = folder / partial_name(folder / "import")
    try:
        with output_errors(folder):
            (partial / "videos").mkdir(parents=True)
        try:
            yield partial
        except OutputError as error:
            raise OutputError(error.where.replace(str(partial), str(folder)), error.problem, error.remedy) from error
        with output_errors(folder):
            (folder / "videos").mkdir(exist_ok=True)
            if not (folder / RECORD).exists():  # without one the tables would be somebody else's
                write_json(folder / RECORD, record)
            for path in sorted(filter(Path.is_file, partial.rglob("*")), key=lambda path: path.name == RECORD):
                publish(path, folder / path.relative_to(partial))
    finally:
        with suppress(OSError):
            remove(partial)
            folder.rmdir()  # only if nothing is in it


def _write_tables(partial: Path, folder: Path, video: str, viewings: Sequence[Viewing], kind: GazeKind) -> list[Path]:
    """The main table, and one of the other kind of gaze if there is some, after what `folder` has of other videos."""
    has_fixations = any(viewing.fixation_xy is not None for viewing in viewings)
    has_samples = any(viewing.valid.any() for viewing in viewings)
    # Where an export holds fixations alone, they are what there is.
    of_fixations = kind != "samples" or not has_samples
    tables = {TABLE: of_fixations}
    if of_fixations and has_samples:
        tables[SAMPLES] = False
    if not of_fixations and has_fixations:
        tables[TRACKER_FIXATIONS] = True
    for name, is_of_fixations in tables.items():
        _write_table(partial / name, folder / name, video, viewings, is_of_fixations)
    return [partial / name for name in tables]


def _record(folder: Path, kind: GazeKind, name: str, overwrite: bool) -> dict[str, Any]:
    """What earlier imports into the folder left, if this one goes with them."""
    path = folder / RECORD
    fresh = {"gaze": kind, "version": __version__, "videos": {}}
    if not path.is_file():
        if (folder / TABLE).exists():
            problem = "it holds a dataset that was not imported from an eye tracker"
            raise OutputError(folder, problem, "Choose another folder for --output.")
        return fresh
    record = read_json_object(path, OutputError, "Choose another folder.")
    with opening(path, "record of an import", OutputError, "Choose another folder."):
        videos, before = record["videos"], record["gaze"]
    if not videos:
        return fresh
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


def _write_table(path: Path, earlier: Path, video: str, viewings: Sequence[Viewing], of_fixations: bool) -> None:
    """The rows of other videos in an earlier table, if there is one, then those of this one."""
    columns = [*COLUMNS, *(["duration_ms"] if of_fixations else [])]
    with output_errors(path), written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        # Row by row into the new file: a table of samples may be larger than memory.
        if earlier.is_file():
            with earlier.open(encoding="utf-8", newline="") as before:
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
