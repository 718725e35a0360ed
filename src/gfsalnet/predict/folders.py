"""Which folder a source's results go to, and which of them exist already."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from gfsalnet.errors import OutputError
from gfsalnet.files import difference_in_words, file_name
from gfsalnet.render import SINKS, output_names
from gfsalnet.store import ResultFolder, TakenError

PIECES_FOLDER = ".pieces"
"""The name in the folder of the results of the folder in which parts of them wait for the others."""
ALL_OUTPUTS = frozenset(name for kind in ("video", "image") for name in output_names(tuple(SINKS), kind))
"""The names of everything that may be written for a source."""
OF_OTHER_VERBS = frozenset({"aoi", "marks", "reframe", "roi", "thumbnails"})
"""Folders that lie beside those, and stay as they are."""
_MAY_LIE_THERE = ALL_OUTPUTS | OF_OTHER_VERBS | {PIECES_FOLDER}


_REQUEST = ("source", "model", "settings")
"""What a summary says of the request that its results answer."""


def folder_for(output: Path, name: str, source: Mapping[str, Any], taken: Collection[Path] = ()) -> ResultFolder:
    """`output/name`, or `output/name-2`, … if another source of the same name has results there.

    Args:
        output: the folder of all results.
        name: the name of the source.
        source: its entry in the summary; `path` tells sources apart.
        taken: folders that other processes fill with results of other sources.
    """
    free = None
    for number in itertools.count(1):
        folder = ResultFolder(output / file_name(name if number == 1 else f"{name}-{number}"))
        summary = folder.summary()
        # The same source again: its folder is continued or replaced.
        if summary is not None and summary.get("source", {}).get("path") == source["path"]:
            return folder
        if summary is None and folder.path not in taken and folder.is_free(_MAY_LIE_THERE):
            # Its results may lie behind a folder that was in use when they were made, so one more is looked at.
            if free is not None:
                return free
            free = folder
    # For the type checker, which does not know that `count` never ends.
    raise AssertionError("unreachable")


@contextmanager
def claimed_folder(
    output: Path, name: str, source: Mapping[str, Any], own: ResultFolder | None = None
) -> Iterator[ResultFolder]:
    """The `folder_for` a source, or its `own`, into which no other process writes until the block is left.

    Raises:
        TakenError: if another process is at work on the same source.
        OutputError: if the folder cannot be written.
    """
    if own is not None:
        with own.claimed(source["path"]):
            yield own
        return
    taken = set[Path]()
    while True:
        folder = folder_for(output, name, source, taken)
        with ExitStack() as stack:
            try:
                stack.enter_context(folder.claimed(source["path"]))
            except TakenError as error:
                if error.holder is None or error.holder.work == source["path"]:
                    raise
                # Another source of the same name has it: the next number is tried.
                taken.add(folder.path)
                continue
            # Before it was claimed, another process may have finished another source in it.
            if folder_for(output, name, source, taken).path == folder.path:
                yield folder
                return


def is_of_other_request(folder: ResultFolder, request: Mapping[str, Any]) -> bool:
    """Whether a folder holds results of another model, of other settings, or of what the source was before a change."""
    summary = folder.summary()
    return summary is not None and any(summary.get(key) != request[key] for key in _REQUEST)


def missing_outputs(
    folder: ResultFolder, save: tuple[str, ...], kind: str, request: Mapping[str, Any], overwrite: bool
) -> tuple[str, ...]:
    """The words of `save` whose files are still missing.

    Raises:
        OutputError: if the folder holds results of other settings, or of a source that has changed since.
    """
    summary = folder.summary()
    if summary is None or overwrite:
        return save
    for key in _REQUEST:
        if summary.get(key) != request[key]:
            raise OutputError(
                folder.path,
                f"holds results of {difference_in_words(summary.get(key), request[key], key)}",
                "Add --overwrite to replace them, or choose another --output",
            )
    return tuple(word for word in save if not all((folder.path / n).exists() for n in output_names((word,), kind)))
