"""All results in a few tables: every frame, every summary, and what failed."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from gfsalnet.errors import GFSalNetError, OutputError
from gfsalnet.formats.texts import parse_json, read_csv_rows, read_csv_tables
from gfsalnet.packages import needed_by
from gfsalnet.scale.destination import Destination, destination_of
from gfsalnet.scale.finding import in_words
from gfsalnet.scale.identity import ID_DIGITS, id_of, result_path
from gfsalnet.scale.outcomes import read_outcomes
from gfsalnet.scale.tables import FAILURES, FRAMES, SUMMARIES, table_writer
from gfsalnet.store import FAILURES_FILE as NOTED_FILE
from gfsalnet.store import SUMMARY_FILE

with needed_by("collect"):
    import pyarrow
    import pyarrow.compute

FRAMES_FILE, SUMMARIES_FILE, FAILURES_FILE = "frames.parquet", "summaries.parquet", "failures.parquet"
_CURVES = pyarrow.schema([field for field in FRAMES if field.name not in ("id", "source")])
_READERS = 8
_AHEAD = 4 * _READERS
"""Results that are read before they are written."""
_DAMAGED = "Remove its folder, and predict it again."


@dataclass
class Collected:
    """What the tables hold."""

    results: int = 0
    frames: int = 0
    failures: int = 0


@dataclass
class _Result:
    """A result as it was read."""

    row: dict[str, Any]
    """Row of `SUMMARIES`; for a result that cannot be read, of `FAILURES`."""
    curves: list[pyarrow.Table] = field(default_factory=list)

    @property
    def is_read(self) -> bool:
        return "problem" not in self.row


def collect(results: str, output: Path, on_result: Callable[[Collected], None] = lambda so_far: None) -> Collected:
    """Write three Parquet files: `frames.parquet`, `summaries.parquet` and `failures.parquet`, see `scale.tables`.

    A result that cannot be read is a failure, and the rest goes on. Memory holds a few results at a time, and the ids
    of all.

    Args:
        results: the folder or address that `predict` has written to, with a manifest or without.
        output: folder of the tables.
        on_result: called after each result.

    Raises:
        OutputError: if nothing is there, or something cannot be written.
    """
    # `seen`: ids of all results, with which the outcomes are compared at the end.
    source, so_far, seen = destination_of(results), Collected(), set[str]()
    with (
        _removed_if_empty(output),
        table_writer(output / FRAMES_FILE, FRAMES) as frames,
        table_writer(output / SUMMARIES_FILE, SUMMARIES) as summaries,
        table_writer(output / FAILURES_FILE, FAILURES) as failures,
    ):
        for result in _read_ahead(source):
            seen.add(result.row["id"])
            if result.is_read:
                for table in result.curves:
                    frames.add(_with_source(table, result.row))
                summaries.add(pyarrow.Table.from_pylist([result.row], schema=SUMMARIES))
            else:
                failures.add(pyarrow.Table.from_pylist([result.row], schema=FAILURES))
            # A new one each time: the caller may keep what it was given.
            so_far = Collected(summaries.rows, frames.rows, failures.rows)
            on_result(so_far)
        failures.add(_without_result(read_outcomes(source), seen))
        failures.add(_of_batches(source, seen))
        if not seen and not failures.rows:
            raise OutputError(results, "there is no result", "Name a folder that `gfsalnet predict` has written to")
        return Collected(summaries.rows, frames.rows, failures.rows)


@contextmanager
def _removed_if_empty(folder: Path) -> Iterator[None]:
    """Let a folder that was not there before be gone again where nothing was written to it."""
    was_there = folder.exists()
    try:
        yield
    finally:
        if not was_there:
            with suppress(OSError):
                folder.rmdir()


def _read_ahead(source: Destination) -> Iterator[_Result]:
    """All results in order, of which some are read at once."""
    under_way: deque[Future[_Result]] = deque()
    pool = ThreadPoolExecutor(_READERS)
    try:
        for name in source.results():
            under_way.append(pool.submit(_read, source, name))
            # In order and at most so many: one slow result does not let thousands wait in memory.
            if len(under_way) >= _AHEAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read(source: Destination, name: str) -> _Result:
    row = {"id": _id(name, name), "source": name}
    try:
        text = source.read(f"{name}/{SUMMARY_FILE}")
        summary = None if text is None else parse_json(text.decode(), Path(name) / SUMMARY_FILE, OutputError, _DAMAGED)
        if not isinstance(summary, dict):
            raise OutputError(name, "it is not finished, or its summary holds something else", _DAMAGED)
        row = _described(name, summary)
        # Not asked for, so no failure; where it was and is missing, reading it below is one.
        if "frames.csv" not in summary["outputs"]:
            return _Result(row)
        with source.local(f"{name}/frames.csv") as file:
            return _Result(row, list(read_csv_tables(file, _CURVES, OutputError, _DAMAGED)))
    except GFSalNetError as error:
        return _Result({"id": row["id"], "source": row["source"], "problem": in_words(error)})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"its summary is of another form ({type(error).__name__}: {error}). {_DAMAGED}"
        return _Result({"id": row["id"], "source": row["source"], "problem": problem})


def _id(folder: str, source: str) -> str:
    """The id that is the folder's name, if that is one of a manifest's; else that of the source."""
    name = folder.rpartition("/")[2]
    return name if len(name) == ID_DIGITS and result_path(name) == folder else id_of(source)


def _described(name: str, summary: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `SUMMARIES`."""
    path, video = summary["source"]["path"], summary["video"]
    return {
        "id": _id(name, path),
        "source": path,
        "folder": name,
        "width": video["size_wh"][0],
        "height": video["size_wh"][1],
        "frames_per_second": float(Fraction(video["rate"])),
        "duration_seconds": video["duration_seconds"],
        **{key: summary[key] for key in ("frames", "frames_skipped", "frames_lost", "frames_damaged", "damage")},
        "notes": "\n".join(summary["notes"]),
        "outputs": ",".join(summary["outputs"]),
        "seconds": summary["seconds"]["total"],
        "model_name": summary["model"].get("name"),
        "model": _json(summary["model"]),
        "settings": _json(summary["settings"]),
        "seconds_of_stages": _json(summary["seconds"]),
        "versions": _json(summary["versions"]),
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _with_source(curves: pyarrow.Table, row: Mapping[str, Any]) -> pyarrow.Table:
    for place, name in enumerate(("id", "source")):
        # Of one value, however many rows: a dictionary is stored once and written as text.
        values = pyarrow.array([row[name]]).take(pyarrow.array([0] * len(curves), pyarrow.int8()))
        curves = curves.add_column(place, FRAMES.field(name), values)
    return curves


def _without_result(outcomes: Iterable[pyarrow.Table], seen: set[str]) -> pyarrow.Table:
    """The last reason of each source that has failed and has no result."""
    is_in, kinds = pyarrow.compute.is_in, pyarrow.array(["failed", "left out"])
    failed = [row for table in outcomes for row in table.filter(is_in(table.column("status"), kinds)).to_pylist()]
    still = sorted((row for row in failed if row["id"] not in seen), key=lambda row: row["ended"])
    # Sorted by time, so that of several failures of one source the last one stays.
    last = {row["uri"]: {**row, "source": row["uri"]} for row in still}
    return pyarrow.Table.from_pylist(list(last.values()), schema=FAILURES)


def _of_batches(source: Destination, seen: set[str]) -> pyarrow.Table:
    """What `predict` without a manifest has noted of sources that have no result."""
    rows: list[dict[str, str]] = []
    if NOTED_FILE in source.names(""):
        with source.local(NOTED_FILE) as file:
            rows = [row for row in read_csv_rows(file, OutputError) if id_of(row.get("source", "")) not in seen]
    return pyarrow.Table.from_pylist(rows, schema=FAILURES)
