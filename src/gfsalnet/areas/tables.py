"""Tables of areas: CSV, and Parquet where it is asked for; a missing value is an empty cell."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from gfsalnet.files import output_errors
from gfsalnet.packages import needed_by

Row = Mapping[str, Any]
BATCH_ROWS = 1 << 14


class Table(Protocol):
    """Takes rows, one by one."""

    def __call__(self, row: Row) -> None:
        """Add a row: column → value; None is missing."""


@contextmanager
def open_table(path: Path, columns: Mapping[str, type], parquet: bool) -> Iterator[Table]:
    """A table to write: `path` as CSV and, if asked for, the same name with `.parquet`.

    Args:
        path: ending in `.csv`.
        columns: name → int, float or str.
        parquet: whether to write Parquet too.

    Raises:
        MissingPackageError: if Parquet is asked for and pyarrow is missing.
        OutputError: if a file cannot be written.
    """
    with (
        output_errors(path),
        path.open("w", encoding="utf-8", newline="") as file,
        _parquet(path, columns, parquet) as add,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)

        def write(row: Row) -> None:
            writer.writerow(_cell(row[name]) for name in columns)
            add(row)

        yield write


def write_table(path: Path, columns: Mapping[str, type], rows: Sequence[Row], parquet: bool) -> None:
    """All rows at once: see `open_table`."""
    with open_table(path, columns, parquet) as table:
        for row in rows:
            table(row)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    # Enough digits that sums over an hour agree, few enough to read.
    return f"{value:.7g}" if isinstance(value, float) else str(value)


@contextmanager
def _parquet(path: Path, columns: Mapping[str, type], wanted: bool) -> Iterator[Table]:
    if not wanted:
        yield lambda row: None
        return
    with needed_by("a table in Parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    # Parquet is written in groups of rows: one row a group would be all headers.
    waiting: list[Row] = []
    with pq.ParquetWriter(path.with_suffix(".parquet"), schema) as writer:

        def flush() -> None:
            values = {name: [row[name] for row in waiting] for name in columns}
            writer.write_table(pa.table(values, schema=schema))
            waiting.clear()

        def add(row: Row) -> None:
            waiting.append(dict(row))
            if len(waiting) >= BATCH_ROWS:
                flush()

        yield add
        flush()
