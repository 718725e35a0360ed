"""A folder that one run makes, whole or not at all, with the request that it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gfsalnet.errors import OutputError
from gfsalnet.files import as_stored, difference_in_words, output_errors, written_whole
from gfsalnet.formats.texts import read_json_object
from gfsalnet.store.claim import claimed
from gfsalnet.store.folder import SUMMARY_FILE


def is_made(folder: Path, request: Mapping[str, Any], overwrite: bool) -> bool:
    """Whether the same results are there already.

    Args:
        folder: of the results.
        request: what determines them, as JSON values; their summary has it under `request`.
        overwrite: whether whatever is there may be replaced.

    Raises:
        OutputError: if others are in the way.
    """
    if overwrite or not folder.exists():
        return False
    try:
        before = read_json_object(folder / SUMMARY_FILE, OutputError)["request"]
    except (OutputError, KeyError) as error:
        raise OutputError(folder, "something else is in the way", "Choose another --output.") from error
    now = as_stored(request)
    if before != now:
        problem = f"holds results of {difference_in_words(before, now)}"
        raise OutputError(folder, problem, "Give --overwrite, or another --output.")
    return True


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """A hidden folder to write to, which replaces `folder` at the end; on any exception all is as it was.

    Raises:
        OutputError: if something cannot be written.
        TakenError: if another process makes the same folder now.
    """
    try:
        with claimed(folder), output_errors(folder), written_whole(folder) as partial:
            partial.mkdir()
            yield partial
    except BaseException:
        with suppress(OSError):
            folder.parent.rmdir()  # only if nothing else is in it
        raise
