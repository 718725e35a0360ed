"""The tables of this room: what their columns are, and how they are written, piece by piece and whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gfsalnet.files import output_errors, written_whole
from gfsalnet.packages import needed_by

with needed_by("a manifest"):
    import pyarrow
    import pyarrow.parquet

_CLOCK = pyarrow.timestamp("us", tz="UTC")

MANIFEST = pyarrow.schema(
    [
        pyarrow.field("id", pyarrow.string()),
        pyarrow.field("uri", pyarrow.string()),
        pyarrow.field("size_bytes", pyarrow.int64()),
        pyarrow.field("modified", _CLOCK),
        pyarrow.field("version", pyarrow.string()),
        pyarrow.field("duration_seconds", pyarrow.float64()),
        pyarrow.field("frames", pyarrow.int64()),
        pyarrow.field("width", pyarrow.int32()),
        pyarrow.field("height", pyarrow.int32()),
        pyarrow.field("state", pyarrow.string()),
        pyarrow.field("problem", pyarrow.string()),
    ]
)
"""A source a row. `version`: what a store or a web server says of the content. `frames` and `duration_seconds`: by the
header. `state`: `ready`; `listed`, nobody has looked yet; or `unreadable`, and then `problem` says why."""

OUTCOMES = pyarrow.schema(
    [
        *(MANIFEST.field(name) for name in ("id", "uri", "size_bytes", "modified", "version")),
        pyarrow.field("request", pyarrow.string()),
        pyarrow.field("save", pyarrow.string()),
        pyarrow.field("status", pyarrow.string()),
        pyarrow.field("problem", pyarrow.string()),
        pyarrow.field("frames", pyarrow.int64()),
        pyarrow.field("seconds", pyarrow.float64()),
        pyarrow.field("ended", _CLOCK),
        pyarrow.field("shard", pyarrow.string()),
    ]
)
"""What became of a source. `request`: digest of the model and the settings; `save`: the outputs that there are;
`status`: `done`, `damaged`, predicted as far as it goes, `failed`, or `left out`, a row that names a source again."""

_GROUP_ROWS = 131_072


@contextmanager
def table_writer(path: Path, schema: pyarrow.Schema) -> Iterator[pyarrow.parquet.ParquetWriter]:
    """A Parquet file that appears whole at the end of the block.

    Raises:
        OutputError: if it cannot be written.
    """
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as partial, pyarrow.parquet.ParquetWriter(partial, schema, compression="zstd") as out:
            yield out


def write_table(path: Path, tables: Iterable[pyarrow.Table], schema: pyarrow.Schema) -> int:
    """Write tables of one schema into a Parquet file that appears whole, in groups of rows of a good size.

    Returns:
        the number of rows.

    Raises:
        OutputError: if it cannot be written.
    """
    waiting: list[pyarrow.Table] = []
    count = rows = 0
    with table_writer(path, schema) as out:
        for table in tables:
            waiting.append(table)
            rows, count = rows + len(table), count + len(table)
            if rows >= _GROUP_ROWS:
                out.write_table(pyarrow.concat_tables(waiting))
                waiting, rows = [], 0
        if waiting:
            out.write_table(pyarrow.concat_tables(waiting))
    return count
