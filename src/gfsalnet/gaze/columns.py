"""Tables as people save them, CSV in any common dialect and Parquet, as columns of text by name."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import DatasetError
from gfsalnet.formats.parquet import read_parquet_columns
from gfsalnet.formats.texts import read_bytes
from gfsalnet.gaze.exports import HEAD_BYTES, import_remedy, program_of
from gfsalnet.limits import check_bytes

LAYOUT = (
    "A table has the columns video (or image), x, y, and for videos frame or time_seconds; subject, duration_ms, width "
    "and height may follow, and frames_per_second for folders of frames."
)
MISSING = frozenset({"", ".", "-", "na", "n/a", "#n/a", "nan", "null", "none", "missing"})
"""What programs write for a missing value, in lower case."""
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?")
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class Columns:
    """A table of N rows."""

    path: Path
    texts: Mapping[str, NDArray[np.str_]]
    """Heading in lower case → (N,) the texts of the column, without surrounding blanks."""
    rows: NDArray[np.int64]
    """(N,) row numbers in the file, from 1."""
    notes: list[str] = field(default_factory=list)
    """How the file was read, where that is not obvious."""
    layout: str = LAYOUT
    """What the table should look like, for errors."""

    def number(self, name: str, index: int) -> float:
        """One cell that is not missing as a number.

        Raises:
            DatasetError: if something else is written there, with its row.
        """
        return self._number(name, self.texts[name][index], int(self.rows[index]))

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column as (N,) numbers; NaN where it is empty or marked as missing.

        Raises:
            DatasetError: if something else is written there, with its row.
        """
        texts = self.texts[name]
        # The whole column is converted at once; only if that fails is each text looked at.
        plain = np.where(np.isin(np.char.lower(texts), list(MISSING)), "nan", texts)
        try:
            values = plain.astype(np.float64)
        except ValueError:
            self._check_commas(name, plain)
            values = np.array([self._number(name, text, row) for text, row in zip(plain, self.rows, strict=True)])
        # Coordinates become float32, in which larger numbers are infinite.
        if (too_large := np.abs(np.nan_to_num(values, nan=0.0, posinf=np.inf)) > _LARGEST).any():
            place = int(too_large.argmax())
            raise self._error(int(self.rows[place]), f"{name} is {str(texts[place])!r}, which is no position or time")
        return values

    def _check_commas(self, name: str, texts: NDArray[np.str_]) -> None:
        """`1,234` is read as a decimal; where points are decimals too, it may be a thousand."""
        has_comma = np.char.find(texts, ",") >= 0
        if has_comma.any() and (np.char.find(texts, ".") >= 0).any():
            place = int(has_comma.argmax())
            problem = f"{name} is {str(texts[place])!r}, while other rows have decimal points"
            raise self._error(int(self.rows[place]), problem)

    def _number(self, name: str, text: Any, row: int) -> float:
        written = str(text)
        try:
            return float(written.replace(",", ".") if _DECIMAL_COMMA.fullmatch(written.lower()) else written)
        except ValueError:
            raise self._error(row, f"{name} holds something else than numbers: {written!r}") from None

    def _error(self, row: int, problem: str) -> DatasetError:
        return DatasetError(self.path, f"row {row}: {problem}", self.layout)


def read_csv(path: Path, layout: str = LAYOUT) -> Columns:
    """A CSV file: separated by commas, semicolons or tabs, in UTF-8, UTF-16 or Latin-1, with decimal points or commas.

    Args:
        path: of the file.
        layout: what the table should look like, for errors.

    Raises:
        DatasetError: if it is missing, is no such table (with the row), or is the export of an eye tracker.
    """
    text, notes = _decoded(path, read_bytes(path, DatasetError, layout, "table"))
    _refuse_export(path, text)
    lines, rows = _lines(path, text)
    headings = [_heading(cell) for cell in lines[0]] if lines else []
    _check_lengths(path, lines, rows, layout)
    _check_doubles(path, headings)
    body = [[cell.strip() for cell in line] for line in lines[1:]]
    texts = {heading: _as_column(path, [line[i] for line in body]) for i, heading in enumerate(headings)}
    # Rows as an editor counts them: empty lines are left out of the table, and messages name the line.
    return Columns(path=path, texts=texts, rows=np.array(rows[1:], np.int64), notes=notes, layout=layout)


def read_parquet(path: Path) -> Columns:
    """A Parquet file.

    Raises:
        DatasetError: if it is missing or damaged, or the package for it is not installed.
    """
    try:
        columns = read_parquet_columns(path, DatasetError)
    except ImportError as error:
        remedy = "Run: pip install 'gfsalnet[parquet]', or save the table as CSV."
        raise DatasetError(path, "reading Parquet needs the package pyarrow", remedy) from error
    headings = [_heading(name) for name in columns]
    _check_doubles(path, headings)
    texts = {heading: _as_column(path, values) for heading, values in zip(headings, columns.values(), strict=True)}
    # There is no line of headings in Parquet: row 1 is the first of the values.
    rows = max(map(len, columns.values()), default=0)
    return Columns(path=path, texts=texts, rows=np.arange(1, rows + 1))


def _as_column(path: Path, texts: Sequence[str]) -> NDArray[np.str_]:
    """(N,) texts. NumPy gives each the room of the longest: a single long one would take gigabytes."""
    longest = max(map(len, texts), default=0)
    check_bytes(path, 4 * longest * len(texts), DatasetError, "the texts of a column take")
    return np.array(texts, np.str_)


def _refuse_export(path: Path, text: str) -> None:
    first = next((line for line in text.splitlines() if line.strip()), "")
    # A table of fixations may well name an eye tracker in another column.
    if {"x", "y"} <= {_heading(cell) for cell in re.split(r"[,;\t]", first)}:
        return
    if (program := program_of(text[:HEAD_BYTES])) is not None:
        raise DatasetError(path, f"it is an export of {program}, not a table of fixations", import_remedy(program))


def _decoded(path: Path, data: bytes) -> tuple[str, list[str]]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in data[:HEAD_BYTES]:  # UTF-16 without a mark: every other byte of Latin text is 0
        encodings = ["utf-16-le" if data[1:2] == b"\0" else "utf-16-be"]
    else:
        # utf-8-sig: spreadsheet programs put a mark before the first heading.
        # Latin-1 last, since every file is text in it.
        encodings = ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        is_old = encoding in ("cp1252", "latin-1")
        return text, [f"{path.name} is not in UTF-8 and is read as Latin-1"] if is_old else []
    raise DatasetError(path, "it is not a text file", "Save it as CSV in UTF-8.")


def _lines(path: Path, text: str) -> tuple[list[list[str]], list[int]]:
    """The filled lines, and where each ends in the file."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    told = re.fullmatch(r"sep=(.)", first.strip("\"'"))  # spreadsheet programs
    # By the headings, in which decimal commas cannot stand.
    delimiter = told[1] if told else max(",;\t", key=first.count)
    lines, rows = [], []
    try:
        # newline="" keeps line breaks inside quotes as they are; strict finds a quote that is never closed.
        reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for line in reader:
            # Spreadsheets leave rows of empty cells below a table.
            if any(cell.strip() for cell in line) and not (told and reader.line_num == 1):
                lines.append(line)
                rows.append(reader.line_num)
    except csv.Error as error:
        problem = f"row {reader.line_num}: not a readable CSV file ({error})"
        raise DatasetError(path, problem, "Save it as CSV in UTF-8.") from error
    return lines, rows


def _check_lengths(path: Path, lines: Sequence[Sequence[str]], rows: Sequence[int], layout: str) -> None:
    for line, row in zip(lines, rows, strict=True):
        if len(line) != len(lines[0]):
            problem = f"row {row} has {len(line)} fields, the first {len(lines[0])}"
            commas = (
                " Numbers with decimal commas need semicolons between the fields." if len(line) > len(lines[0]) else ""
            )
            raise DatasetError(path, problem, f"{layout}{commas}")


def _check_doubles(path: Path, headings: Sequence[str]) -> None:
    double = next((heading for heading in headings if heading and headings.count(heading) > 1), None)
    if double is not None:
        raise DatasetError(path, f"it has two columns {double}", "Keep one of them.")


def _heading(text: str) -> str:
    # NFKC, because headings come with full-width letters and blanks that do not break.
    return re.sub(r"[\s-]+", "_", unicodedata.normalize("NFKC", text).strip().strip("\"'").casefold())
