"""Parquet files, as tables of text, or piece by piece as tables of a known schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.door import AGAIN, opening
from gfsalnet.limits import check_bytes

if TYPE_CHECKING:
    import pyarrow

ROWS_AT_ONCE = 65_536
_VALUE_BYTES = 64
"""What a value takes as a text of its own, at least."""


def read_parquet_columns(path: Path, kind: type[GFSalNetError], remedy: str = AGAIN) -> dict[str, list[str]]:
    """Name → the values of a column as texts, empty where one is missing; columns of one name follow each other.

    Raises:
        GFSalNetError: of that kind, if it is missing, damaged or too large, or two columns have one name.
        ImportError: if pyarrow is not installed.
    """
    import pyarrow
    import pyarrow.parquet

    with opening(path, "Parquet file", kind, remedy), pyarrow.parquet.ParquetFile(path) as file:
        rows, columns = file.metadata.num_rows, file.metadata.num_columns
        stated = sum(file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups))
        # By what the file says, and by what Python makes of it, which may be far more.
        check_bytes(path, max(stated, rows * columns * _VALUE_BYTES), kind)
        names = file.schema_arrow.names
        if len(set(names)) < len(names):
            double = next(name for name in names if names.count(name) > 1)
            raise kind(path, f"it has two columns {double}", "Keep one of them.")
        return {name: _texts(path, file, name, rows, kind) for name in names}


def _texts(path: Path, file: object, name: str, rows: int, kind: type[GFSalNetError]) -> list[str]:
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    # Read as a dictionary: a long text that every row repeats is stored once, and would be unpacked to gigabytes.
    table = pyarrow.parquet.read_table(path, columns=[name], read_dictionary=[name])
    if table.num_rows != rows:
        raise ValueError(f"its column {name} has {table.num_rows} values, and the table {rows} rows")
    column = table.column(0)
    if pyarrow.types.is_dictionary(column.type):
        longest = max((len(str(value)) for chunk in column.chunks for value in chunk.dictionary.to_pylist()), default=0)
        # Every row gets a text of its own below; a character takes up to four bytes.
        check_bytes(path, rows * longest * 4, kind, f"the texts of its column {name} take")
    return ["" if value is None else str(value).strip() for value in column.to_pylist()]


def read_parquet_tables(
    path: Path, schema: pyarrow.Schema, kind: type[GFSalNetError], remedy: str = AGAIN
) -> Iterator[pyarrow.Table]:
    """The rows of a file in tables of at most `ROWS_AT_ONCE`, with the columns of a schema and no others.

    A column that is not there is all nulls; one of another type is converted, where no value is lost.

    Raises:
        GFSalNetError: of that kind, if it is missing, damaged, of other types, or holds too long a text or too much at
            once.
        ImportError: if pyarrow is not installed.
    """
    import pyarrow
    import pyarrow.parquet

    with opening(path, "Parquet file", kind, remedy), pyarrow.parquet.ParquetFile(path) as file:
        names = [name for name in schema.names if name in file.schema_arrow.names]
        texts = [name for name in names if _is_text(file.schema_arrow.field(name).type)]
    # As a dictionary: see `_texts`.
    with (
        opening(path, "Parquet file", kind, remedy),
        pyarrow.parquet.ParquetFile(path, read_dictionary=texts, pre_buffer=False) as file,
    ):
        for group in range(file.num_row_groups):
            check_bytes(path, file.metadata.row_group(group).total_byte_size, kind, "a row group of it takes")
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=names):
            columns = {name: _short(path, batch.column(name), kind) for name in names}
            nothing = pyarrow.nulls(batch.num_rows)
            arrays = [columns.get(field.name, nothing).cast(field.type) for field in schema]
            yield pyarrow.Table.from_arrays(arrays, schema=schema)


def _is_text(kind: pyarrow.DataType) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_string(kind) or pyarrow.types.is_binary(kind))


def _short(path: Path, column: pyarrow.Array, kind: type[GFSalNetError]) -> pyarrow.Array:
    """A column whose texts are of a bearable length."""
    import pyarrow
    import pyarrow.compute

    if pyarrow.types.is_dictionary(column.type):
        longest = pyarrow.compute.max(pyarrow.compute.binary_length(column.dictionary)).as_py() or 0
        check_bytes(path, len(column) * longest, kind, "the texts of a column take")
    return column
