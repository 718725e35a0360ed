"""Which rows of a manifest are still to be predicted, found out without opening a single source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import GFSalNetError, OutputError, SourceError
from gfsalnet.formats.parquet import read_parquet_tables
from gfsalnet.formats.texts import parse_json
from gfsalnet.packages import needed_by
from gfsalnet.render import output_names
from gfsalnet.scale.destination import Destination
from gfsalnet.scale.finding import in_words
from gfsalnet.scale.identity import id_of, shard_range, source_of
from gfsalnet.scale.tables import MANIFEST

with needed_by("a manifest"):
    import pyarrow
    import pyarrow.compute

ALL = "1/1"
_KEPT = ("id", "uri", "size_bytes", "modified", "version")
"""Columns of a manifest that are still needed when its rows have been sorted out."""
_ROWS_AT_ONCE = 250
_READERS = 16
_SUMMARY = Path("summary.json")
_REMEDY = "Make it with `gfsalnet manifest`"


@dataclass(frozen=True)
class Request:
    """What is asked for of every source."""

    asked: Mapping[str, Any]
    """`model` and `settings`, as in summaries."""
    save: tuple[str, ...]
    """Words of `gfsalnet.render.SINKS`."""
    digest: str
    """Digest of `asked`."""


@dataclass
class Plan:
    """The rows of a shard."""

    to_do: pyarrow.Table
    """Rows of a manifest, sorted by id."""
    bad: list[dict[str, Any]] = field(default_factory=list)
    """Rows of outcomes: those that are not even tried."""
    noted: set[tuple[str, str]] = field(default_factory=set)
    """URI and problem of those that an earlier run has written down in the same words."""
    done: int = 0
    damaged: int = 0
    """Results of earlier runs that are complete (`done`), and those of sources that could not be read to their ends."""
    found: pyarrow.Table | None = None
    """Rows, with `status`, of those whose summaries alone told so."""

    def rows(self) -> Iterator[dict[str, Any]]:
        """What is to be done, row by row; `modified` in microseconds since 1970."""
        yield from _one_by_one(self.to_do)

    def found_rows(self) -> Iterator[dict[str, Any]]:
        """The rows of `found`, as `rows` gives those to be done."""
        if self.found is not None:
            yield from _one_by_one(self.found)


def _in_numbers(rows: pyarrow.Table) -> pyarrow.Table:
    """Rows with microseconds since 1970 in place of times, which Python knows only up to the year 9999."""
    column = rows.column_names.index("modified")
    return rows.set_column(column, "modified", rows.column("modified").cast(pyarrow.int64()))


def _one_by_one(rows: pyarrow.Table) -> Iterator[dict[str, Any]]:
    for batch in _in_numbers(rows).to_batches(_ROWS_AT_ONCE):
        yield from batch.to_pylist()


def plan(
    manifest: Path,
    shard: str,
    request: Request,
    outcomes: Iterable[pyarrow.Table],
    destination: Destination,
    *,
    again: bool,
) -> Plan:
    """Sort out the rows of a shard.

    Args:
        manifest: a Parquet file, of whose columns `uri` is enough.
        shard: such as `3/64`.
        request: what is asked for.
        outcomes: of earlier runs, a table at a time.
        destination: where the results are.
        again: whether all is to be done again.

    Raises:
        SourceError: if the manifest cannot be read.
        OutputError: if it cannot be found out what is done.
    """
    rows, bad = _usable(manifest, shard)
    planned = Plan(rows, bad)
    told = _told(rows, outcomes, request, planned.noted if bad else None)
    if again or not len(rows):
        # With --overwrite nothing counts as done, and no summary need be read.
        return planned
    ids = rows.column("id").to_pylist()
    there = np.array(destination.present(ids))
    # An outcome alone is not enough: its result may have been removed since.
    status = np.where(there, told, "")
    # Only these need their summaries read, one file each.
    unsure = np.flatnonzero(there & (status == ""))
    status[unsure] = by_summary = _by_summaries(rows.take(unsure), request, destination)
    found = rows.take(unsure).append_column("status", pyarrow.array(by_summary, pyarrow.string()))
    planned.found = found.filter(pyarrow.compute.not_equal(found.column("status"), ""))
    planned.done, planned.damaged = (int((status == word).sum()) for word in ("done", "damaged"))
    planned.to_do = rows.filter(pyarrow.array(status == ""))
    return planned


def _usable(manifest: Path, shard: str) -> tuple[pyarrow.Table, list[dict[str, Any]]]:
    """The rows of a shard that can be tried, sorted by id, and outcomes of the others."""
    first, end = shard_range(shard)
    seen, bad, tables, at = set[bytes](), list[dict[str, Any]](), [MANIFEST.empty_table().select(_KEPT)], 0
    for table in read_parquet_tables(manifest, MANIFEST, SourceError, _REMEDY):
        uris, given = table.column("uri").to_pylist(), table.column("id").to_pylist()
        states, problems = table.column("state").to_pylist(), table.column("problem").to_pylist()
        ids = [id_of(uri) if uri else "" for uri in uris]
        keep = []
        for row, source_id in enumerate(ids):
            # A row without a URI has no id: the first shard alone reports it.
            if not (first <= source_id < end or (not source_id and shard.startswith("1/"))):
                continue
            status, problem = "failed", _problem(uris[row], given[row], source_id, states[row], problems[row])
            if problem is None:
                key = bytes.fromhex(source_id)
                if key not in seen:
                    seen.add(key)
                    keep.append(row)
                    continue
                status, problem = "left out", "an earlier row of the manifest names it already. Nothing is to be done."
            shown = uris[row] or f"row {at + row + 1} of {manifest.name}"
            bad.append({"id": source_id or None, "uri": shown, "status": status, "problem": problem})
        at += len(table)
        named = table.set_column(0, MANIFEST.field("id"), pyarrow.array(ids)).select(_KEPT)
        tables.append(named.take(pyarrow.array(keep, pyarrow.int64())))
    return pyarrow.concat_tables(tables).sort_by("id").combine_chunks(), bad


def _problem(uri: str | None, given: str | None, source_id: str, state: str | None, problem: str | None) -> str | None:
    """Why a row is not tried; None if it is."""
    if not uri:
        return f"the row has no URI. {_REMEDY}."
    if given is not None and given != source_id:
        return f"its id is not that of its URI, which is {source_id}. {_REMEDY}."
    if state == "unreadable":
        return problem or f"the manifest says that it cannot be read. {_REMEDY}."
    try:
        source_of(uri)
    except GFSalNetError as error:
        return in_words(error)
    return None


def _told(
    rows: pyarrow.Table, outcomes: Iterable[pyarrow.Table], request: Request, noted: set[tuple[str, str]] | None
) -> NDArray[np.str_]:
    """`done` or `damaged` of each row that has an outcome of the same content; empty of the others.

    Args:
        rows: sorted by id.
        outcomes: of earlier runs.
        request: what they are to be results of.
        noted: where to put URI and problem of those that have one; None: nowhere.
    """
    ids, content = np.array(rows.column("id").to_numpy(), "S"), _content(rows)
    # Seven letters: `damaged`.
    status = np.full(len(rows), "", "U7")
    for table in outcomes:
        if noted is not None:
            bad = table.filter(pyarrow.compute.is_valid(table.column("problem")))
            noted.update(zip(bad.column("uri").to_pylist(), bad.column("problem").to_pylist(), strict=True))
        finished = table.filter(_answers(table, request))
        if len(rows) and len(finished):
            wanted = np.array(finished.column("id").to_numpy(), "S")
            # An id beyond the last would point past the end; the comparison below sorts it out.
            places = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
            same = ids[places] == wanted
            for before, now in zip(_content(finished), content, strict=True):
                same &= pyarrow.compute.equal(before, now.take(pyarrow.array(places))).to_numpy()
            status[places[same]] = finished.column("status").to_numpy()[same]
    return status


def _answers(outcomes: pyarrow.Table, request: Request) -> pyarrow.ChunkedArray:
    """Which outcomes are results of the request."""
    enough = [
        words
        for words in pyarrow.compute.unique(outcomes.column("save")).to_pylist()
        if words is not None and set(request.save) <= set(words.split(","))
    ]
    is_in, equal, both = pyarrow.compute.is_in, pyarrow.compute.equal, pyarrow.compute.and_
    is_done = is_in(outcomes.column("status"), pyarrow.array(["done", "damaged"]))
    has_all = is_in(outcomes.column("save"), pyarrow.array(enough, pyarrow.string()))
    right = both(both(is_done, has_all), equal(outcomes.column("request"), request.digest))
    return pyarrow.compute.fill_null(right, False)


def _content(table: pyarrow.Table) -> list[pyarrow.ChunkedArray]:
    """What says of which content a row is, with values in place of nulls, which would equal nothing."""
    fill = pyarrow.compute.fill_null
    modified = table.column("modified").cast(pyarrow.int64())
    return [fill(table.column("size_bytes"), -1), fill(modified, -1), fill(table.column("version"), "")]


def _by_summaries(rows: pyarrow.Table, request: Request, destination: Destination) -> list[str]:
    """`done` or `damaged` of each row whose summary says that it is finished; empty of the others."""

    def statuses(batch: pyarrow.RecordBatch) -> list[str]:
        read = ((row, destination.summary(row["id"])) for row in batch.to_pylist())
        return ["" if text is None else _status(text, row, request) for row, text in read]

    with ThreadPoolExecutor(_READERS) as pool:
        batches = _in_numbers(rows).to_batches(_ROWS_AT_ONCE)
        return [status for found in pool.map(statuses, batches) for status in found]


def _status(text: bytes, row: Mapping[str, Any], request: Request) -> str:
    """`done` or `damaged` if a summary is of this row and request; empty if not."""
    try:
        summary = parse_json(text.decode(), _SUMMARY, OutputError)
        source, outputs = summary["source"], set(summary["outputs"])
        right = all(summary[key] == value for key, value in request.asked.items())
        right &= set(output_names(request.save, source["kind"])) <= outputs
        if row["version"] is not None:
            # As `predict` names a source with a version of its store or server.
            right &= source["path"].endswith(f"({row['version']})")
        else:
            right &= row["size_bytes"] in (None, source["bytes"])
            right &= row["modified"] in (None, source["modified_ns"] // 1000)
    except (GFSalNetError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return ("damaged" if summary.get("damage") else "done") if right else ""
