"""What became of each source, written down beside the results, so that nothing that is done is looked at again.

Each run appends files of its own: nobody else writes to them, so no lock is needed. They may be removed: results are
then known by their summaries, which takes longer, and failures are forgotten.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from gfsalnet.errors import OutputError
from gfsalnet.formats.parquet import read_parquet_tables
from gfsalnet.packages import needed_by
from gfsalnet.scale.destination import OUTCOMES_FOLDER, Destination
from gfsalnet.scale.tables import OUTCOMES

with needed_by("a manifest"):
    import pyarrow
    import pyarrow.parquet

FLUSH_SECONDS, FILE_ROWS = 5.0, 5000
_REMEDY = "Remove it: results are known by their summaries too"


def read_outcomes(destination: Destination) -> Iterator[pyarrow.Table]:
    """The outcomes of all earlier runs, a piece at a time, in no order.

    Raises:
        OutputError: if a file of them cannot be read.
    """
    for name in destination.names(OUTCOMES_FOLDER):
        if name.endswith(".parquet"):
            with destination.local(f"{OUTCOMES_FOLDER}/{name}") as file:
                yield from read_parquet_tables(file, OUTCOMES, OutputError, _REMEDY)


@dataclass
class OutcomeLog:
    """The outcomes of one run, of which those of the last `FLUSH_SECONDS` may be lost by a kill.

    While they cannot be written, as on a full disk, they are kept in memory.

    Args:
        destination: where the results are.
        shard: such as `3/64`.
        same: columns that all rows have in common.
    """

    destination: Destination
    same: dict[str, Any]
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _written: int = 0
    _number: int = 0
    _flushed: float = field(default_factory=time.monotonic)
    _run: str = field(default_factory=lambda: f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}")

    def add(self, row: dict[str, Any]) -> None:
        """Note an outcome, a row of `tables.OUTCOMES` less what all have in common and the time."""
        self._rows.append({**self.same, "ended": datetime.now(timezone.utc), **row})
        if time.monotonic() - self._flushed > FLUSH_SECONDS or len(self._rows) - self._written >= FILE_ROWS:
            try:
                self.flush()
            except OutputError:
                self._flushed = time.monotonic()  # `close` tries again, and says so if it fails as well

    def flush(self) -> None:
        """Write what is not yet written.

        Raises:
            OutputError: if that is not possible.
        """
        if len(self._rows) > self._written:
            buffer = pyarrow.BufferOutputStream()
            table = pyarrow.Table.from_pylist(self._rows, schema=OUTCOMES)
            pyarrow.parquet.write_table(table, buffer, compression="zstd")
            self.destination.write(
                f"{OUTCOMES_FOLDER}/{self._run}-{self._number:06d}.parquet", buffer.getvalue().to_pybytes()
            )
            self._written = len(self._rows)
            if self._written >= FILE_ROWS:  # a file grows by being written anew, so it must not grow for ever
                self._rows, self._written, self._number = [], 0, self._number + 1
        self._flushed = time.monotonic()
