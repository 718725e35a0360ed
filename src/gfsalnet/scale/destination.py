"""Where results go: a folder of this machine, or a store, to which they are sent whole when they are complete."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from itertools import groupby
from pathlib import Path

from gfsalnet.errors import OutputError
from gfsalnet.files import remove, write_whole
from gfsalnet.formats.texts import read_bytes
from gfsalnet.object_store import fetch, folders_under, is_object, joined, names_under, read, write, write_folder
from gfsalnet.scale.identity import PREFIX_DIGITS, require_no_secret, result_path
from gfsalnet.store import SUMMARY_FILE
from gfsalnet.urls import is_url

OUTCOMES_FOLDER = "outcomes"
_AT_ONCE = 16
"""Questions to a store."""


class Destination(ABC):
    """A place of results, by their ids, and of small files beside them, by names such as `outcomes/1.parquet`."""

    is_here: bool
    """Whether results are made where they stay."""
    made_in: Path
    """The folder of all results that are being made."""

    @abstractmethod
    def folder(self, source_id: str) -> Path:
        """Where a result is made."""

    @abstractmethod
    def publish(self, source_id: str) -> None:
        """Give a complete result its place; errors as `write`."""

    @abstractmethod
    def present(self, ids: Sequence[str]) -> list[bool]:
        """Whether the result of each of the sorted ids is finished; in a store, whether there is something of it.

        Errors as `read`.
        """

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """A small file; None if there is none.

        Raises:
            OutputError: if it cannot be read.
        """

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Write a small file, which appears whole.

        Raises:
            OutputError: if it cannot be written.
        """

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """The names of the small files of a folder, sorted; none if there is no such folder; errors as `read`."""

    @abstractmethod
    def local(self, name: str) -> AbstractContextManager[Path]:
        """A file on this machine, within the block, which may not be there; errors as `read`."""

    @abstractmethod
    def results(self) -> Iterator[str]:
        """The names of the folders of all results, of `predict` without a manifest too; errors as `read`."""

    def summary(self, source_id: str) -> bytes | None:
        """The summary of a result, as it was written; None if it is not finished; errors as `read`."""
        return self.read(f"{result_path(source_id)}/{SUMMARY_FILE}")


def destination_of(output: str) -> Destination:
    """The place that the user named.

    Raises:
        OutputError: if it is an address to which nothing can be written.
    """
    if not is_url(output):
        return _Folder(Path(output))
    if not is_object(output):
        raise OutputError(output, "nothing can be written to this address", "Give a folder, or one of s3 or gs")
    require_no_secret(output)
    return _Store(output)


def _prefix(source_id: str) -> str:
    return source_id[:PREFIX_DIGITS]


class _Folder(Destination):
    is_here = True

    def __init__(self, root: Path) -> None:
        self._root = self.made_in = root

    def folder(self, source_id: str) -> Path:
        return self._root / result_path(source_id)

    def publish(self, source_id: str) -> None:
        pass  # it was made there

    def present(self, ids: Sequence[str]) -> list[bool]:
        found, root = list[bool](), os.fspath(self._root)
        # One listing of each of 4096 folders, not a question for each of a million results.
        for prefix, group in groupby(ids, _prefix):
            folder, held = f"{root}/{prefix}", set[str]()
            with suppress(OSError):
                held = set(os.listdir(folder))
            found += [name in held and os.path.exists(f"{folder}/{name}/{SUMMARY_FILE}") for name in group]
        return found

    def read(self, name: str) -> bytes | None:
        path = os.path.join(self._root, name)  # not pathlib: it is asked for a million of them
        return read_bytes(Path(path), OutputError) if os.path.lexists(path) else None

    def write(self, name: str, content: bytes) -> None:
        write_whole(self._root / name, content)

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self._root / folder) if not name.startswith("."))
        except OSError:
            return []

    def local(self, name: str) -> AbstractContextManager[Path]:
        return nullcontext(self._root / name)

    def results(self) -> Iterator[str]:
        yield from self._results("")

    def _results(self, folder: str) -> Iterator[str]:
        try:
            with os.scandir(self._root / folder) as entries:
                kinds = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries if entry.name[0] != "."}
        except OSError as error:
            raise OutputError(
                self._root / folder, f"cannot be read ({error.strerror})", "Name another folder"
            ) from error
        # A result: what lies below are its outputs.
        if folder and SUMMARY_FILE in kinds:
            yield folder
            return
        for name in sorted(kinds):
            if kinds[name] and name != OUTCOMES_FOLDER:
                yield from self._results(f"{folder}/{name}".lstrip("/"))


class _Store(Destination):
    """Nothing can be renamed or locked there: objects are written whole, a summary after all that it describes."""

    is_here = False

    def __init__(self, address: str) -> None:
        self._address = address
        # Removed with the object or the process; results lie in it only until they are sent.
        self._work = tempfile.TemporaryDirectory(prefix="gfsalnet-")
        self.made_in = Path(self._work.name)

    def folder(self, source_id: str) -> Path:
        return self.made_in / source_id

    def publish(self, source_id: str) -> None:
        folder = self.folder(source_id)
        try:
            # The summary last: where it is, all else is.
            write_folder(folder, joined(self._address, result_path(source_id)), SUMMARY_FILE, OutputError)
        finally:
            # Also of a result that could not be sent, or the disk would fill: the next run makes it again.
            with suppress(OSError):
                remove(folder)

    def present(self, ids: Sequence[str]) -> list[bool]:
        def of_prefix(group: list[str]) -> list[bool]:
            held = set(folders_under(joined(self._address, _prefix(group[0])), OutputError))
            return [name in held for name in group]

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            # Listings wait for the network, not for the processor: threads.
            groups = [list(group) for _, group in groupby(ids, _prefix)]
            return [is_there for flags in pool.map(of_prefix, groups) for is_there in flags]

    def read(self, name: str) -> bytes | None:
        return read(joined(self._address, name), OutputError)

    def write(self, name: str, content: bytes) -> None:
        write(joined(self._address, name), content, OutputError)

    def names(self, folder: str) -> list[str]:
        return names_under(joined(self._address, folder), OutputError)

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        path = self.made_in / name.replace("/", "-")
        try:
            fetch(joined(self._address, name), path, OutputError)
            yield path
        finally:
            path.unlink(missing_ok=True)

    def results(self) -> Iterator[str]:
        for prefix in folders_under(self._address, OutputError):
            if len(prefix) == PREFIX_DIGITS:
                for source_id in folders_under(joined(self._address, prefix), OutputError):
                    yield f"{prefix}/{source_id}"
