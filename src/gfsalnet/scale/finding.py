"""What the user named, found one after the other, without opening any: folders, globs, lists, objects, addresses."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gfsalnet.errors import GFSalNetError, RequestError, SourceError
from gfsalnet.object_store import StoredObject, is_object, objects_under
from gfsalnet.packages import MissingPackageError
from gfsalnet.scale.identity import require_no_secret, shown_uri, source_of, uri_of
from gfsalnet.urls import is_url
from gfsalnet.video.files import as_stored, is_video, unreadable

LIST_SUFFIXES = (".txt", ".lst")
"""Endings of text files with a source on each line."""
_LONGEST_LINE = 32_768


@dataclass(frozen=True, kw_only=True)
class Found:
    """A source that may be there."""

    uri: str
    size_bytes: int | None = None
    modified_us: int | None = None
    """Microseconds since 1970; also in the future, where a clock was wrong: it is never compared but for equality."""
    version: str | None = None
    """What a store says of the content."""
    problem: str | None = None
    """Why it cannot be read, if that is known."""


def find(sources: Iterable[str]) -> Iterator[Found]:
    """All that the sources stand for; what cannot be found or listed is found with its problem.

    A folder stands for the videos in it and in all folders below, hidden ones left out, in the order of their names; a
    list for the sources on its lines, relative to its own folder; a glob for all that matches it.

    Raises:
        RequestError: if a list names a list.
        MissingPackageError: if the package of a store is not installed.
    """
    for source in sources:
        if Path(source).suffix.lower() in LIST_SUFFIXES and not is_url(source):
            yield from _listed(Path(source))
        else:
            yield from _found(source)


def _listed(path: Path) -> Iterator[Found]:
    try:
        with path.open("rb") as file:
            # Bounded: a video that is called .txt by mistake has no lines.
            while line := file.readline(_LONGEST_LINE):
                # Names of files are bytes, of any encoding.
                source = os.fsdecode(line.removeprefix(b"\xef\xbb\xbf").strip())
                if not source or source.startswith("#"):
                    continue
                if Path(source).suffix.lower() in LIST_SUFFIXES and not is_url(source):
                    raise RequestError(path, f"names another list, {source}", "Name that one beside it")
                yield from _found(source if is_url(source) else str(path.parent / source))
    except OSError as error:
        yield _problem(uri_of(path), unreadable(path, error))


def _found(source: str) -> Iterator[Found]:
    try:
        if is_object(source):
            require_no_secret(source)
            # Of a folder only what is called like a video; a pattern or a full address means what it says.
            by_name = not glob.has_magic(source)
            for stored in objects_under(source, SourceError):
                if not by_name or stored.address == source or is_video(Path(stored.address)):
                    yield _of_store(stored)
        elif is_url(source):
            yield Found(uri=source_of(source))
        else:
            yield from _local(as_stored(os.path.abspath(source)))
    except MissingPackageError:
        raise
    except GFSalNetError as error:
        yield _problem(shown_uri(source), error)


def _of_store(stored: StoredObject) -> Found:
    modified = None if stored.modified is None else round(stored.modified.timestamp() * 1e6)
    found = Found(uri=stored.address, size_bytes=stored.size_bytes, modified_us=modified, version=stored.version)
    return found if stored.size_bytes else _empty(found)


def _local(path: str) -> Iterator[Found]:
    if os.path.isdir(path):
        yield from _below(path)
    # First as a name: files may be called `clip[1].mp4`.
    elif os.path.lexists(path) or not glob.has_magic(path):
        yield _file(path)
    else:
        matches = sorted(glob.iglob(path, recursive=True))
        if not matches:
            remedy = "Check the spelling, and the folder it starts from."
            yield _problem(uri_of(path), SourceError(path, "nothing matches this pattern", remedy))
        for match in matches:
            yield from _below(match) if os.path.isdir(match) else [_file(match)]


def _below(folder: str) -> Iterator[Found]:
    """The videos of a folder and of those below; links to folders are not followed, they may lead round in a ring."""
    try:
        with os.scandir(folder) as entries:
            kinds = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries if entry.name[0] != "."}
    except OSError as error:
        yield _problem(uri_of(folder), unreadable(folder, error))
        return
    for name in sorted(kinds):
        path = os.path.join(folder, name)
        if kinds[name]:
            yield from _below(path)
        elif is_video(Path(name)):
            yield _file(path)


def _file(path: str) -> Found:
    uri = uri_of(path)
    try:
        # Only asked about, not opened: that is left to the probe, which looks at several at once.
        status = os.stat(path)
    except (OSError, ValueError) as error:
        return _problem(uri, unreadable(path, error))
    if not stat.S_ISREG(status.st_mode):
        return _problem(uri, SourceError(path, "it is no file", "Give a video file."))
    found = Found(uri=uri, size_bytes=status.st_size, modified_us=status.st_mtime_ns // 1000)
    return found if status.st_size else _empty(found)


def _empty(found: Found) -> Found:
    return Found(
        uri=found.uri,
        size_bytes=0,
        modified_us=found.modified_us,
        version=found.version,
        problem="the file is empty. Copy or download it again.",
    )


def _problem(uri: str, error: GFSalNetError) -> Found:
    return Found(uri=uri, problem=in_words(error))


def in_words(error: GFSalNetError) -> str:
    """What is wrong and what to do, without the source, which has a column of its own."""
    return f"{error.problem}. {error.remedy.rstrip('.')}."
