"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from gfsalnet.errors import OutputError


def write_whole(path: Path, content: bytes, remedy: str = "Free some space, or write elsewhere.") -> None:
    """Write a file so that nobody sees a part of it; its folder is made.

    Raises:
        OutputError: if it cannot be written; with `remedy`.
    """
    partial = path.with_name(f".{path.stem}-{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(content)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(path, f"cannot be written ({error.strerror or error})", remedy) from error
