"""The files of results, as they are handed out."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

_PLAYER_BYTES = 2**19
"""At the end of a report."""


def inside(folder: str | None, name: str) -> Path | None:
    """A file of the folder, and of no other."""
    if folder is None or any(part.startswith(".") or not part for part in name.split("/")):
        return None
    try:
        path = (Path(folder) / name).resolve()
        return path if path.is_relative_to(Path(folder).resolve()) and path.is_file() else None
    except (OSError, ValueError):  # too long, or with a NUL
        return None


def report_policy(path: Path) -> str:
    """What a report needs, and no other script than its player."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _PLAYER_BYTES, 0))
        player = file.read().rpartition(b'<script type="module">')[2].partition(b"</script>")[0]
    digest = base64.b64encode(hashlib.sha256(player).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:; "
        "media-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class _Pipe:
    """What `zipfile` writes to: bytes that are taken away as they come."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        return

    def taken(self) -> bytes:
        data = b"".join(self._written)
        self._written.clear()
        return data


def zipped(folder: Path) -> Iterator[bytes]:
    """A ZIP file of a folder, a piece at a time; what is in it is compressed already."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]  # writes alone
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
            with path.open("rb") as file, archive.open(f"{folder.name}/{path.relative_to(folder)}", "w") as member:
                while chunk := file.read(2**20):
                    member.write(chunk)
                    yield pipe.taken()
            yield pipe.taken()
    yield pipe.taken()
