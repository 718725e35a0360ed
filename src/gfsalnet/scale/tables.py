"""The tables of this room: what their columns are, and how they are written, piece by piece and whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gfsalnet.files import output_errors, written_whole
from gfsalnet.packages import needed_by
from gfsalnet.render.sinks import COLUMN_FORMATS

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

SUMMARIES = pyarrow.schema(
    [
        *(MANIFEST.field(name) for name in ("id",)),
        pyarrow.field("source", pyarrow.string()),
        pyarrow.field("folder", pyarrow.string()),
        *(pyarrow.field(name, pyarrow.int32()) for name in ("width", "height")),
        pyarrow.field("frames_per_second", pyarrow.float64()),
        pyarrow.field("duration_seconds", pyarrow.float64()),
        *(pyarrow.field(f"frames{kind}", pyarrow.int64()) for kind in ("", "_skipped", "_lost", "_damaged")),
        pyarrow.field("damage", pyarrow.string()),
        pyarrow.field("notes", pyarrow.string()),
        pyarrow.field("outputs", pyarrow.string()),
        pyarrow.field("seconds", pyarrow.float64()),
        pyarrow.field("model_name", pyarrow.string()),
        *(pyarrow.field(name, pyarrow.string()) for name in ("model", "settings", "seconds_of_stages", "versions")),
    ]
)
"""A result a row. `notes` has a line for each, `outputs` commas between; `model` and what follows it are JSON."""

FRAMES = pyarrow.schema(
    [
        *(SUMMARIES.field(name) for name in ("id", "source")),
        *(
            pyarrow.field(name, {"d": pyarrow.int64()}.get(form, pyarrow.float64()))
            for name, form in COLUMN_FORMATS.items()
        ),
    ]
)
"""A frame a row: the columns of frames.csv, after those that say of which source."""

FAILURES = pyarrow.schema(
    [
        *(SUMMARIES.field(name) for name in ("id", "source")),
        pyarrow.field("problem", pyarrow.string()),
        OUTCOMES.field("ended"),
    ]
)
"""A source a row that has no result, or one that cannot be read."""

_GROUP_ROWS = 131_072


class TableWriter:
    """Writes tables into groups of rows of a good size, however small they come.

    Args:
        file: to write to.
    """

    def __init__(self, file: pyarrow.parquet.ParquetWriter) -> None:
        self._file = file
        self._waiting: list[pyarrow.Table] = []
        self._held = self.rows = 0

    def add(self, table: pyarrow.Table) -> None:
        """Add rows."""
        self._waiting.append(table)
        self._held, self.rows = self._held + len(table), self.rows + len(table)
        # Small groups compress badly and are slow to read; large ones stay in memory until they are written.
        if self._held >= _GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._file.write_table(pyarrow.concat_tables(self._waiting))
            self._waiting, self._held = [], 0


@contextmanager
def table_writer(path: Path, schema: pyarrow.Schema) -> Iterator[TableWriter]:
    """A Parquet file that appears whole at the end of the block.

    Raises:
        OutputError: if it cannot be written.
    """
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as partial, pyarrow.parquet.ParquetWriter(partial, schema, compression="zstd") as file:
            writer = TableWriter(file)
            yield writer
            writer.flush()


def write_table(path: Path, tables: Iterable[pyarrow.Table], schema: pyarrow.Schema) -> None:
    """Write tables of one schema into a Parquet file that appears whole.

    Raises:
        OutputError: if it cannot be written.
    """
    with table_writer(path, schema) as writer:
        for table in tables:
            writer.add(table)
