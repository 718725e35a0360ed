"""Tables in the text exports of eye trackers: the columns that are asked for, in bounded memory, in any locale.

Exports have hundreds of columns and millions of rows: cells are turned into numbers as they are read.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from gfsalnet.gaze.columns import MISSING
from gfsalnet.gaze.exports import HEAD_BYTES
from gfsalnet.gaze.trackers.recording import TrackerError

_CHUNK_ROWS = 1 << 15
"""Rows whose cells are held as texts at a time, before they become numbers."""
_SHOWN_ROWS = 5
"""How many row numbers a note lists."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Text:
    """A column of texts, of which exports repeat a few again and again."""

    codes: NDArray[np.int64]
    """(N,) index into `values`."""
    values: list[str]

    def is_in(self, *wanted: str) -> NDArray[np.bool_]:
        """(N,) whether a cell is one of these texts."""
        return np.isin(self.codes, [code for code, value in enumerate(self.values) if value in wanted])

    def is_filled(self) -> NDArray[np.bool_]:
        """(N,) whether a cell holds something."""
        return np.isin(self.codes, [code for code, value in enumerate(self.values) if value])

    def at(self, row: int | np.integer) -> str:
        """The text of one row."""
        return self.values[int(self.codes[row])]


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """Columns of an export by heading, N rows."""

    path: Path
    rows: NDArray[np.int64]
    """(N,) line of each row in the file, from 1."""
    short: NDArray[np.bool_]
    """(N,) whether a row has fewer fields than the headings: its cells may stand under wrong headings."""
    numbers: Mapping[str, NDArray[np.float64]]
    """NaN where a cell is empty or marked as missing."""
    integers: Mapping[str, NDArray[np.int64]]
    texts: Mapping[str, Text]
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)


def encoding_of(path: Path) -> str:
    """The encoding of a text file by its first bytes: UTF-8, UTF-16, else Windows' Western one.

    Raises:
        TrackerError: if the file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise TrackerError(path, f"it cannot be read ({error.strerror})", "Check the path of the export.") from error
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" in head:
        # Half of the bytes of Latin text in UTF-16 are 0, at odd places; of other files hardly any.
        if head[1::2].count(0) < len(head) // 4:
            raise TrackerError(path, "it is not a text file", "Export the recording as text.")
        return "utf-16-le"
    try:
        # Whole lines alone: the cut may go through a character.
        head[: head.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """A text export, opened with its encoding; bytes that are no characters become marks, and no error."""
    encoding = encoding_of(path)
    with path.open("r", encoding=encoding, errors="replace", newline="") as file:
        yield file


def headings_of(path: Path) -> list[str]:
    """The fields of the first filled line."""
    with open_text(path) as file:
        return next(_filled(file), (0, []))[1]


def _filled(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of each filled line."""
    first = ""
    for line in file:
        if line.strip():
            first = line
            break
    delimiter = max("\t;,", key=first.count)
    before = 1
    file.seek(0)
    # Programs fill fields up with zero bytes, at which the csv module stops.
    reader = csv.reader((line.replace("\0", "") for line in file), delimiter=delimiter)
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield before, [field.strip() for field in fields]
            before = reader.line_num + 1
    except csv.Error as error:
        where = getattr(file, "name", "the export")
        raise TrackerError(where, f"row {before}: not readable as a table ({error})", "Export it again.") from error


def read_columns(
    path: Path, *, numbers: Iterable[str] = (), integers: Iterable[str] = (), texts: Iterable[str] = ()
) -> Table:
    """These columns of a table whose first filled line holds the headings; headings that it lacks are left out.

    Numbers may have decimal points or commas, but one column only one of the two. A row with fewer fields than
    headings is kept, marked and noted.

    Raises:
        TrackerError: if a row has more fields than headings, or no number where one is expected; with the row.
    """
    with open_text(path) as file:
        lines = _filled(file)
        _, headings = next(lines, (0, []))
        # Backwards, so that of two columns with one heading the first counts.
        place = {heading: index for index, heading in reversed(list(enumerate(headings)))}
        kinds = {"number": list(numbers), "integer": list(integers), "text": list(texts)}
        columns: dict[str, _Column] = {
            name: _Column(path, name, place[name], kind)
            for kind, names in kinds.items()
            for name in names
            if name in place
        }
        rows, short = array("q"), array("b")
        while chunk := list(islice(lines, _CHUNK_ROWS)):
            lines_of = [line for line, _ in chunk]
            rows.extend(lines_of)
            short.extend(len(fields) < len(headings) for _, fields in chunk)
            _check_lengths(path, headings, chunk)
            for column in columns.values():
                column.extend([f[column.place] if column.place < len(f) else "" for _, f in chunk], lines_of)
    cut = np.array(short, np.bool_)
    notes = []
    if cut.any():
        which = ", ".join(map(str, np.array(rows)[cut][:_SHOWN_ROWS]))
        notes.append(
            f"{path.name}: {cut.sum()} rows have fewer fields than the headings (rows {which}); their gaze is left out"
        )
    return Table(
        path=path,
        rows=np.array(rows, np.int64),
        short=cut,
        numbers={name: column.number() for name, column in columns.items() if column.kind == "number"},
        integers={name: column.integer() for name, column in columns.items() if column.kind == "integer"},
        texts={name: column.text() for name, column in columns.items() if column.kind == "text"},
        notes=notes,
    )


def _check_lengths(path: Path, headings: Sequence[str], chunk: Sequence[tuple[int, list[str]]]) -> None:
    for line, fields in chunk:
        if len(fields) > len(headings) and any(fields[len(headings) :]):
            problem = f"row {line} has {len(fields)} fields, the headings {len(headings)}"
            raise TrackerError(path, problem, "Export it again, or with another separator between the fields.")


class _Column:
    """One column, as far as it has been read."""

    def __init__(self, path: Path, name: str, place: int, kind: str) -> None:
        self.path, self.name, self.place, self.kind = path, name, place, kind
        self._numbers, self._integers = array("d"), array("q")
        self._codes: dict[str, int] = {}
        self._has_points = self._has_commas = False

    def extend(self, cells: list[str], lines: list[int]) -> None:
        """Add the cells of a chunk, and the lines that they stand in."""
        if self.kind == "text":
            self._integers.extend([self._codes.setdefault(cell, len(self._codes)) for cell in cells])
            return
        try:
            if self.kind == "integer":
                self._integers.extend([int(cell) for cell in cells])
            else:
                self._numbers.extend([float(cell) if cell else np.nan for cell in cells])
                self._has_points = self._has_points or any("." in cell for cell in cells)
        except (ValueError, OverflowError):
            # Slower: some cell has a decimal comma, a word for a missing value, or something else.
            values = [self._number(cell, line) for cell, line in zip(cells, lines, strict=True)]
            if self.kind == "integer":
                place = next(i for i, value in enumerate(values) if not value.is_integer())
                raise self._error(lines[place], f"{cells[place]!r}, which is no whole number") from None
            self._numbers.extend(values)

    def _number(self, cell: str, line: int) -> float:
        if cell.lower() in MISSING:
            return np.nan
        # Over the whole column: "1,234" is a decimal here and a thousand there, and both marks at once are refused.
        self._has_points = self._has_points or "." in cell
        self._has_commas = self._has_commas or "," in cell
        if self._has_points and self._has_commas:
            raise self._error(line, f"{cell!r}, while other rows have another decimal mark")
        try:
            return float(cell.replace(",", ".", 1))
        except ValueError:
            raise self._error(line, f"{cell!r}, which is no number") from None

    def _error(self, line: int, problem: str) -> TrackerError:
        remedy = "Export it again with one decimal mark, and look at that row."
        return TrackerError(self.path, f"row {line}: {self.name} is {problem}", remedy)

    def number(self) -> NDArray[np.float64]:
        """(N,)."""
        return np.array(self._numbers, np.float64)

    def integer(self) -> NDArray[np.int64]:
        """(N,)."""
        return np.array(self._integers, np.int64)

    def text(self) -> Text:
        """(N,) texts."""
        return Text(codes=self.integer(), values=list(self._codes))
