"""A source that a list has described before: where its result goes, and what it must still be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gfsalnet.errors import SourceError
from gfsalnet.video import VideoInfo


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A source, its result's own folder, and its content as it was when it was listed."""

    source: str
    """As `gfsalnet.video.open_source` takes it."""
    folder: Path
    """The folder of this source alone, whatever others are called."""
    content: Mapping[str, int | str] = field(default_factory=dict)
    """What `content_of` said of it then, or a part of that; what is left out may have changed."""

    def __str__(self) -> str:
        return self.source

    def require_unchanged(self, info: VideoInfo) -> None:
        """Make sure that the source is still what was listed.

        Raises:
            SourceError: if its length, time or version is another now.
        """
        now = content_of(info)
        for key, before in self.content.items():
            if now.get(key) != before:
                was = f"{key.replace('_', ' ')} was {before}, is {now.get(key, 'unknown')}"
                raise SourceError(info.source, f"it has changed since it was listed ({was})", "List it again")


def content_of(info: VideoInfo) -> dict[str, int | str]:
    """What tells this content of a source from others: length and time of a file, the server's mark of an address."""
    if info.version is not None:
        return {"version": info.version}
    if info.path is None or info.source == "-":
        return {}
    # Microseconds: what Parquet, in which lists are kept, stores of a time.
    status = info.path.stat()
    return {"bytes": status.st_size, "modified_us": status.st_mtime_ns // 1000}
