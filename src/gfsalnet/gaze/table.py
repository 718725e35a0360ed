"""Tables of fixations: CSV, Parquet, or the NPZ forms of the project's data packs, as columns by name."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.gaze.disk import grouped_rows

Columns = Mapping[str, NDArray[Any]]
_NUMBERS = ("frame", "time_seconds", "x", "y", "duration_ms", "width", "height")
_PACK = ("image_index", "subject", "x", "y", "image_names", "original_sizes_wh")
_RECORDING = ("fix_frame", "fix_subject", "fix_x", "fix_y", "video_wh")
_AGAIN = "Copy it again."
LAYOUT = (
    "A table has the columns video (or image), x, y, and for videos frame or time_seconds; subject, duration_ms, width "
    "and height may follow."
)


@dataclass(frozen=True, kw_only=True)
class FixationTable:
    """One row a fixation, N rows; all columns are (N,)."""

    names: list[str]
    """Of the videos or pictures."""
    of: NDArray[np.intp]
    """Which name each row belongs to."""
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    frame: NDArray[np.int64] | None = None
    """0-based."""
    time_seconds: NDArray[np.float64] | None = None
    duration_ms: NDArray[np.float64] | None = None
    subject: NDArray[np.int64] | None = None
    sizes_wh: Mapping[str, tuple[int, int]] | None = None
    """Name → size of the picture that x, y refer to; None: that of the file."""
    without_position: int = 0
    """Rows left out because x or y is empty."""

    @cached_property
    def rows_of(self) -> Mapping[str, NDArray[np.intp]]:
        """Name → its rows, in the table's order."""
        return dict(zip(self.names, grouped_rows(self.of, len(self.names)), strict=True))


def read_table(path: Path) -> FixationTable:
    """A table by the suffix of its name: `.csv`, `.parquet`, or `.npz` with the fixations of photographs.

    Raises:
        DatasetError: if it is missing or damaged, lacks a column, or a number is none.
    """
    if path.suffix == ".npz":
        return _from_pack(path, _read_npz(path, _PACK))
    return _from_columns(path, _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path))


def read_recording(path: Path, video: str) -> FixationTable:
    """The NPZ of a single video: one point (`fix_x`, `fix_y`) a viewer and frame.

    Raises:
        DatasetError: if it is missing or damaged, or lacks an array.
    """
    arrays = _read_npz(path, _RECORDING)
    frame, subject, x, y = (arrays[f"fix_{name}"] for name in ("frame", "subject", "x", "y"))
    width, height = (int(side) for side in arrays["video_wh"])
    return FixationTable(
        names=[video],
        of=np.zeros(len(x), np.intp),
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        frame=frame.astype(np.int64),
        subject=subject.astype(np.int64),
        sizes_wh={video: (width, height)},
    )


def _from_pack(path: Path, arrays: Columns) -> FixationTable:
    rows = {name: len(arrays[name]) for name in ("image_index", "subject", "x", "y")}
    if len(set(rows.values())) > 1:
        raise DatasetError(path, f"columns differ in length ({rows})", _AGAIN)
    names = [str(name) for name in arrays["image_names"]]
    sizes = [(int(width), int(height)) for width, height in arrays["original_sizes_wh"]]
    return FixationTable(
        names=names,
        of=arrays["image_index"].astype(np.intp),
        x=arrays["x"].astype(np.float32),
        y=arrays["y"].astype(np.float32),
        subject=arrays["subject"].astype(np.int64),
        sizes_wh=dict(zip(names, sizes, strict=True)),
    )


def _from_columns(path: Path, columns: Columns) -> FixationTable:
    key = "video" if "video" in columns else "image"
    missing = [name for name in (key, "x", "y") if name not in columns]
    if missing:
        raise DatasetError(path, f"it lacks the column {', '.join(missing)}", LAYOUT)
    numbers = {name: _as_numbers(path, name, columns[name]) for name in _NUMBERS if name in columns}
    there = np.isfinite(numbers["x"]) & np.isfinite(numbers["y"])
    kept = {name: values[there] for name, values in numbers.items()}
    _check_moments(path, kept)
    names, of = np.unique(columns[key][there].astype(str), return_inverse=True)
    subject = np.unique(columns["subject"][there].astype(str), return_inverse=True)[1] if "subject" in columns else None
    return FixationTable(
        names=[str(name) for name in names],
        of=of,
        x=kept["x"].astype(np.float32),
        y=kept["y"].astype(np.float32),
        frame=kept["frame"].astype(np.int64) if "frame" in kept else None,
        time_seconds=kept.get("time_seconds"),
        duration_ms=kept.get("duration_ms"),
        subject=subject,
        sizes_wh=_sizes(path, names, of, kept) if "width" in kept and "height" in kept else None,
        without_position=int((~there).sum()),
    )


def _check_moments(path: Path, columns: Columns) -> None:
    for name in ("frame", "time_seconds", "duration_ms"):
        if name in columns and not (columns[name] >= 0).all():  # NaN too
            raise DatasetError(path, f"a value of {name} is missing or negative", "Frames and times count from 0.")


def _sizes(path: Path, names: NDArray[Any], of: NDArray[np.intp], columns: Columns) -> dict[str, tuple[int, int]]:
    sizes = np.stack([columns["width"], columns["height"]], axis=1)
    first = np.unique(of, return_index=True)[1]
    if not (np.isfinite(sizes).all() and (sizes >= 1).all() and (sizes == sizes[first][of]).all()):
        remedy = "Give each video or image one width and height, or leave the columns out."
        raise DatasetError(
            path, "width and height are missing, not positive, or differ within a video or image", remedy
        )
    return {str(name): (int(sizes[row, 0]), int(sizes[row, 1])) for name, row in zip(names, first, strict=True)}


def _as_numbers(path: Path, name: str, values: NDArray[Any]) -> NDArray[np.float64]:
    """Empty fields are NaN."""
    texts = np.where(np.char.strip(values.astype(str)) == "", "nan", values.astype(str))
    try:
        return texts.astype(np.float64)
    except ValueError as error:
        raise DatasetError(path, f"the column {name} holds something else than numbers ({error})", LAYOUT) from error


def _read_csv(path: Path) -> Columns:
    try:
        # utf-8-sig: spreadsheet programs put a mark before the first heading.
        with path.open(newline="", encoding="utf-8-sig") as file:
            delimiter = max(",;\t", key=file.readline().count)
            file.seek(0)
            lines = [line for line in csv.reader(file, delimiter=delimiter, strict=True) if line]
    except FileNotFoundError as error:
        raise DatasetError(path, "no such file", LAYOUT) from error
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(path, f"not a readable CSV file ({error})", "Save it as CSV in UTF-8.") from error
    headings = [heading.strip() for heading in lines[0]] if lines else []
    for number, line in enumerate(lines, start=1):
        if len(line) != len(headings):
            raise DatasetError(path, f"row {number} has {len(line)} fields, the first {len(headings)}", LAYOUT)
    return {heading: np.array([line[i] for line in lines[1:]], str) for i, heading in enumerate(headings)}


def _read_parquet(path: Path) -> Columns:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        remedy = "Run: pip install 'gfsalnet[parquet]', or save the table as CSV."
        raise DatasetError(path, "reading Parquet needs the package pyarrow", remedy) from error
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise DatasetError(path, f"not a readable Parquet file ({error})", _AGAIN) from error
    return {
        name: np.array(["" if v is None else str(v) for v in table[name].to_pylist()]) for name in table.column_names
    }


def _read_npz(path: Path, wanted: tuple[str, ...]) -> Columns:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise DatasetError(path, "no such file", LAYOUT) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(path, f"not a readable NPZ file ({error})", _AGAIN) from error
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise DatasetError(path, f"lacks {', '.join(missing)}", f"It should hold {', '.join(wanted)}.")
    return arrays
