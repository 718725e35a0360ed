"""The SHA-256 of files for which nobody published one, as they were when they were first fetched."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from gfsalnet.errors import WeightsError
from gfsalnet.files import home, write_json
from gfsalnet.formats.texts import read_json_object


def digests_file() -> Path:
    """Where they are kept: one JSON object, from URLs to `sha256` and `first_fetched`."""
    return home() / "digests.json"


def check_first_digest(url: str, digest: str) -> str | None:
    """Compare a file with what its URL gave the first time.

    Returns:
        What is wrong, without a full stop; None if it is the same, or the first.

    Raises:
        WeightsError: if the file of digests is damaged.
    """
    first = _read().get(url)
    if first is None or first["sha256"] == digest:
        return None
    return f"has the SHA-256 {digest}, and had {first['sha256']} when it was first fetched, on {first['first_fetched']}"


def keep_first_digest(url: str, digest: str) -> None:
    """Keep what a URL gave, unless it gave something before.

    Raises:
        OutputError: if the file of digests cannot be written.
    """
    known = _read()
    if url not in known:
        entry = {"sha256": digest, "first_fetched": f"{datetime.now(timezone.utc):%Y-%m-%d}"}
        digests_file().parent.mkdir(parents=True, exist_ok=True)
        write_json(digests_file(), {**known, url: entry})


def _read() -> dict[str, dict[str, str]]:
    path = digests_file()
    if not path.exists():
        return {}
    known = read_json_object(path, WeightsError, _REMEDY)
    if not all(isinstance(entry, dict) and {"sha256", "first_fetched"} <= entry.keys() for entry in known.values()):
        raise WeightsError(path, "is damaged", _REMEDY)
    return known


_REMEDY = "Remove it: it holds nothing but the SHA-256 of files that were fetched"
