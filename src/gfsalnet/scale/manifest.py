"""Manifests: what there is to predict, a row for each source, made once and taken up again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gfsalnet.errors import GFSalNetError, OutputError, SourceError
from gfsalnet.files import refuse_folder, remove
from gfsalnet.formats.parquet import read_parquet_tables
from gfsalnet.object_store import is_object
from gfsalnet.packages import MissingPackageError, needed_by
from gfsalnet.scale.finding import Found, find, in_words
from gfsalnet.scale.identity import ID_DIGITS, id_of, source_of
from gfsalnet.scale.tables import MANIFEST, write_table
from gfsalnet.store import claimed
from gfsalnet.unexpected import unexpected
from gfsalnet.urls import is_url
from gfsalnet.video import VideoInfo, open_source
from gfsalnet.video.objects import look_at_stored

with needed_by("a manifest"):
    import pyarrow
    import pyarrow.compute

FOUND_AT_ONCE = 250
"""Sources between two looks at what is known of them."""
PART_ROWS, PART_SECONDS = 20_000, 10.0
"""What is kept of the work in one piece: after a kill, at most this is done again."""
_LARGEST = 2**63
_NO_MANIFEST = "Write to another file, or remove that one"
Counts: TypeAlias = "dict[str, int]"
"""State → rows that have it; `kept`: of those, how many were taken from an earlier manifest."""


def make_manifest(
    sources: Iterable[str],
    path: Path,
    *,
    probe: bool = True,
    workers: int = 4,
    on_row: Callable[[Counts], None] = lambda counts: None,
) -> Counts:
    """Write a row for every source into a Parquet file; see `tables.MANIFEST` for the columns.

    A manifest that is there, and the pieces that a run left which was stopped, are taken up: rows whose source has the
    same length, time and version are kept, without a look at it, if one succeeded before. Sources that are not found
    any more are not in the new one. A source that is named twice has one row.

    Args:
        sources: files, folders, globs, lists, addresses; see `find`.
        path: of the manifest; `PATH.parts`, a folder, lies beside it until it is complete.
        probe: whether each source is opened, and its first frame decoded.
        workers: sources that are opened at once, in threads.
        on_row: called now and then with what there is so far.

    Returns:
        how many rows have each state.

    Raises:
        OutputError: if it cannot be written, or another process is at work on it.
        SourceError: if what is there at `path` is no manifest.
    """
    refuse_folder(path)
    with claimed(path, "a manifest"):
        parts = path.with_name(f"{path.name}.parts")
        # What a stopped run has left counts too, and its pieces are newer than the manifest.
        known = _Known.read(path, parts)
        counts: Counts = {"ready": 0, "listed": 0, "unreadable": 0, "kept": 0}
        written = _Parts(parts)
        pool = ThreadPoolExecutor(workers)
        try:
            for batch in _in_batches(_once(find(sources)), FOUND_AT_ONCE):
                written.add(_rows(batch, known, pool if probe else None, counts))
                on_row(counts)
        finally:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C the rest of a batch is not waited for
        written.flush()
        tables = (table for part in written.files for table in read_parquet_tables(part, MANIFEST, OutputError))
        write_table(path, tables, MANIFEST)
        remove(parts)
    return counts


def _once(found: Iterable[Found]) -> Iterator[tuple[str, Found]]:
    """Each source with its id, the first time that it comes."""
    # Ten bytes of each id in place of twenty letters: there may be millions.
    seen = set[bytes]()
    for one in found:
        source_id = id_of(one.uri)
        if (key := bytes.fromhex(source_id)) not in seen:
            seen.add(key)
            yield source_id, one


def _in_batches(items: Iterator[tuple[str, Found]], count: int) -> Iterator[list[tuple[str, Found]]]:
    while batch := list(islice(items, count)):
        yield batch


def _rows(
    batch: list[tuple[str, Found]], known: _Known, pool: ThreadPoolExecutor | None, counts: Counts
) -> pyarrow.Table:
    rows = [{"id": source_id, **_as_listed(found)} for source_id, found in batch]
    fresh = pyarrow.Table.from_pylist(rows, schema=MANIFEST)
    kept, keep = known.same_as(fresh, probed=pool is not None)
    others = [(row, found) for row, (_, found), is_kept in zip(rows, batch, keep, strict=True) if not is_kept]
    if pool is not None:
        for (row, _), said in zip(others, pool.map(_looked_at, [found for _, found in others]), strict=True):
            row.update(said)
    made = pyarrow.Table.from_pylist([row for row, _ in others], schema=MANIFEST)
    places = np.argsort(np.argsort(np.logical_not(keep), kind="stable"))  # as they were found
    table = pyarrow.concat_tables([kept, made]).take(places)
    for value in table.column("state").value_counts().to_pylist():
        counts[value["values"]] += value["counts"]
    counts["kept"] += len(kept)
    return table


def _as_listed(found: Found) -> dict[str, Any]:
    modified = found.modified_us
    return {
        "uri": found.uri,
        "size_bytes": found.size_bytes,
        # File systems hold times that 64 bits of microseconds do not.
        "modified": None if modified is None or abs(modified) >= _LARGEST else modified,
        "version": found.version,
        "state": "listed" if found.problem is None else "unreadable",
        "problem": found.problem,
    }


def _looked_at(found: Found) -> dict[str, Any]:
    """What a row says once its source was opened."""
    if found.problem is not None:
        return {}
    try:
        info = _info(found)
        if info.is_live:
            raise SourceError(found.uri, "it has no end", "Record a part of it, and give that.")
    except MissingPackageError:
        raise
    except GFSalNetError as error:
        return {"state": "unreadable", "problem": in_words(error)}
    except Exception as error:  # one bad source must not stop the others
        return {"state": "unreadable", "problem": in_words(unexpected(found.uri, error))}
    return {
        "version": found.version or info.version,
        "duration_seconds": info.duration_seconds,
        "frames": info.estimated_frames,
        "width": info.size_wh[0],
        "height": info.size_wh[1],
        "state": "ready",
    }


def _info(found: Found) -> VideoInfo:
    if is_object(found.uri):
        return look_at_stored(found.uri, found.version or "")
    with open_source(source_of(found.uri), local_only=not is_url(found.uri)) as reader:
        return reader.info


@dataclass(frozen=True)
class _Known:
    """Rows of earlier manifests, found by their ids."""

    table: pyarrow.Table
    ids: NDArray[np.bytes_]
    """(N,) sorted."""
    places: NDArray[np.int64]
    """(N,) where each of `ids` stands in the table."""

    @classmethod
    def read(cls, path: Path, parts: Path) -> _Known:
        # From old to new: `same_as` takes the last of several rows.
        files = [*([path] if path.exists() else []), *sorted(parts.glob("*.parquet"))]
        tables = [table for file in files for table in read_parquet_tables(file, MANIFEST, SourceError, _NO_MANIFEST)]
        table = pyarrow.concat_tables([MANIFEST.empty_table(), *tables]).combine_chunks()
        table = table.filter(pyarrow.compute.is_valid(table.column("id")))
        ids = np.array(table.column("id").to_numpy(), dtype=f"S{ID_DIGITS}")
        places = np.argsort(ids, kind="stable").astype(np.int64)
        return cls(table, ids[places], places)

    def same_as(self, fresh: pyarrow.Table, *, probed: bool) -> tuple[pyarrow.Table, list[bool]]:
        """The rows of the same content as fresh ones, if a look at it succeeded or none is wanted.

        Returns:
            the rows, and for each of the fresh ones whether it has one.
        """
        wanted = np.array(fresh.column("id").to_pylist(), dtype=self.ids.dtype)
        at = np.searchsorted(self.ids, wanted, side="right") - 1  # of several the last, which is the newest
        there = np.flatnonzero(self.ids[at] == wanted) if len(self.ids) else np.zeros(0, np.int64)
        earlier = self.table.take(self.places[at[there]])
        states = ("ready",) if probed else ("ready", "listed")
        before, now = _content(earlier), _content(fresh.take(there))
        same = [
            content == other and content[0] is not None and state in states
            for content, other, state in zip(before, now, earlier.column("state").to_pylist(), strict=True)
        ]
        kept = set(there[same].tolist())
        return earlier.filter(pyarrow.array(same, pyarrow.bool_())), [row in kept for row in range(len(fresh))]


def _content(table: pyarrow.Table) -> list[tuple[object, ...]]:
    """Length, time and version in each row."""
    columns = (table.column("size_bytes"), table.column("modified").cast(pyarrow.int64()), table.column("version"))
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


@dataclass
class _Parts:
    """A table that grows on the disk, in files that each appear whole.

    Args:
        folder: for the files.
    """

    folder: Path
    files: list[Path] = field(default_factory=list)
    _waiting: list[pyarrow.Table] = field(default_factory=list)
    _flushed: float = field(default_factory=time.monotonic)

    def add(self, table: pyarrow.Table) -> None:
        self._waiting.append(table)
        if sum(map(len, self._waiting)) >= PART_ROWS or time.monotonic() - self._flushed > PART_SECONDS:
            self.flush()

    def flush(self) -> None:
        # A name after those of all earlier runs: what was found last counts.
        number = max((int(path.stem) for path in self.folder.glob("*.parquet")), default=-1) + 1
        path = self.folder / f"{number:08d}.parquet"
        write_table(path, self._waiting, MANIFEST)
        self.files.append(path)
        self._waiting, self._flushed = [], time.monotonic()
