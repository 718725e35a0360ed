"""Videos in object stores: fetched whole to be predicted, read piece by piece to be looked at."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from gfsalnet.errors import SourceError
from gfsalnet.object_store import describe, fetch, open_object
from gfsalnet.video.container import ContainerReader, MediaInput
from gfsalnet.video.info import VideoInfo
from gfsalnet.video.pyav import FILE


def open_stored(address: str, allow_playlists: bool = False) -> ContainerReader:
    """Fetch an object into a temporary file, which lies there as long as the reader is open.

    Raises:
        SourceError: if it cannot be fetched, or is no video.
        MissingPackageError: if the package of the store is not installed.
    """
    stored = describe(address, SourceError)
    folder = tempfile.TemporaryDirectory(prefix="gfsalnet-")
    try:
        path = Path(folder.name) / f"object{Path(address).suffix}"
        _require_space(address, stored.size_bytes)
        fetch(address, path, SourceError)
        if path.stat().st_size != stored.size_bytes:
            raise SourceError(address, "it changed while it was fetched", "Try again when nobody writes to it.")
    except OSError as error:
        folder.cleanup()
        raise _no_space(address, error.strerror or str(error)) from error
    except BaseException:
        folder.cleanup()
        raise
    media = _media(address, stored.version, f"{FILE}{path}", path, allow_playlists)
    return ContainerReader(media, on_close=folder.cleanup)


def look_at_stored(address: str, version: str) -> VideoInfo:
    """What the headers and the first frame of an object say; errors as `open_stored`.

    Args:
        address: of the object.
        version: as the store has just said.
    """
    with (
        open_object(address, SourceError) as file,
        ContainerReader(_media(address, version, file, None, False)) as reader,
    ):
        return reader.info


def _media(address: str, version: str, file: str | BinaryIO, path: Path | None, allow_playlists: bool) -> MediaInput:
    return MediaInput(
        source=address,
        name=Path(address).stem or "object",
        kind="video",
        file=file,
        path=path,
        allow_playlists=allow_playlists,
        version=version,
    )


def _require_space(address: str, size_bytes: int) -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < size_bytes:
        raise _no_space(address, f"it has {size_bytes / 1e6:,.0f} MB, and there are {free / 1e6:,.0f} MB free")


def _no_space(address: str, why: str) -> SourceError:
    remedy = "Free some space there, or set TMPDIR to a folder with more."
    return SourceError(address, f"it cannot be stored in {tempfile.gettempdir()} ({why})", remedy)
