"""What failed in a batch and why, in a table beside the results, until a later run mends it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from gfsalnet.errors import OutputError
from gfsalnet.files import output_errors, written_whole
from gfsalnet.formats.texts import read_csv_rows
from gfsalnet.store.claim import claimed

FAILURES_FILE = "failures.csv"


def note_failures(folder: Path, outcomes: Mapping[str, str | None]) -> Path | None:
    """Bring `failures.csv` up to date: what succeeded now goes, what failed comes, what was not tried now stays.

    Args:
        folder: of the results.
        outcomes: source → why it failed; None: it did not.

    Returns:
        the table, with the columns `source` and `problem`; None if nothing is failed any more, and there is none.

    Raises:
        OutputError: if it cannot be written.
    """
    path = folder / FAILURES_FILE
    # The usual batch has nothing to note: then nothing is claimed either.
    if not path.exists() and not any(outcomes.values()):
        return None
    with claimed(path, wait=True), output_errors(path):  # several commands may share the folder
        failed = {source: problem for source, problem in _read(path).items() if source not in outcomes}
        failed |= {source: problem for source, problem in outcomes.items() if problem is not None}
        if not failed:
            path.unlink(missing_ok=True)
            return None
        with written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["source", "problem"])
            rows.writerows(failed.items())
    return path


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        return {row["source"]: row["problem"] for row in read_csv_rows(path, OutputError)}
    except (OutputError, KeyError):  # not one of ours, or damaged: what it said is not known any more
        return {}
