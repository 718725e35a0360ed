"""Tables of fixations: CSV, Parquet, or the NPZ forms of the project's data packs, as columns by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.formats.arrays import ArrayArchive
from gfsalnet.gaze.columns import LAYOUT, Columns, read_csv, read_parquet
from gfsalnet.gaze.disk import grouped_rows
from gfsalnet.video.info import MIN_SIDE_PIXELS

Arrays = Mapping[str, NDArray[Any]]
_NUMBERS = ("frame", "time_seconds", "x", "y", "duration_ms", "width", "height", "frames_per_second")
_PACK = ("image_index", "subject", "x", "y", "image_names", "original_sizes_wh")
_RECORDING = ("fix_frame", "fix_subject", "fix_x", "fix_y", "video_wh")
_AGAIN = "Copy it again."


@dataclass(frozen=True, kw_only=True)
class FixationTable:
    """One row per fixation, N rows; all columns are (N,)."""

    names: list[str]
    """Names of the videos or pictures."""
    of: NDArray[np.intp]
    """Index into `names` for each row."""
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    frame: NDArray[np.int64] | None = None
    """0-based."""
    time_seconds: NDArray[np.float64] | None = None
    duration_ms: NDArray[np.float64] | None = None
    subject: NDArray[np.int64] | None = None
    subjects: list[str] | None = None
    """Names of the viewers that `subject` counts; None where they are numbers."""
    sizes_wh: Mapping[str, tuple[int, int]] | None = None
    """Name → size of the picture that x, y refer to; None: that of the file."""
    rates: Mapping[str, Fraction] | None = None
    """Name → frames per second of a folder of frames; None: `DEFAULT_RATE`."""
    without_position: int = 0
    """Rows left out because x or y is empty."""
    notes: list[str] = field(default_factory=list)
    """How the table was read, where that is not obvious."""

    @cached_property
    def rows_of(self) -> Mapping[str, NDArray[np.intp]]:
        """Name → its rows, in the table's order."""
        return dict(zip(self.names, grouped_rows(self.of, len(self.names)), strict=True))


def read_table(path: Path) -> FixationTable:
    """A table by the suffix of its name: `.csv`, `.parquet`, or `.npz` with the fixations of photographs.

    Raises:
        DatasetError: if it is missing or damaged, lacks a column, or a text stands where a number is expected.
    """
    if path.suffix == ".npz":
        return _from_pack(path, ArrayArchive(path, DatasetError).read_all(_PACK))
    return _from_columns(read_parquet(path) if path.suffix == ".parquet" else read_csv(path))


def read_recording(path: Path, video: str) -> FixationTable:
    """The NPZ of a single video: one point (`fix_x`, `fix_y`, in 0-based pixels of it) per viewer and frame.

    Raises:
        DatasetError: if it is missing or damaged, or lacks an array.
    """
    arrays = ArrayArchive(path, DatasetError).read_all(_RECORDING)
    try:
        width, height = (int(side) for side in arrays["video_wh"])
        return _of_arrays(path, "fix_", arrays, [video], [(width, height)], np.zeros(len(arrays["fix_x"]), np.intp))
    except (TypeError, ValueError, OverflowError, IndexError) as error:
        raise DatasetError(path, f"its arrays are not those of a recording ({error})", _AGAIN) from error


def _from_pack(path: Path, arrays: Arrays) -> FixationTable:
    try:
        names = [str(name) for name in arrays["image_names"]]
        sizes = [(int(width), int(height)) for width, height in arrays["original_sizes_wh"]]
        return _of_arrays(path, "", arrays, names, sizes, arrays["image_index"].astype(np.intp))
    except (TypeError, ValueError, OverflowError, IndexError) as error:
        raise DatasetError(path, f"its arrays are not those of photographs with gaze ({error})", _AGAIN) from error


def _of_arrays(
    path: Path, prefix: str, arrays: Arrays, names: list[str], sizes: list[tuple[int, int]], of: NDArray[np.intp]
) -> FixationTable:
    columns = {name: arrays[prefix + name] for name in ("frame", "subject", "x", "y") if prefix + name in arrays}
    lengths = {"of": len(of), **{name: len(values) for name, values in columns.items()}}
    if len(set(lengths.values())) > 1 or len(names) != len(sizes):
        raise DatasetError(path, f"columns differ in length ({lengths})", _AGAIN)
    if len(of) and not 0 <= of.min() <= of.max() < len(names):
        raise DatasetError(path, f"it numbers images up to {of.max()}, but names {len(names)}", _AGAIN)
    xy = np.stack([columns["x"], columns["y"]]).astype(np.float32)
    # Programs write NaN where the eye was lost.
    there = np.isfinite(xy).all(axis=0)
    sizes_wh = dict(zip(names, sizes, strict=True))
    _check_sizes(path, sizes_wh)
    return FixationTable(
        names=names,
        of=of[there],
        x=xy[0, there],
        y=xy[1, there],
        frame=columns["frame"].astype(np.int64)[there] if "frame" in columns else None,
        subject=columns["subject"].astype(np.int64)[there],
        sizes_wh=sizes_wh,
        without_position=int((~there).sum()),
    )


def _from_columns(columns: Columns) -> FixationTable:
    key = "video" if "video" in columns.texts else "image"
    missing = [name for name in (key, "x", "y") if name not in columns.texts]
    if missing:
        held = ", ".join(name for name in columns.texts if name) or "no columns"
        raise DatasetError(columns.path, f"it lacks the column {', '.join(missing)}; it has {held}", LAYOUT)
    numbers = {name: columns.numbers(name) for name in _NUMBERS if name in columns.texts}
    # Rows without a position are left out before the checks below: their other columns may be empty.
    there = np.isfinite(numbers["x"]) & np.isfinite(numbers["y"])
    kept = {name: values[there] for name, values in numbers.items()}
    rows = columns.rows[there]
    _check_moments(columns.path, kept, rows)
    # Names in alphabetical order; `join` puts them in the order of the files.
    names, of = np.unique(columns.texts[key][there], return_inverse=True)
    if (nameless := np.flatnonzero(names == "")).size:
        row = rows[int((of == nameless[0]).argmax())]
        raise DatasetError(columns.path, f"row {row}: {key} is empty", LAYOUT)
    viewers = columns.texts.get("subject")
    subjects, subject = (None, None) if viewers is None else np.unique(viewers[there], return_inverse=True)
    sizes = _one_a_video(columns.path, ("width", "height"), names, of, kept)
    rates = _one_a_video(columns.path, ("frames_per_second",), names, of, kept)
    _check_sizes(columns.path, sizes)
    return FixationTable(
        names=[str(name) for name in names],
        of=of,
        x=kept["x"].astype(np.float32),
        y=kept["y"].astype(np.float32),
        frame=kept["frame"].astype(np.int64) if "frame" in kept else None,
        time_seconds=kept.get("time_seconds"),
        duration_ms=kept.get("duration_ms"),
        subject=None if subject is None else subject.astype(np.int64),
        subjects=None if subjects is None else list(map(str, subjects)),
        sizes_wh=None if sizes is None else {name: (int(size[0]), int(size[1])) for name, size in sizes.items()},
        # 30000/1001 comes back from 29.97003: the denominators of broadcast rates end at 1001.
        rates=None if rates is None else {name: Fraction(r[0]).limit_denominator(1001) for name, r in rates.items()},
        without_position=int((~there).sum()),
        notes=columns.notes,
    )


def _check_moments(path: Path, numbers: Mapping[str, NDArray[np.float64]], rows: NDArray[np.int64]) -> None:
    for name in ("frame", "time_seconds", "duration_ms"):
        if name in numbers and (wrong := ~(numbers[name] >= 0)).any():  # NaN too
            value = numbers[name][int(wrong.argmax())]
            said = "missing" if np.isnan(value) else f"negative ({value:g})"
            problem = f"row {rows[int(wrong.argmax())]}: a value of {name} is missing or negative: it is {said}"
            raise DatasetError(path, problem, "Frames and times count from 0.")


def _one_a_video(
    path: Path,
    columns: tuple[str, ...],
    names: NDArray[Any],
    of: NDArray[np.intp],
    numbers: Mapping[str, NDArray[np.float64]],
) -> dict[str, tuple[float, ...]] | None:
    """Name → the values that all its rows have in these columns; None if the table lacks the columns."""
    if not set(columns) <= set(numbers):
        return None
    values = np.stack([numbers[column] for column in columns], axis=1)
    # Every row is compared with the first of its video: one size and rate per video.
    first = np.unique(of, return_index=True)[1]
    if not (np.isfinite(values).all() and (values > 0).all() and (values == values[first][of]).all()):
        said = " and ".join(columns)
        problem = f"{said} are missing, not positive, or differ within a video or image"
        raise DatasetError(path, problem, f"Give each video or image one {said}, or leave the columns out.")
    return {str(name): tuple(map(float, values[row])) for name, row in zip(names, first, strict=True)}


def _check_sizes(path: Path, sizes: Mapping[str, tuple[float, ...]] | None) -> None:
    for name, (width, height) in (sizes or {}).items():
        if min(width, height) < MIN_SIDE_PIXELS:
            problem = f"width and height of {name} are {width:g}x{height:g}, which is no picture in pixels"
            remedy = "Give the size of the picture that x, y refer to; multiply x, y if they are shares of it (0 to 1)."
            raise DatasetError(path, problem, remedy)
