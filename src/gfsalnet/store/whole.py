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
        raise _foreign(folder) from error
    now = as_stored(request)
    if before != now:
        problem = f"holds results of {difference_in_words(before, now)}"
        raise OutputError(folder, problem, "Give --overwrite, or another --output.")
    return True


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """A hidden folder to write to, which replaces `folder` at the end; on any exception all is as it was.

    Its summary names its `outputs`: nothing else is ever removed from `folder`.

    Raises:
        OutputError: if something cannot be written, or `folder` holds what no run has made.
        TakenError: if another process makes the same folder now.
    """
    try:
        with claimed(folder), output_errors(folder):
            _refuse_foreign(folder)
            with written_whole(folder) as partial:
                partial.mkdir()
                yield partial
    except BaseException:
        with suppress(OSError):
            folder.parent.rmdir()  # only if nothing else is in it
        raise


def _refuse_foreign(folder: Path) -> None:
    """Refuse to replace anything but the results of an earlier run; hidden files are what file managers leave.

    Raises:
        OutputError: if something else is there.
    """
    if not folder.is_dir():
        if folder.exists():
            raise _foreign(folder)
        return
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if not names:
        return
    try:
        ours = set(read_json_object(folder / SUMMARY_FILE, OutputError)["outputs"])
    except (OutputError, KeyError, TypeError) as error:
        raise _foreign(folder) from error
    if others := sorted(names - ours - {SUMMARY_FILE}):
        problem = f"holds {', '.join(others[:3])} beside the results of an earlier run"
        raise OutputError(folder, problem, "Move that away, or choose another --output.")


def _foreign(folder: Path) -> OutputError:
    return OutputError(folder, "something else is in the way", "Move it away, or choose another --output.")
