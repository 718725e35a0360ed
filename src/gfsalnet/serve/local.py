"""The page that predicts in the browser itself: what `gfsalnet web` writes, at `/local/`, with the headers it needs."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from fastapi import Response
from fastapi.responses import FileResponse

from gfsalnet.serve.problems import Problem
from gfsalnet.web import HEADERS, folder_files

_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
"""Browsers insist on these, and the tables of some systems say otherwise."""
_ASKED_EVERY_TIME = {"cache-control": "no-cache"}


def local_file(name: str) -> Response:
    """A file of the folder.

    Raises:
        Problem: if there is none of that name.
    """
    name = name or "index.html"
    file = _files().get(name)
    if file is None:
        raise Problem(404, f"{name} is no file of this page.")
    suffix = Path(name).suffix
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {**HEADERS, **_ASKED_EVERY_TIME}
    if isinstance(file, bytes):
        return Response(file, headers=headers, media_type=media_type)
    return FileResponse(file, headers=headers, media_type=media_type)


@lru_cache(maxsize=1)
def _files() -> Mapping[str, Path | bytes]:
    return folder_files()
